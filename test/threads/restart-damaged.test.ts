/** What a broker makes of its own store when somebody has damaged it between a clean stop and the next start. */
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeDisk } from '../../src/store/disk.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import { temporaryFolder } from '../support/folders.ts';
import { repaired } from '../support/repaired.ts';
import { type LogLine, NodeClient, startNode } from './node-client.ts';

const QUEUES = 3;
const MESSAGES = 600;
/** There are many starts, and threads of its own cost each of them half a second. */
const HERE = { placement: 'inline' } as const;

let store: string;
let lines: LogLine[];
let expected: string[][];

const warnings = (): string[] => lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
const queueFolder = (queueId: number): string => join(store, 'consumequeue/Orders', String(queueId));

/** Changes the topic of message `i` where it lies in the log. */
function damageTopic(i: number, damage: (topic: Uint8Array) => void): void {
  const folder = join(store, 'commitlog');
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    const body = bytes.indexOf(`message ${i} `);
    if (body < 0) continue;
    const at = bytes.indexOf('Orders', body);
    damage(bytes.subarray(at, at + 'Orders'.length));
    writeFileSync(join(folder, name), bytes);
  }
}

/** All bodies by queue, over a new start. */
async function served(): Promise<string[][]> {
  const node = await startNode(store, HERE, lines);
  const client = new NodeClient(node);
  try {
    return await Promise.all(expected.map((_, queueId) => client.pullAll('Orders', queueId)));
  } finally {
    client.close();
    await node.close();
  }
}

beforeEach(async () => {
  store = temporaryFolder('damaged');
  lines = [];
  expected = Array.from({ length: QUEUES }, () => []);
  const node = await startNode(store, HERE);
  const client = new NodeClient(node);
  const sends = Array.from({ length: MESSAGES }, (_, i) => {
    const body = `message ${i} `.padEnd(3000, '.');
    expected[i % QUEUES]!.push(body);
    return client.send({ topic: 'Orders', queueId: i % QUEUES, body });
  });
  for (const answer of await Promise.all(sends)) expect(answer.code).toBe(0);
  client.close();
  await node.close();
});

afterEach(() => rmSync(store, { recursive: true, force: true }));

describe('a store that was stopped in order', () => {
  it('is served as it was, without a warning, again and again', async () => {
    for (let start = 0; start < 2; start++) expect(await served()).toEqual(expected);
    expect(warnings()).toEqual([]);
  });

  it('gets a queue back that somebody has deleted', async () => {
    rmSync(queueFolder(1), { recursive: true });
    expect(await served()).toEqual(expected);
    expect(warnings()).toEqual([
      `2 queues with 400 entries where there were 3 with 600: what is missing is built again from the log`,
    ]);
    expect(await served()).toEqual(expected);
    expect(warnings()).toHaveLength(1);
  });

  it('gets the entries back that a queue has lost', async () => {
    const file = join(queueFolder(2), readdirSync(queueFolder(2))[0]!);
    const bytes = readFileSync(file);
    bytes.fill(0, 20 * 150);
    writeFileSync(file, bytes);
    expect(await served()).toEqual(expected);
    expect(warnings()).toEqual([expect.stringContaining('3 queues with 550 entries where there were 3 with 600')]);
  });

  it('gets all queues and the index back', async () => {
    rmSync(join(store, 'consumequeue'), { recursive: true });
    rmSync(join(store, 'index'), { recursive: true });
    expect(await served()).toEqual(expected);
    expect(warnings()).toHaveLength(2);
  });

  it('is refused when its log has lost something, and left as it is', async () => {
    const folder = join(store, 'commitlog');
    // The newest file may have been made ahead of time.
    const isUsed = (name: string): boolean => readFileSync(join(folder, name)).some((byte) => byte !== 0);
    const last = join(folder, readdirSync(folder).findLast(isUsed)!);
    const bytes = readFileSync(last);
    const end = bytes.findLastIndex((byte) => byte !== 0);
    bytes.fill(0, end - 2000, end);
    writeFileSync(last, bytes);
    await expect(served()).rejects.toThrow(
      /ends at \d+, but all records up to \d+ have been on the disk.*ringmq verify/,
    );
    expect(readFileSync(last).equals(bytes)).toBe(true);
    // Whoever accepts the loss gets the rest.
    rmSync(join(store, 'checkpoint'));
    const left = await served();
    expect(left.flat()).toHaveLength(MESSAGES - 1);
    for (const [queueId, bodies] of left.entries()) expect(expected[queueId]!.slice(0, bodies.length)).toEqual(bodies);
  });

  it('is served whole when a body has rotted: the record too, with a line that names it', async () => {
    const folder = join(store, 'commitlog');
    const first = join(folder, readdirSync(folder)[0]!);
    const bytes = readFileSync(first);
    const at = bytes.indexOf('message 4 ');
    bytes[at] = 'M'.charCodeAt(0);
    writeFileSync(first, bytes);
    expected[4 % QUEUES]![1] = expected[4 % QUEUES]![1]!.replace('m', 'M');
    expect(await served()).toEqual(expected);
    expect(warnings()).toEqual([
      expect.stringMatching(/^the record at \d+ \(Orders, queue 1, offset 1\) was on the disk and is damaged/),
    ]);
  });

  it.each<[what: string, topic: string | number[], shown: RegExp]>([
    ['is zero', '\0'.repeat(6), /^the record at \d+ \("\\u0000.*", queue 1, offset 100\) was on the disk/],
    ['leads out of the queues', '../ab/', /^the record at \d+ \("\.\.\/ab\/", queue 1, offset 100\) was on the disk/],
    ['is no text', [0x4f, 0xf2], /^the record at \d+ \(".*", queue 1, offset 100\) was on the disk/],
    ['is one that nobody has', 'N', /^the record at \d+ \(Nrders, queue 1, offset 100\) is in no queue/],
  ])('is served as it was when the topic of a record %s, with a line that names it', async (_what, topic, shown) => {
    damageTopic(301, (bytes) => bytes.set(Buffer.from(topic as string)));
    expect(await served()).toEqual(expected);
    expect(warnings()).toEqual([expect.stringMatching(shown)]);
    // Now dispatch goes over it as well.
    rmSync(join(store, 'index'), { recursive: true });
    expect(await served()).toEqual(expected);
    expect(warnings().slice(1)).toEqual([expect.stringMatching(/^the key index lacks/), expect.stringMatching(shown)]);
    expect(readdirSync(join(store, 'consumequeue'))).toEqual(['Orders']);
    expect(readdirSync(store)).not.toContain('ab');
  });

  it('is refused when the queue of such a record has gone too, and served as it was after a repair', async () => {
    damageTopic(301, (bytes) => bytes.fill(0));
    rmSync(queueFolder(1), { recursive: true });
    await expect(served()).rejects.toThrow(
      /queue Orders\/1 goes on with 101 after 99\. .*`ringmq repair` builds the queue/,
    );
    expect((await repaired(new NodeDisk(), storePathsOf(store))).end).toBe('repaired');
    expect(await served()).toEqual(expected);
  });

  it.each(['the newest file', 'every file'])(
    'is refused when %s of its log is gone, and nothing else goes',
    async (what) => {
      const folder = join(store, 'commitlog');
      const names = readdirSync(folder).filter((name) => readFileSync(join(folder, name)).some((byte) => byte !== 0));
      for (const name of readdirSync(folder))
        if (what === 'every file' || name >= names.at(-1)!) rmSync(join(folder, name));
      const before = readdirSync(queueFolder(0));
      await expect(served()).rejects.toThrow(/has lost something: .*all records up to \d+ have been on the disk/);
      expect(readdirSync(queueFolder(0))).toEqual(before);
      expect(readdirSync(join(store, 'index'))).toHaveLength(1);
    },
  );

  it('passes over files that others have put beside its queues', async () => {
    writeFileSync(join(store, 'consumequeue/.DS_Store'), 'x');
    writeFileSync(join(store, 'consumequeue/Orders/7'), 'x');
    expect(await served()).toEqual(expected);
  });

  it('says that a topic is not there any more', async () => {
    for (const name of ['topics.json', 'topics.json.bak']) rmSync(join(store, 'config', name), { force: true });
    const node = await startNode(store, HERE, lines);
    await node.close();
    expect(warnings()).toEqual([
      expect.stringMatching(/^1 topic with messages not in config\/topics.json, for example Orders/),
    ]);
  });

  it('is refused with another size of index files than it has, and keeps them', async () => {
    writeFileSync(join(store, 'abort'), '');
    const name = readdirSync(join(store, 'index'))[0]!;
    await expect(startNode(store, { ...HERE, maxIndexNum: 30_000_000 }, lines)).rejects.toThrow(
      /maxHashSlotNum and maxIndexNum make/,
    );
    expect(readdirSync(join(store, 'index'))).toEqual([name]);
    expect(await served()).toEqual(expected);
  });

  it('is refused when a file of the log is short, and says which', async () => {
    const folder = join(store, 'commitlog');
    const first = join(folder, readdirSync(folder)[0]!);
    truncateSync(first, 1000);
    await expect(served()).rejects.toThrow(`${first} has 1000 bytes, but mappedFileSizeCommitLog is 1048576`);
  });

  it('gets a queue back without a checkpoint too, from as far back as it was', async () => {
    rmSync(join(store, 'checkpoint'));
    rmSync(queueFolder(1), { recursive: true });
    expect(await served()).toEqual(expected);
    expect(warnings()).toContainEqual(
      expect.stringMatching(/^queue Orders\/1 .* has 0 entries, and the log goes on with/),
    );
  });

  it('does not need its checkpoint', async () => {
    rmSync(join(store, 'checkpoint'));
    expect(await served()).toEqual(expected);
  });
});
