import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asQueueOffset } from '../../src/base/units.ts';
import { entryLogOffset, QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import { ConsumeQueueReader } from '../../src/store/consume-queue.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { StoreTimes, searchOffset, type TimedQueue } from '../../src/store/offset-search.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import { fileQueues } from '../support/file-queues.ts';
import {
  damagedStore,
  GOLDEN_QUEUE_FILE_BYTES,
  GOLDEN_SEGMENT_BYTES,
  type GoldenStoreIndex,
  goldenPaths,
  goldenStore,
  goldenStoreIndex,
  goldenVariants,
} from '../support/golden-store.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';

/** A queue whose messages from `min` on were stored at these times; -1 for one that is gone. */
function queueOf(times: readonly number[], min = 0): TimedQueue {
  return {
    min: asQueueOffset(min),
    max: asQueueOffset(min + times.length),
    storeTime: (offset) => times[offset - min]!,
  };
}

const both = (queue: TimedQueue, time: number): [number, number] => [
  searchOffset(queue, time, 'LOWER'),
  searchOffset(queue, time, 'UPPER'),
];

describe('searching an offset by time', () => {
  it('finds the first and the last of equal times, and both sides of a gap', () => {
    const queue = queueOf([100, 100, 200, 200, 200, 300]);
    expect(both(queue, 200)).toEqual([2, 4]);
    expect(both(queue, 150)).toEqual([2, 1]);
    expect(both(queue, 99)).toEqual([0, 0]);
    expect(both(queue, 301)).toEqual([6, 5]);
    expect(both(queue, -1)).toEqual([0, 0]);
  });

  it('passes over messages whose records are gone', () => {
    expect(both(queueOf([-1, -1, 200, 300], 10), 100)).toEqual([12, 11]);
    expect(both(queueOf([-1, -1, 200, 300], 10), 200)).toEqual([12, 12]);
    expect(both(queueOf([200, 300], 10), 100)).toEqual([10, 10]);
  });

  it('is 0 where there is nothing to find', () => {
    expect(both(queueOf([]), 100)).toEqual([0, 0]);
    expect(both(queueOf([], 7), 100)).toEqual([0, 0]);
    expect(both(queueOf([-1, -1], 7), 100)).toEqual([0, 0]);
  });

  it('agrees with looking at every message', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: -2, max: 40 }),
        (steps, min, time) => {
          let stored = 1;
          const times = steps.map((step) => (stored += step));
          const after = times.findIndex((each) => each >= time);
          const before = times.findLastIndex((each) => each <= time);
          expect(both(queueOf(times, min), time)).toEqual([
            min + (after < 0 ? times.length : after),
            min + Math.max(0, before),
          ]);
        },
      ),
    );
  });
});

/** The answers to all of Apache's time queries on simple queues, in their order. */
function answers(disk: MemoryDisk, index: GoldenStoreIndex): { lower: number; upper: number }[] {
  const sizes = { segmentSizeBytes: GOLDEN_SEGMENT_BYTES, queueFileSizeBytes: GOLDEN_QUEUE_FILE_BYTES };
  const settings = { ...sizes, checksBodies: true, cleanStop: disk.stat(goldenPaths.abort) === null };
  const store = recoverStore(disk, goldenPaths, settings, { info: () => {}, warn: () => {} });
  fileQueues(disk, goldenPaths, sizes, store).close();
  const files = { directory: goldenPaths.commitLog, segmentSizeBytes: GOLDEN_SEGMENT_BYTES };
  const times = new StoreTimes(new LogReader(disk, files));
  const entries = new ConsumeQueueReader(disk, goldenPaths.consumeQueue, GOLDEN_QUEUE_FILE_BYTES, 4);
  const bytes = new Uint8Array(QUEUE_ENTRY_BYTES);
  return queriesOf(index).map(({ topic, queueId, timestamp }) => {
    const bounds = store.queues.find((queue) => queue.topic === topic && queue.queueId === queueId)!;
    const queue: TimedQueue = {
      min: bounds.min,
      max: bounds.next,
      storeTime(offset) {
        expect(entries.read(topic, queueId, offset, 1, bytes, 0)).toBe(1);
        return times.at(entryLogOffset(new DataView(bytes.buffer), 0));
      },
    };
    return { lower: searchOffset(queue, timestamp, 'LOWER'), upper: searchOffset(queue, timestamp, 'UPPER') };
  });
}

function queriesOf(index: GoldenStoreIndex) {
  const simple = new Set(index.queues.filter((queue) => queue.type === 'SimpleCQ').map((queue) => queue.topic));
  return (index.timeQueries ?? []).filter((query) => simple.has(query.topic));
}

const answersByApache = (index: GoldenStoreIndex): { lower: number; upper: number }[] =>
  queriesOf(index).map(({ lower, upper }) => ({ lower, upper }));

describe('time queries that Apache RocketMQ has answered', () => {
  it.each(['clean', 'killed'] as const)('on the %s store', (name) => {
    const index = goldenStoreIndex(`${name}.index.json`);
    expect(queriesOf(index).length).toBeGreaterThan(250);
    expect(answers(goldenStore(name), index)).toEqual(answersByApache(index));
  });

  it.each(['head-deleted', 'tail-deleted', 'crash-bad-body'])('on the store with %s', (name) => {
    const variant = goldenVariants.find((each) => each.name === name)!;
    const index = goldenStoreIndex(variant.expect);
    expect(queriesOf(index).length).toBeGreaterThan(20);
    expect(answers(damagedStore(variant), index)).toEqual(answersByApache(index));
  });
});
