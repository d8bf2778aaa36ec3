import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { asLogOffset, asQueueOffset, asQueueSlot } from '../../src/base/units.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../src/layout/remoting-frame.ts';
import { DiskFailedError } from '../../src/store/disk.ts';
import { bodyOf, ENTRIES_PER_FILE, outcome, PullHarness, SEGMENT_BYTES } from './pull-harness.ts';

const SLOT = asQueueSlot(0);
const KIB = 1024;

describe('the outcomes of a pull (spec/api.md 8.3)', () => {
  it('a queue without a row: not found at 0, moved elsewhere', () => {
    const broker = new PullHarness();
    broker.topic({ slots: [-1, 1, 2, 3] });
    expect(outcome(broker.ask())).toEqual([19, 'NO_MATCHED_LOGIC_QUEUE', 0, 0, 0]);
    expect(outcome(broker.ask({ queueOffset: 5 }))).toEqual([21, 'NO_MATCHED_LOGIC_QUEUE', 0, 0, 0]);
  });

  it('an empty queue: not found at 0, moved elsewhere', () => {
    const broker = new PullHarness();
    expect(outcome(broker.ask())).toEqual([19, 'NO_MESSAGE_IN_QUEUE', 0, 0, 0]);
    expect(outcome(broker.ask({ queueOffset: 5 }))).toEqual([21, 'NO_MESSAGE_IN_QUEUE', 0, 0, 0]);
    expect(outcome(broker.ask({ queueOffset: -1 }))).toEqual([21, 'NO_MESSAGE_IN_QUEUE', 0, 0, 0]);
  });

  it('an offset outside of the queue', () => {
    const broker = new PullHarness();
    broker.many(5);
    broker.queues.setMin(SLOT, asQueueOffset(2));
    expect(outcome(broker.ask({ queueOffset: 1 }))).toEqual([21, 'OFFSET_TOO_SMALL', 2, 2, 5]);
    expect(outcome(broker.ask({ queueOffset: 5 }))).toEqual([19, 'OFFSET_OVERFLOW_ONE', 5, 2, 5]);
    expect(outcome(broker.ask({ queueOffset: 6 }))).toEqual([21, 'OFFSET_OVERFLOW_BADLY', 5, 2, 5]);
  });

  it('an entry that is neither in the tail nor in a file sends the client to the next file', () => {
    const broker = new PullHarness();
    broker.queues.publishMax(SLOT, asQueueOffset(50));
    broker.queues.setFiled(SLOT, asQueueOffset(50));
    expect(outcome(broker.ask({ queueOffset: 7 }))).toEqual([19, 'OFFSET_FOUND_NULL', ENTRIES_PER_FILE, 0, 50]);
  });

  it('an entry whose file was deleted while it was looked for leads the client to where the queue begins by now', () => {
    const broker = new PullHarness();
    broker.queues.publishMax(SLOT, asQueueOffset(50));
    broker.queues.setFiled(SLOT, asQueueOffset(50));
    broker.beforeEntries = () => broker.queues.setMin(SLOT, asQueueOffset(40));
    expect(outcome(broker.ask({ queueOffset: 7 }))).toEqual([21, 'OFFSET_TOO_SMALL', 40, 40, 50]);
  });

  it('messages: exactly their records, in the request’s serialization', () => {
    for (const serializeType of [SERIALIZE_JSON, SERIALIZE_ROCKETMQ] as const) {
      const broker = new PullHarness();
      broker.put({ size: 100 }, { size: 150 }, { size: 90 });
      const answer = broker.ask({ serializeType, opaque: 99, queueOffset: 1 });
      expect(outcome(answer)).toEqual([0, 'FOUND', 3, 0, 3]);
      expect(answer).toMatchObject({ serializeType, opaque: 99, flag: 1, version: 479, language: 'JAVA' });
      expect(answer.extFields?.get('suggestWhichBrokerId')).toBe('0');
      expect(Buffer.from(answer.body!)).toEqual(bodyOf([2, 150], [3, 90]));
      expect(Object.fromEntries(broker.counters)).toEqual({ pulls: 1, pulledMessages: 2, pulledBytes: 240 });
    }
  });

  it('nothing matches: the next pull begins behind what was looked at', () => {
    const broker = new PullHarness();
    broker.many(3, { tagsCode: 2598919 });
    expect(outcome(broker.ask({ subscription: 'TagZ', queueOffset: 1 }))).toEqual([20, 'NO_MATCHED_MESSAGE', 3, 0, 3]);
  });

  it('a record whose segment was deleted', () => {
    const broker = new PullHarness();
    broker.many(3);
    broker.logStart = SEGMENT_BYTES;
    expect(outcome(broker.ask())).toEqual([20, 'MESSAGE_WAS_REMOVING', 3, 0, 3]);
  });

  it('records of a deleted segment are passed over and those behind it are not', () => {
    const broker = new PullHarness();
    broker.many(3);
    broker.skip(SEGMENT_BYTES);
    broker.many(2);
    broker.logStart = SEGMENT_BYTES;
    expect(outcome(broker.ask({ queueOffset: 1 }))).toEqual([20, 'MESSAGE_WAS_REMOVING', 3, 0, 5]);
    expect(outcome(broker.ask({ queueOffset: 3 }))).toEqual([0, 'FOUND', 5, 0, 5]);
  });
});

describe('the size of a batch', () => {
  const next = (broker: PullHarness, fields = {}): number => outcome(broker.ask(fields))[2] as number;

  it('is what the pull asks for, at least one', () => {
    const broker = new PullHarness();
    broker.many(50);
    expect(next(broker, { maxMsgNums: 10 })).toBe(10);
    expect(next(broker, { maxMsgNums: 1 })).toBe(1);
    expect(next(broker, { maxMsgNums: 0 })).toBe(1);
    expect(next(broker, { maxMsgNums: -5 })).toBe(1);
  });

  it('is 32 messages or 256 KiB in memory', () => {
    const broker = new PullHarness();
    broker.many(50);
    expect(next(broker, { maxMsgNums: 1000 })).toBe(32);
    const large = new PullHarness();
    large.many(30, { size: 60 * 1024 });
    expect(next(large)).toBe(4);
  });

  it('is 8 messages or 64 KiB on disk', () => {
    // 40 percent of this are 40 000 bytes.
    const broker = new PullHarness({ memoryLimitBytes: 100_000 });
    broker.many(1000);
    expect(next(broker)).toBe(8);
    expect(next(broker, { queueOffset: 990 })).toBe(1000);
    const large = new PullHarness({ memoryLimitBytes: 100_000 });
    large.many(20, { size: 30_000 });
    expect(next(large)).toBe(2);
  });

  it('goes from the rules of the disk to those of memory within a batch', () => {
    // The last 400 records are in memory; the batch is at 9 messages when it comes there, which only the disk's rule refuses.
    const broker = new PullHarness({ memoryLimitBytes: 100_000 });
    broker.many(1000);
    expect(next(broker, { queueOffset: 595 })).toBe(595 + 32);
    expect(next(broker, { queueOffset: 585 })).toBe(585 + 8);
  });

  it('follows the settings', () => {
    const settings = { maxTransferCountOnMessageInMemory: 100, maxTransferBytesOnMessageInMemory: 5000 };
    const broker = new PullHarness({ settings });
    broker.many(100);
    expect(next(broker, { maxMsgNums: 100 })).toBe(50);
    const more = new PullHarness({ settings: { ...settings, maxTransferBytesOnMessageInMemory: 1e9 } });
    more.many(300);
    expect(next(more, { maxMsgNums: 1000 })).toBe(100);
  });

  it('lets a first message through that is larger than all limits', () => {
    const broker = new PullHarness({ settings: { maxTransferBytesOnMessageInMemory: 1000 } });
    broker.put({ size: 5000 }, { size: 100 });
    expect(next(broker)).toBe(1);
  });

  it('ends at the first entry that does not fit, even when it does not match', () => {
    const broker = new PullHarness({ settings: { maxTransferBytesOnMessageInMemory: 1000 } });
    broker.put({ size: 900, tagsCode: 2598919 }, { size: 200, tagsCode: 1 }, { size: 50, tagsCode: 2598919 });
    expect(outcome(broker.ask({ subscription: 'TagA' }))).toEqual([0, 'FOUND', 1, 0, 3]);
  });

  it('passes over an entry that is no message’s', () => {
    const broker = new PullHarness();
    broker.put({}, { size: 100 }, {});
    broker.queues.put(SLOT, asQueueOffset(1), asLogOffset(0), 0x7fffffff, 0);
    expect(outcome(broker.ask())).toEqual([0, 'FOUND', 1, 0, 3]);
    const answer = broker.ask({ queueOffset: 1 });
    expect(outcome(answer)).toEqual([0, 'FOUND', 3, 0, 3]);
    expect(Buffer.from(answer.body!)).toEqual(bodyOf([3, 100]));
  });
});

describe('the tag filter', () => {
  const TAG_A = 2598919;
  const TAG_B = 2598920;

  it('lets the subscription’s tags through and nothing else', () => {
    const broker = new PullHarness();
    broker.put({ tagsCode: TAG_A }, { tagsCode: TAG_B }, {}, { tagsCode: TAG_A }, { tagsCode: TAG_B });
    expect(Buffer.from(broker.ask({ subscription: 'TagA' }).body!)).toEqual(bodyOf([1, 100], [4, 100]));
    expect(Buffer.from(broker.ask({ subscription: 'TagA || TagB' }).body!)).toEqual(
      bodyOf([1, 100], [2, 100], [4, 100], [5, 100]),
    );
    for (const subscription of ['*', '', null]) expect(broker.ask({ subscription }).body!.length).toBe(500);
    expect(broker.ask({ subscription: '  ' }).code).toBe(20);
  });

  it('counts matching messages only, and the next pull goes on behind the last entry looked at', () => {
    const broker = new PullHarness();
    for (let i = 0; i < 40; i++) broker.put({ tagsCode: i % 2 === 0 ? TAG_A : TAG_B });
    expect(outcome(broker.ask({ subscription: 'TagA', maxMsgNums: 3 }))).toEqual([0, 'FOUND', 5, 0, 40]);
    expect(outcome(broker.ask({ subscription: 'TagA', queueOffset: 37 }))).toEqual([0, 'FOUND', 40, 0, 40]);
  });

  it('uses the group’s subscription when the pull has none', () => {
    const broker = new PullHarness();
    broker.put({ tagsCode: TAG_A }, { tagsCode: TAG_B });
    broker.consumers({ expression: 'TagB', codeSet: [TAG_B] });
    const pull = { sysFlag: 0, subscription: 'TagA' };
    expect(Buffer.from(broker.ask(pull).body!)).toEqual(bodyOf([2, 100]));
    broker.consumers({ expression: 'TagA', codeSet: [TAG_A] });
    expect(Buffer.from(broker.ask(pull).body!)).toEqual(bodyOf([1, 100]));
    broker.consumers({ expression: '*', codeSet: [] });
    expect(broker.ask(pull).body!.length).toBe(200);
  });

  it('looks at 16 000 bytes of entries, or at as many as the pull asks for', () => {
    const broker = new PullHarness();
    broker.many(2000, { tagsCode: TAG_B, size: 20 });
    expect(outcome(broker.ask({ subscription: 'TagA' }))).toEqual([20, 'NO_MATCHED_MESSAGE', 800, 0, 2000]);
    expect(outcome(broker.ask({ subscription: 'TagA', maxMsgNums: 900 }))[2]).toBe(900);
    expect(outcome(broker.ask({ subscription: 'TagA', queueOffset: 1500 }))[2]).toBe(2000);
  });

  it('knows expressions again, and forgets them without a mistake when there are too many', () => {
    const broker = new PullHarness();
    broker.put({ tagsCode: TAG_A });
    for (let i = 0; i < 5000; i++) expect(broker.ask({ subscription: `x${i}` }).code).toBe(20);
    expect(broker.ask({ subscription: 'TagA' }).code).toBe(0);
    expect(broker.ask({ subscription: 'x0' }).code).toBe(20);
  });
});

describe('the reads of a pull', () => {
  it('entries come from the tail as long as it holds them, then from the file', () => {
    const broker = new PullHarness();
    broker.many(200);
    broker.ask({ queueOffset: 170 });
    expect(broker.fileReads).toEqual([]);
    const answer = broker.ask({ queueOffset: 100 });
    expect(broker.fileReads).toEqual([0]);
    expect(Buffer.from(answer.body!.subarray(0, 200))).toEqual(bodyOf([101, 100], [102, 100]));
  });

  it('records that follow each other are one read', () => {
    const broker = new PullHarness();
    broker.many(10);
    broker.ask();
    expect(broker.reads).toEqual([[1000, 0]]);
  });

  it('gaps below 4 KiB are read along and not sent; larger ones part the reads', () => {
    const broker = new PullHarness();
    broker.put({ size: 100 });
    broker.skip(50);
    broker.put({ size: 200 }, { size: 300 });
    broker.skip(4095);
    broker.put({ size: 70 });
    broker.skip(4096);
    broker.put({ size: 80 }, { size: 90 });
    const answer = broker.ask();
    expect(Buffer.from(answer.body!)).toEqual(bodyOf([1, 100], [2, 200], [3, 300], [4, 70], [5, 80], [6, 90]));
    expect(broker.reads).toEqual([
      [100 + 50 + 500 + 4095 + 70, 0],
      [170, 4815 + 4096],
    ]);
  });

  it('queues that lie mixed in the log are read once for all of their readers', () => {
    const broker = new PullHarness();
    const queueIds = [0, 1, 2, 3, 4, 5, 6, 7];
    broker.topic({ readQueueNums: 8, slots: queueIds });
    for (let turn = 0; turn < 200; turn++) broker.put(...queueIds.map((queueId) => ({ queueId, size: KIB })));
    for (let queueOffset = 0; queueOffset < 200; queueOffset += 32) {
      for (const queueId of queueIds) {
        const answer = broker.ask({ queueId, queueOffset });
        const next = Math.min(200, queueOffset + 32);
        expect(outcome(answer)).toEqual([0, 'FOUND', next, 0, 200]);
        const expected = Array.from({ length: next - queueOffset }, (_, i): [number, number] => [
          (queueOffset + i) * 8 + queueId + 1,
          KIB,
        ]);
        expect(Buffer.from(answer.body!).equals(bodyOf(...expected))).toBe(true);
      }
    }
    // 1600 records; the first three pulls read their own, the rest comes in pieces as large as a segment here.
    expect(broker.reads.length).toBeLessThan(3 * 32 + 40);
  });

  it('a run goes on over the end of a segment', () => {
    const broker = new PullHarness();
    broker.skip(SEGMENT_BYTES - 1000);
    broker.many(20);
    const answer = broker.ask();
    const all = Array.from({ length: 20 }, (_, i): [number, number] => [i + 1, 100]);
    expect(Buffer.from(answer.body!)).toEqual(bodyOf(...all));
    expect(broker.reads.map(([, offset]) => offset)).toEqual([SEGMENT_BYTES - 1000, SEGMENT_BYTES]);
  });

  it('what could be read before a record that is gone is sent', () => {
    const broker = new PullHarness();
    broker.many(5);
    broker.skip(SEGMENT_BYTES);
    broker.put({});
    broker.skip(SEGMENT_BYTES);
    broker.put({});
    broker.lostSegment = 2;
    const answer = broker.ask();
    expect(outcome(answer)).toEqual([0, 'FOUND', 6, 0, 7]);
    expect(answer.body!.length).toBe(600);
  });

  it('a disk that fails is the answer of one pull', () => {
    const broker = new PullHarness();
    broker.many(3);
    broker.readError = new DiskFailedError('/store/0', 'read', 'EIO');
    const answer = broker.ask();
    expect([answer.code, answer.remark]).toEqual([1, 'the store could not be read: read /store/0: EIO']);
    expect(broker.errors.length).toBe(1);
    broker.readError = null;
    expect(broker.ask().code).toBe(0);
  });

  it('anything else that is thrown is not caught', () => {
    const broker = new PullHarness();
    broker.many(3);
    broker.readError = new InvariantError('broken');
    expect(() => broker.ask()).toThrow('broken');
  });
});

describe('the broker to pull from next', () => {
  it('is the master unless slaves may serve and the reader is far behind', () => {
    const suggested = (settings: object, fields: object): string | undefined => {
      const broker = new PullHarness({ memoryLimitBytes: 100_000, settings });
      broker.group({ brokerId: 3, whichBrokerWhenConsumeSlowly: 5 });
      broker.many(1000);
      return broker.ask(fields).extFields?.get('suggestWhichBrokerId');
    };
    expect(suggested({}, {})).toBe('0');
    expect(suggested({ slaveReadEnable: true }, {})).toBe('5');
    expect(suggested({ slaveReadEnable: true }, { queueOffset: 900 })).toBe('3');
    expect(suggested({ slaveReadEnable: true }, { queueOffset: 1000 })).toBe('3');
  });
});
