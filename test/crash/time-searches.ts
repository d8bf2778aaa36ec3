/**
 * Searches of a queue by store time, and the offsets that must answer them (spec/store.md 5.8): what a look at every message yields. Pure.
 * Used by survey.ts.
 */
import type { FoundMessage } from './messages.ts';
import type { FoundQueue } from './store-model.ts';

const DAY_MS = 86_400_000;

export interface TimeSearch {
  readonly timestamp: number;
  readonly boundary: 'LOWER' | 'UPPER';
  readonly offset: number;
}

/**
 * At the times of `some` of the queue's messages, one ms later, and before the first and after the last message; both boundaries. Of a
 * queue that was not read from its beginning only what its read part decides.
 */
export function timeSearches(queue: FoundQueue, some: readonly FoundMessage[]): TimeSearch[] {
  const { from, messages } = queue;
  if (messages.length === 0) return [];
  const [first, last] = [messages[0]!.storeTimestamp, messages.at(-1)!.storeTimestamp];
  const times = new Set(some.flatMap(({ storeTimestamp }) => [storeTimestamp, storeTimestamp + 1]));
  for (const time of [0, first - 1, first, last, last + 1, last + DAY_MS]) times.add(time);
  // Messages that were not read may be as old as the first that was.
  const decided = [...times].filter((time) => from === 0 || time > first);
  return decided.flatMap((timestamp): TimeSearch[] => [
    { timestamp, boundary: 'LOWER', offset: from + lowerIn(messages, timestamp) },
    { timestamp, boundary: 'UPPER', offset: from + upperIn(messages, timestamp) },
  ]);
}

/** The first message at this time or later, the end when there is none. */
function lowerIn(messages: readonly FoundMessage[], time: number): number {
  const at = messages.findIndex(({ storeTimestamp }) => storeTimestamp >= time);
  return at < 0 ? messages.length : at;
}

/** The last message at this time or earlier, the queue's beginning when there is none. */
function upperIn(messages: readonly FoundMessage[], time: number): number {
  return Math.max(
    0,
    messages.findLastIndex(({ storeTimestamp }) => storeTimestamp <= time),
  );
}
