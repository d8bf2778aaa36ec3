/** Messages by key over a real broker: while it runs, after a clean stop, after an index that somebody has deleted. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RequestCode } from '../../src/remoting/codes.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { temporaryFolder } from '../support/folders.ts';
import { type LogLine, NodeClient, startNode, until } from './node-client.ts';

const MESSAGES = 300;
/** Two keys a message: several files. */
const INDEX = { maxHashSlotNum: 50, maxIndexNum: 200, placement: 'inline' } as const;

const query = async (client: NodeClient, key: string): Promise<string> => {
  const fields = { topic: 'Keyed', key, maxNum: '9', beginTimestamp: '0', endTimestamp: String(2 ** 50) };
  const answer = await client.invoke(requestOf(RequestCode.QUERY_MESSAGE, 0, new Map(Object.entries(fields))));
  return answer.body === null ? '' : Buffer.from(answer.body).toString('latin1');
};

async function expectAll(client: NodeClient): Promise<void> {
  for (let i = 0; i < MESSAGES; i += 7) {
    expect(await query(client, `order-${i}`), `order-${i}`).toContain(`body of ${i}.`);
    expect(await query(client, `client-${i % 10}`)).toContain('body of ');
  }
  expect(await query(client, 'order-none')).toBe('');
}

it('finds messages by key, whatever has become of the broker', async () => {
  const folder = temporaryFolder('message-keys');
  let node = await startNode(folder, INDEX);
  let client = new NodeClient(node);
  for (let i = 0; i < MESSAGES; i++) {
    const properties = `KEYS\u0001order-${i} client-${i % 10}\u0002`;
    expect((await client.send({ topic: 'Keyed', queueId: i % 4, body: `body of ${i}.`, properties })).code).toBe(0);
  }
  await until(async () => (await query(client, `order-${MESSAGES - 1}`)) !== '', 'the newest message is found');
  await expectAll(client);
  client.close();
  await node.close();
  const files = readdirSync(join(folder, 'index'));
  expect(files.length).toBeGreaterThan(3);

  const lines: LogLine[] = [];
  node = await startNode(folder, INDEX, lines);
  client = new NodeClient(node);
  await expectAll(client);
  client.close();
  await node.close();
  expect(lines.filter(({ level }) => level !== 'info')).toEqual([]);

  rmSync(join(folder, 'index', files.at(-1)!));
  node = await startNode(folder, INDEX, lines);
  client = new NodeClient(node);
  await expectAll(client);
  client.close();
  await node.close();
  expect(lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
    expect.stringMatching(/^the key index lacks messages from \d+ on: they are put in again$/),
  ]);
});
