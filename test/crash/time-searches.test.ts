/** What the survey expects of searches by time: an expectation that is wrong would accuse a broker that is right, or clear one that is not. */
import { describe, expect, it } from 'vitest';
import { type FoundMessage, topicName } from './messages.ts';
import type { FoundQueue } from './store-model.ts';
import { timeSearches } from './time-searches.ts';

/** A queue whose messages from `from` on were stored at these times. */
function queueOf(times: readonly number[], from = 0): FoundQueue {
  const messages = times.map((storeTimestamp, index): FoundMessage => {
    const queueOffset = from + index;
    return { topic: topicName(0), queueId: 0, queueOffset, logOffset: queueOffset, storeTimestamp, id: 0, what: '' };
  });
  return { topic: 0, queueId: 0, min: 0, max: from + times.length, from, messages };
}

/** Of searches at the times of all messages: the answer of LOWER and of UPPER. */
function expectedAt(queue: FoundQueue, time: number): (number | undefined)[] {
  const searches = timeSearches(queue, queue.messages).filter(({ timestamp }) => timestamp === time);
  return ['LOWER', 'UPPER'].map((wanted) => searches.find(({ boundary }) => boundary === wanted)?.offset);
}

describe('searches by time', () => {
  const queue = queueOf([100, 100, 200, 200, 200, 300]);

  it.each([
    ['the first and the last of equal times', 200, [2, 4]],
    ['both sides of a gap', 101, [2, 1]],
    ['the only one of its time', 300, [5, 5]],
    ['before the first', 99, [0, 0]],
    ['at 0', 0, [0, 0]],
    ['after the last', 301, [6, 5]],
    ['a day after the last', 300 + 86_400_000, [6, 5]],
  ])('%s', (_, time, expected) => {
    expect(expectedAt(queue, time)).toEqual(expected);
  });

  it('are asked before and after a queue of which no message was chosen', () => {
    expect(new Set(timeSearches(queue, []).map(({ timestamp }) => timestamp))).toEqual(
      new Set([0, 99, 100, 300, 301, 86_400_300]),
    );
  });

  it('ask nothing that messages decide which were not read', () => {
    const part = queueOf([100, 100, 200], 7);
    expect(expectedAt(part, 100)).toEqual([undefined, undefined]);
    expect(expectedAt(part, 99)).toEqual([undefined, undefined]);
    expect(expectedAt(part, 101)).toEqual([9, 8]);
    expect(expectedAt(part, 201)).toEqual([10, 9]);
    expect(timeSearches(queueOf([], 7), [])).toEqual([]);
  });
});
