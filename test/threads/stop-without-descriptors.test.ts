/** Stops of whole brokers that get no descriptor meanwhile: they come to an end, and the store can be opened again by the same process. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { NodeClient, startNode } from './node-client.ts';

const TOPIC = 'Orders';
/** A stop waits 5 s for a flush that gets nowhere. */
const STOP_MS = 15_000;
const { openSync, readFileSync } = fs;

/** On this thread, where the placement "inline" has all of the broker. */
function refuse(isRefused: (path: string) => boolean): void {
  const check = (path: unknown): void => {
    if (isRefused(String(path))) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  };
  fs.openSync = ((...args: Parameters<typeof openSync>) => {
    check(args[0]);
    return openSync(...args);
  }) as typeof openSync;
  fs.readFileSync = ((...args: Parameters<typeof readFileSync>) => {
    check(args[0]);
    return readFileSync(...args);
  }) as typeof readFileSync;
  syncBuiltinESMExports();
}

function allow(): void {
  fs.openSync = openSync;
  fs.readFileSync = readFileSync;
  syncBuiltinESMExports();
}

afterEach(allow);

describe('a stop without descriptors', () => {
  it('gives the store up when abort cannot be looked at, not as a clean stop', async () => {
    const store = `${temporaryFolder('stop')}/store`;
    const node = await startNode(store, { placement: 'inline' });
    const client = new NodeClient(node);
    expect((await client.send({ topic: TOPIC })).code).toBe(0);
    client.close();
    refuse((path) => path.endsWith('/abort'));
    await node.close();
    allow();
    expect(fs.existsSync(`${store}/abort`)).toBe(true);
    const again = await startNode(store, { placement: 'inline' });
    await again.close();
    expect(fs.existsSync(`${store}/abort`)).toBe(false);
  });

  it(
    'does not wait for ever for a flush that cannot open its segment',
    async () => {
      const store = `${temporaryFolder('stop')}/store`;
      const settings = {
        placement: 'inline',
        flushDiskType: 'SYNC_FLUSH',
        syncFlushTimeout: 100,
        mappedFileSizeCommitLog: 64 * 1024,
        messageIndexEnable: false,
      } as const;
      const node = await startNode(store, settings);
      const client = new NodeClient(node);
      const body = 'x'.repeat(3000);
      expect((await client.send({ topic: TOPIC, body })).code).toBe(0);
      // Flush opens the log's folder behind each new segment.
      refuse((path) => path.endsWith('/commitlog'));
      const codes: number[] = [];
      for (let i = 0; i < 50; i++) codes.push((await client.send({ topic: TOPIC, body })).code);
      expect(codes).toContain(10);
      client.close();
      await node.close();
      const { flushed, written } = node.stats().watermarks;
      expect(flushed).toBeLessThan(written);
      allow();
      const lines: { readonly message: string }[] = [];
      const again = await startNode(store, settings, lines as never);
      expect(lines.map(({ message }) => message).join('\n')).toContain('was not stopped cleanly');
      await again.close();
    },
    STOP_MS + 20_000,
  );
});
