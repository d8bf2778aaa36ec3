/** Whole brokers that delete while they serve. Looks for files are asked for by request 329: the first of its own comes after a minute. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PLACEMENTS } from '../../src/broker/broker-settings.ts';
import type { BrokerOptions } from '../../src/config/broker-schema.ts';
import { parseMessageId } from '../../src/layout/message-id.ts';
import { readRecord } from '../../src/layout/message-record.ts';
import { QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { temporaryFolder } from '../support/folders.ts';
import { openFilesUnder } from '../support/open-files.ts';
import { type LogLine, NodeClient, startNode, until } from './node-client.ts';

const SEGMENT = 64 * 1024;
const QUEUE_FILE_ENTRIES = 40;
const QUEUE_FILE = QUEUE_FILE_ENTRIES * QUEUE_ENTRY_BYTES;
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

/** Returns where each message lies in the log. */
async function sendTo(client: NodeClient, from: number, to: number): Promise<number[]> {
  const logOffsets: number[] = [];
  for (let n = from; n < to; n += 20) {
    const numbers = Array.from({ length: Math.min(20, to - n) }, (_, i) => n + i);
    const answers = await Promise.all(numbers.map((number) => client.send({ topic: TOPIC, body: body(number) })));
    for (const { code, extFields } of answers) {
      expect(code).toBe(0);
      logOffsets.push(Number(parseMessageId(extFields!.get('msgId')!)!.logOffset));
    }
  }
  return logOffsets;
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

/** Of the numbers that `pattern` finds in the messages of the log. */
function sumOf(lines: readonly LogLine[], pattern: RegExp): number {
  return lines.reduce((sum, { message }) => sum + Number(pattern.exec(message)?.[1] ?? 0), 0);
}

describe.each(PLACEMENTS)('a broker that deletes, placement %s', (placement) => {
  it('forgets old messages, says where its queues begin, and gives the room back', async () => {
    const store = `${temporaryFolder('retention')}/store`;
    const lines: LogLine[] = [];
    const options = { ...FORGETFUL, placement };
    const sent = await startNode(store, options);
    const sender = new Operator(sent);
    const logOffsets = await sendTo(sender, 0, 600);
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
    const min = logOffsets.filter((logOffset) => logOffset < first).length;
    await until(async () => (await client.offset(RequestCode.GET_MIN_OFFSET)) === min, 'the minimum');
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
    // The file of the newest message that is gone stays.
    const filesGone = Math.floor((min - 1) / QUEUE_FILE_ENTRIES);
    await until(() => Number(readdirSync(queueFiles)[0]) === filesGone * QUEUE_FILE, 'the queue files');
    const filesSaid = (): number => sumOf(lines, /^deleted (\d+) files of queue Orders\/0,/);
    await until(() => filesSaid() === filesGone, 'the lines of the log that say so');
    await until(() => !openFilesUnder(store).some((path) => path.endsWith('(deleted)')), 'the files’ close');
    expect(lines.filter(({ message }) => message.startsWith('deleted 0000')).length).toBeGreaterThan(5);

    await sendTo(client, 600, 640);
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

describe('deleting under load', () => {
  it('costs those who keep up nothing, and leads those who are behind to what is there', async () => {
    const lines: LogLine[] = [];
    const store = `${temporaryFolder('retention')}/store`;
    const node = await startNode(store, FORGETFUL, lines);
    const producer = new Operator(node);
    const operator = new Operator(node);
    const codes = new Map<string, number>();
    const isSeen = (): boolean =>
      node.stats().counters.segmentsDeleted >= 20 &&
      node.stats().watermarks.queueFilesDeleted > 0 &&
      codes.has('21 OFFSET_TOO_SMALL');
    let sent = 0;
    let isOver = false;

    const keepsUp = (async () => {
      const client = new NodeClient(node);
      let next = 0;
      while (!isOver || next < sent) {
        const answer = await client.pull(TOPIC, 0, next);
        // A new topic and a queue that has nothing new are no errors.
        if (answer.code === ResponseCode.PULL_NOT_FOUND || answer.code === ResponseCode.TOPIC_NOT_EXIST) continue;
        expect([answer.code, answer.remark]).toEqual([0, 'FOUND']);
        for (const message of messagesOf(answer)) expect(message).toEqual({ offset: next, body: body(next++) });
      }
      client.close();
      return next;
    })();
    /** Reads from the queue's very first message on, over and over. */
    const fallsBehind = (async () => {
      const client = new NodeClient(node);
      await until(() => sent > 0, 'the first message');
      let next = 0;
      let inARow = 0;
      let pulls = 0;
      while (!isOver) {
        const answer = await client.pull(TOPIC, 0, next);
        const what = `${answer.code} ${answer.remark}`;
        codes.set(what, (codes.get(what) ?? 0) + 1);
        const begin = Number(answer.extFields!.get('nextBeginOffset'));
        if (answer.code === 0) {
          for (const message of messagesOf(answer)) expect(message.body).toBe(body(message.offset));
          inARow = 0;
        } else {
          expect(what).toMatch(
            /^(?:20 MESSAGE_WAS_REMOVING|21 OFFSET_TOO_SMALL|19 (?:OFFSET_OVERFLOW_ONE|NO_MESSAGE_IN_QUEUE))$/,
          );
          // Never back, and on from what is gone.
          if (answer.code !== ResponseCode.PULL_NOT_FOUND) expect(begin).toBeGreaterThan(next);
          expect(++inARow).toBeLessThan(500);
        }
        next = answer.code === ResponseCode.PULL_NOT_FOUND || ++pulls % 50 === 0 ? 0 : begin;
      }
      client.close();
    })();

    const deadline = Date.now() + 60_000;
    while (!isSeen() && Date.now() < deadline) {
      await sendTo(producer, sent, sent + 20);
      sent += 20;
      if (sent % 400 === 0) expect((await operator.ask(RequestCode.DELETE_EXPIRED_COMMITLOG)).code).toBe(0);
      if (sent % 1000 === 0) expect((await operator.ask(RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE)).code).toBe(0);
    }
    isOver = true;
    expect(await keepsUp).toBe(sent);
    await fallsBehind;
    expect(isSeen(), JSON.stringify([...codes])).toBe(true);
    expect(codes.get('0 FOUND')).toBeGreaterThan(0);
    const min = await operator.offset(RequestCode.GET_MIN_OFFSET);
    expect(min).toBeGreaterThan(0);
    expect(await operator.offset(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, { timestamp: '1' })).toBeGreaterThanOrEqual(
      min,
    );
    // Dispatch has read every segment and written every queue file.
    await until(() => !openFilesUnder(store).some((path) => path.endsWith('(deleted)')), 'the files’ close');
    expect(node.stats().failure).toBeNull();
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    producer.close();
    operator.close();
    await node.close();
  }, 90_000);
});
