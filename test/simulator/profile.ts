/** What kind of run a seed makes: sizes, load, what goes wrong on the disk and how the broker ends. */
import type { Random } from '../../src/base/random.ts';
import { QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import type { DiskOperation } from '../support/memory-disk.ts';
import { NO_FAULTS, type SimDisk, type SimFaults } from '../support/sim-disk.ts';
import type { SimSizes } from './sim-broker.ts';

export interface Profile {
  readonly sizes: SimSizes;
  readonly topics: readonly string[];
  readonly queues: number;
  readonly bodyMax: number;
  /** All bodies have one length: what an earlier life has left behind the log's end begins where a new record ends. */
  readonly hasOneLength: boolean;
  /** This one gets few turns, as on a machine that has other things to do. */
  readonly slow: SlowAgent;
  /** A slow disk: longest time that a write or an fdatasync takes. Others have turns during an fdatasync. 0: all is done at once. */
  readonly latencyMaxMs: number;
  /** An operator has old segments deleted now and then. */
  readonly deletes: boolean;
  readonly lives: number;
  readonly stepsPerLife: number;
  readonly trouble: Trouble;
}

export type SlowAgent = 'append' | 'flush' | 'dispatch' | 'control' | null;

/** `full`: the disk, now and then. `failing`: a call of the disk fails for good, and stops the broker. */
export type Trouble = 'none' | 'short writes' | 'full' | 'descriptors' | 'failing';

const TROUBLES: readonly Trouble[] = ['none', 'none', 'short writes', 'full', 'descriptors', 'failing'];
const FAILURE_WITHIN = 30;
const SHORTAGE_EVERY = 40;
const SHORTAGE_CALLS = 8;

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.below(choices.length)]!;
}

export function drawProfile(random: Random, steps: number): Profile {
  const segmentBytes = pick(random, [4096, 8192, 16_384]);
  const topics = ['A', 'B', 'LongerNameOfATopic'].slice(0, 1 + random.below(3));
  return {
    sizes: {
      syncFlush: random.below(2) === 0,
      zeroWrite: random.below(2) === 0,
      segmentBytes,
      queueFileBytes: pick(random, [4, 10, 25]) * QUEUE_ENTRY_BYTES,
      index: random.below(4) === 0 ? null : { slots: pick(random, [3, 20]), entries: pick(random, [10, 60]) },
      // A request may fill a segment, and takes half the ring at most.
      ringBytes: segmentBytes * pick(random, [2, 8]),
      descriptors: pick(random, [24, 1024]),
    },
    topics,
    queues: 1 + random.below(3),
    bodyMax: pick(random, [40, 600, segmentBytes / 2]),
    hasOneLength: random.below(3) === 0,
    slow: pick(random, [null, null, 'append', 'flush', 'dispatch', 'control']),
    // The longest is beyond syncFlushTimeout.
    latencyMaxMs: pick(random, [0, 0, 20, 8000]),
    deletes: random.below(3) === 0,
    lives: 1 + random.below(3),
    stepsPerLife: steps,
    trouble: pick(random, TROUBLES),
  };
}

/** Gives the disk of one life what goes wrong in it. */
export function makeTrouble(disk: SimDisk, trouble: Trouble, random: Random): void {
  const { faults, capacityBytes, openMax } = troubleOf(disk, trouble, random);
  disk.faults = faults ?? NO_FAULTS;
  disk.capacityBytes = capacityBytes ?? Number.POSITIVE_INFINITY;
  disk.openMax = openMax ?? Number.POSITIVE_INFINITY;
}

function troubleOf(
  disk: SimDisk,
  trouble: Trouble,
  random: Random,
): { faults?: SimFaults; capacityBytes?: number; openMax?: number } {
  switch (trouble) {
    case 'none':
      return {};
    case 'short writes':
      return {
        faults: {
          fail: () => null,
          shorten: (length) => (random.below(2) === 0 ? length : 1 + random.below(length)),
        },
      };
    case 'full':
      return { capacityBytes: disk.usedBytes + random.below(30_000) };
    case 'descriptors':
      return { faults: shortageOf(random) };
    case 'failing':
      return { faults: failingAt(random) };
  }
}

/** Now and then some calls in a row find no descriptor. */
function shortageOf(random: Random): SimFaults {
  let callsLeft = 0;
  return {
    fail: (operation) => {
      if (operation !== 'open') return null;
      if (callsLeft === 0 && random.below(SHORTAGE_EVERY) === 0) callsLeft = 1 + random.below(SHORTAGE_CALLS);
      if (callsLeft === 0) return null;
      callsLeft--;
      return 'EMFILE';
    },
    shorten: (length) => length,
  };
}

const FAILING: readonly DiskOperation[] = [
  'write',
  'fdatasync',
  'fsync',
  'open',
  'read',
  'resize',
  'rename',
  'link',
  'unlink',
];

/** One call of one kind fails. */
function failingAt(random: Random): SimFaults {
  const failing = pick(random, FAILING);
  let callsLeft = random.below(FAILURE_WITHIN);
  return {
    fail: (operation) => (operation === failing && callsLeft-- === 0 ? 'EIO' : null),
    shorten: (length) => length,
  };
}

/** No call of the disk fails. */
export function isSound(trouble: Trouble): boolean {
  return trouble === 'none' || trouble === 'short writes';
}
