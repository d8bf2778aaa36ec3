import { describe, expect, it } from 'vitest';
import { asQueueOffset, asQueueSlot } from '../../src/base/units.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../src/layout/remoting-frame.ts';
import { bodyOf, ENTRIES_PER_FILE, outcome, PullHarness, SEGMENT_BYTES } from './pull-harness.ts';

const SLOT = asQueueSlot(0);

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
