/** Whole brokers that delete while they serve. Looks for files are asked for by request 329: the first of its own comes after a minute. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PLACEMENTS } from '../../src/broker/broker-settings.ts';
import type { BrokerOptions } from '../../src/config/broker-schema.ts';
import { readRecord } from '../../src/layout/message-record.ts';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { temporaryFolder } from '../interop/harness/folders.ts';
import { openFilesUnder } from '../support/open-files.ts';
import { type LogLine, NodeClient, startNode, until } from './node-client.ts';

const SEGMENT = 64 * 1024;
const QUEUE_FILE = 40 * 20;
const TOPIC = 'Orders';

/** Everything but the newest expires at once. */
const FORGETFUL: Partial<BrokerOptions> = {
  mappedFileSizeCommitLog: SEGMENT,
  mappedFileSizeConsumeQueue: QUEUE_FILE,
  fileReservedTime: 0,
  deleteCommitLogFilesInterval: 0,
  deleteConsumeQueueFilesInterval: 0,
  cleanResourceInterval: 20,
  // No hour is now.
  deleteWhen: String((new Date().getHours() + 12) % 24),
};

class Operator extends NodeClient {
  async ask(code: number, fields: Record<string, string> = {}): Promise<RemotingCommand> {
    return this.invoke(requestOf(code, 0, new Map(Object.entries(fields))));
  }

  async offset(code: number, fields: Record<string, string> = {}): Promise<number> {
    const answer = await this.ask(code, { topic: TOPIC, queueId: '0', ...fields });
    return Number(answer.extFields!.get(code === RequestCode.GET_EARLIEST_MSG_STORETIME ? 'timestamp' : 'offset'));
  }

  async runtime(): Promise<Record<string, string>> {
    const { body } = await this.ask(RequestCode.GET_BROKER_RUNTIME_INFO);
    return JSON.parse(Buffer.from(body!).toString()).table;
  }
}

const body = (n: number): string => `${n}`.padEnd(1000, '.');

async function sendTo(client: NodeClient, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += 20) {
    const numbers = Array.from({ length: Math.min(20, to - n) }, (_, i) => n + i);
    const answers = await Promise.all(numbers.map((number) => client.send({ topic: TOPIC, body: body(number) })));
    for (const { code } of answers) expect(code).toBe(0);
  }
}

/** A message of a later ms than all before: only then are those certainly durable in their queues when this one is. */
async function sendLater(client: NodeClient, n: number): Promise<void> {
  const beforeMs = Date.now();
  await until(() => Date.now() > beforeMs + 1, 'the next ms');
  await sendTo(client, n, n + 1);
}

/** Queue offset and body of each message of a pull's answer. */
function messagesOf(answer: RemotingCommand): { readonly offset: number; readonly body: string }[] {
  const bytes = Uint8Array.from(answer.body!);
  const view = new DataView(bytes.buffer);
  const messages: { offset: number; body: string }[] = [];
  for (let at = 0; at < bytes.length; at += view.getInt32(at)) {
    const record = readRecord(view, bytes, at)!;
    messages.push({ offset: Number(record.queueOffset), body: Buffer.from(record.body).toString() });
  }
  return messages;
}

describe.each(PLACEMENTS)('a broker that deletes, placement %s', (placement) => {
  it('forgets old messages, says where its queues begin, and gives the room back', async () => {
    const store = `${temporaryFolder('retention')}/store`;
    const lines: LogLine[] = [];
    const options = { ...FORGETFUL, placement };
    const sent = await startNode(store, options);
    const sender = new Operator(sent);
    await sendTo(sender, 0, 600);
    await sendLater(sender, 600);
    const before = await sender.offset(RequestCode.GET_EARLIEST_MSG_STORETIME);
    sender.close();
    // A stop makes the queues durable at once, which otherwise takes a round of ten seconds: before, nothing is deleted.
    await sent.close();

    const node = await startNode(store, options, lines);
    const client = new Operator(node);
    // Somebody reads the oldest file, and has it open.
    expect((await client.pull(TOPIC, 0, 0)).code).toBe(0);
    expect(readdirSync(`${store}/commitlog`).length).toBeGreaterThan(8);
    expect((await client.ask(RequestCode.DELETE_EXPIRED_COMMITLOG)).code).toBe(0);
    // What has the newest messages stays.
    const { written } = node.stats().watermarks;
    const first = written - (written % SEGMENT);
    await until(() => Number(readdirSync(`${store}/commitlog`)[0]) === first, 'the deletion');
    await until(async () => (await client.offset(RequestCode.GET_MIN_OFFSET)) > 500, 'the minimum');
    const min = await client.offset(RequestCode.GET_MIN_OFFSET);
    const { body: found, code } = await client.pull(TOPIC, 0, min);
    expect(code).toBe(0);
    expect(messagesOf({ body: found } as RemotingCommand)[0]).toEqual({ offset: min, body: body(min) });
    // The message before it is gone.
    const tooSmall = await client.pull(TOPIC, 0, min - 1);
    expect(tooSmall.code).toBe(ResponseCode.PULL_OFFSET_MOVED);
    expect(tooSmall.remark).toBe('OFFSET_TOO_SMALL');
    expect(tooSmall.extFields!.get('nextBeginOffset')).toBe(String(min));
    expect(await client.offset(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, { timestamp: '0' })).toBe(min);
    expect(await client.offset(RequestCode.GET_EARLIEST_MSG_STORETIME)).toBeGreaterThanOrEqual(before);
    expect(await client.runtime()).toMatchObject({ commitLogMinOffset: String(first) });

    const queueFiles = `${store}/consumequeue/${TOPIC}/0`;
    await until(() => readdirSync(queueFiles).length <= 3, 'the queue files');
    expect(Number(readdirSync(queueFiles)[0])).toBeLessThanOrEqual(min * 20);
    await until(() => !openFilesUnder(store).some((path) => path.endsWith('(deleted)')), 'the files’ close');
    expect(lines.filter(({ message }) => message.startsWith('deleted 0000')).length).toBeGreaterThan(5);
    expect(lines.some(({ message }) => /^deleted \d+ files of queue Orders\/0/.test(message))).toBe(true);

    await sendTo(client, 601, 640);
    await until(async () => (await client.maxOffset(TOPIC, 0)) === 640, 'more');
    client.close();
    await node.close();

    const again = await startNode(store, options);
    const reader = new Operator(again);
    await until(async () => (await reader.offset(RequestCode.GET_MIN_OFFSET)) === min, 'the same minimum');
    expect(await reader.maxOffset(TOPIC, 0)).toBe(640);
    reader.close();
    await again.close();
  }, 30_000);
});
