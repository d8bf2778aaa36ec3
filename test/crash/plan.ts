/**
 * What happens in a run of the crash suite, drawn from a seed: the sizes of a store's files for its life, and for each cycle how the broker is
 * set, how it ends and what befalls its next start. Pure. Used by life.ts.
 */
import type { Random } from '../../src/base/random.ts';
import type { PLACEMENTS } from '../../src/broker/broker-settings.ts';
import { QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import type { TopicPlan } from './client-protocol.ts';

export const FLUSHES = ['sync', 'async'] as const;

/** What the command line narrows down. */
export interface Choices {
  readonly flushes: readonly (typeof FLUSHES)[number][];
  readonly placements: readonly (typeof PLACEMENTS)[number][];
}

export interface LifePlan {
  readonly segmentBytes: number;
  readonly queueFileEntries: number;
  readonly indexEntries: number;
}

/** One start of a broker. */
export interface StartPlan {
  readonly command: 'broker' | 'standalone';
  readonly offsetsIntervalMs: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** How a broker ends, `afterMs` from the first message on at the latest. */
export type EndPlan =
  | { readonly kind: 'time' | 'stop'; readonly afterMs: number }
  /** Killed when the log has come to the end of a segment and `beyondBytes` further. */
  | { readonly kind: 'log'; readonly beyondBytes: number; readonly afterMs: number }
  /** Killed when a queue has come to the end of a file, after so many others. */
  | { readonly kind: 'queue'; readonly passed: number; readonly afterMs: number }
  /** Killed in the middle of a clean stop. */
  | { readonly kind: 'stop-killed'; readonly afterMs: number; readonly killAfterMs: number };

export interface CyclePlan {
  readonly end: EndPlan;
  /** Starts before the next that are killed, and when. */
  readonly killedStartsMs: readonly number[];
  readonly next: StartPlan;
  /** When the power goes, in runs that cut it: before the kill, between the end and the next start, or not. A clean stop is not disturbed. */
  readonly cut: 'before' | 'after' | 'none';
  /** A topic that comes with this cycle. */
  readonly newTopicQueues: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Small files more often: something ends and something begins in nearly every cycle then. */
export function drawLife(random: Random): LifePlan {
  return {
    segmentBytes: pick(random, [1, 1, 1, 4, 4, 4, 16, 64]) * MIB,
    queueFileEntries: pick(random, [100, 100, 700, 300_000]),
    indexEntries: pick(random, [500, 2000, 20_000, 1_000_000]),
  };
}

export const FIRST_TOPICS: readonly TopicPlan[] = [4, 1, 8, 2].map((queues, index) => ({ index, queues }));

export function drawCycle(random: Random, choices: Choices): CyclePlan {
  const end = drawEnd(random);
  const isStartKilled = random.next() < 0.2;
  const killedStarts = isStartKilled ? 1 + random.below(3) : 0;
  return {
    end,
    killedStartsMs: Array.from({ length: killedStarts }, () => random.below(700)),
    next: drawStart(random, choices),
    cut: pick(random, ['before', 'before', 'after', 'after', 'none']),
    newTopicQueues: random.next() < 0.15 ? 1 + random.below(4) : 0,
  };
}

export function drawStart(random: Random, { flushes, placements }: Choices): StartPlan {
  const offsetsIntervalMs = pick(random, [100, 100, 500, 5000]);
  return {
    command: random.below(4) === 0 ? 'standalone' : 'broker',
    offsetsIntervalMs,
    settings: {
      flushDiskType: pick(random, flushes),
      placement: pick(random, placements),
      flushConsumerOffsetInterval: String(offsetsIntervalMs),
      flushIntervalCommitLog: String(pick(random, [5, 50, 500])),
      flushAheadBytes: String(pick(random, [64 * KIB, MIB, 32 * MIB])),
      zeroWriteNextSegment: String(pick(random, [true, true, false])),
      undispatchedMaxBytes: String(pick(random, [MIB, 256 * MIB])),
    },
  };
}

/** What holds for all starts of a life: the sizes, and pulls of many messages, so that a survey is short. */
export function settingsOfLife({ segmentBytes, queueFileEntries, indexEntries }: LifePlan): Record<string, string> {
  return {
    mappedFileSizeCommitLog: String(segmentBytes),
    mappedFileSizeConsumeQueue: String(queueFileEntries * QUEUE_ENTRY_BYTES),
    maxHashSlotNum: String(Math.ceil(indexEntries / 4)),
    maxIndexNum: String(indexEntries),
    maxTransferCountOnMessageInMemory: '4096',
    maxTransferCountOnMessageInDisk: '4096',
    maxTransferBytesOnMessageInMemory: String(4 * MIB),
    maxTransferBytesOnMessageInDisk: String(4 * MIB),
    maxFilterMessageSize: String(4096 * QUEUE_ENTRY_BYTES),
  };
}

function drawEnd(random: Random): EndPlan {
  const lot = random.below(100);
  const afterMs = 10 + random.below(650);
  if (lot < 40) return { kind: 'time', afterMs };
  // Long enough for consumer offsets to be due.
  if (lot < 44) return { kind: 'time', afterMs: 2300 + random.below(1200) };
  if (lot < 68) return { kind: 'log', beyondBytes: drawDistance(random), afterMs: 1500 };
  if (lot < 78) return { kind: 'queue', passed: random.below(60), afterMs: 1500 };
  if (lot < 88) return { kind: 'stop', afterMs };
  return { kind: 'stop-killed', afterMs, killAfterMs: random.below(60) };
}

/** From the end of a segment: at once, a little before or a little behind. */
function drawDistance(random: Random): number {
  const near = pick(random, [0, 0, 4 * KIB, 100 * KIB]);
  return near === 0 ? 0 : random.below(2 * near) - near;
}

function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[random.below(values.length)]!;
}
