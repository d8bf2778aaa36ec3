/** The scenarios of the stress run, and the seeded faults that each must notice. */
import { BytesRing } from '../../src/ring/bytes-ring.ts';
import { allocateDescriptorRing } from '../../src/ring/descriptor-ring.ts';
import { QueueTable } from '../../src/ring/queue-table.ts';
import type { Edit } from '../support/edited-build.ts';
import { BELL_WORDS_BYTES, RINGERS } from './bell-roles.ts';
import { BELLS_BYTES, NETS, RING_BYTES, RING_SLOTS } from './request-roles.ts';
import type { Counts, Scenario } from './scenario.ts';

function sameCounts(total: Counts, ...names: readonly string[]): void {
  const values = names.map((name) => total[name]!);
  if (values[0] === 0) throw new Error(`no ${names[0]}: the run shows nothing`);
  if (new Set(values).size > 1) throw new Error(`${names.join(', ')} differ: ${values.join(', ')}`);
}

const indexed = (role: string, count: number) => Array.from({ length: count }, (_, index) => ({ role, index }));

export const requests: Scenario = {
  name: 'requests of two nets through one append',
  memories: () => ({
    bells: new SharedArrayBuffer(BELLS_BYTES),
    ...Object.fromEntries(
      Array.from({ length: NETS }, (_, i) => [
        [`descriptors${i}`, allocateDescriptorRing(RING_SLOTS)],
        [`bytes${i}`, BytesRing.allocate(RING_BYTES)],
      ]).flat(),
    ),
  }),
  threads: [...indexed('net', NETS), { role: 'append', index: 0 }],
  balance: (total) => {
    sameCounts(total, 'sent', 'harvested', 'requests');
    sameCounts(total, 'sentBytes', 'appendedBytes');
  },
};

export const tails: Scenario = {
  name: 'readers of a queue tail that dispatch laps',
  memories: () => ({ table: QueueTable.allocate(1) }),
  threads: [{ role: 'dispatch', index: 0 }, ...indexed('tailReader', 2)],
  balance: (total) => {
    if (total.readEntries === 0) throw new Error('no entry was read: the run shows nothing');
  },
};

const bells = (name: string, role: string): Scenario => ({
  name,
  memories: () => ({ bells: new SharedArrayBuffer(BELL_WORDS_BYTES) }),
  threads: [{ role, index: 0 }, ...indexed('ringer', RINGERS)],
  balance: (total) => sameCounts(total, 'rung', 'served'),
});

export const blockingBells = bells('two ringers and a thread that blocks', 'server');
export const eventBells = bells('two ringers and a thread with an event loop', 'eventServer');

/** A tail so short that dispatch laps a reader all the time, not only when the reader loses its core. */
const SHORT_TAIL: readonly Edit[] = [
  { file: 'base/limits.js', find: 'QUEUE_TAIL_ENTRIES = 128', replace: 'QUEUE_TAIL_ENTRIES = 16' },
  { file: 'base/limits.js', find: 'QUEUE_TAIL_UNPUBLISHED_MAX = 64', replace: 'QUEUE_TAIL_UNPUBLISHED_MAX = 8' },
];

/** Each runs as it is, and must be right. */
export const SOUND: readonly {
  readonly scenario: Scenario;
  readonly variant: string;
  readonly edits?: readonly Edit[];
}[] = [
  { scenario: requests, variant: 'as it is' },
  { scenario: tails, variant: 'as it is' },
  { scenario: tails, variant: 'with a short tail', edits: SHORT_TAIL },
  { scenario: blockingBells, variant: 'as it is' },
  { scenario: eventBells, variant: 'as it is' },
];

const BELL = 'ring/doorbell.js';

export const FAULTY: readonly {
  readonly scenario: Scenario;
  readonly fault: string;
  readonly edits: readonly Edit[];
  readonly seen: RegExp;
}[] = [
  {
    scenario: requests,
    fault: 'bytes are given out while they are in use',
    edits: [
      {
        file: 'ring/bytes-ring.js',
        find: 'if (start + length - this.#released > this.size)',
        replace: 'if (start + length - this.#released > 2 * this.size)',
      },
    ],
    seen: /bytes of another/,
  },
  {
    scenario: requests,
    fault: 'slots are shown before they are filled',
    edits: [
      {
        file: 'ring/descriptor-ring.js',
        find: 'return this.index(asRingPosition(this.#claimed++));',
        replace: `Atomics.store(this.publishedCell, 0, (this.#claimed + 1) | 0);
                  return this.index(asRingPosition(this.#claimed++));`,
      },
    ],
    seen: /without a request|bytes of another/,
  },
  {
    scenario: tails,
    fault: 'a reader does not look at the maximum again',
    edits: [
      ...SHORT_TAIL,
      {
        file: 'ring/queue-table.js',
        find: 'from < this.max(slot) - STABLE_ENTRIES || isUnwritten(into, at)',
        replace: 'isUnwritten(into, at)',
      },
    ],
    seen: /torn or another one/,
  },
  {
    scenario: blockingBells,
    fault: 'the sleeper raises its flag after it has looked for work',
    edits: [
      { file: BELL, find: 'Atomics.store(word, 0, SLEEPING);\n        if (!hasWork())', replace: 'if (!hasWork())' },
      {
        file: BELL,
        find: 'Atomics.wait(word, 0, SLEEPING, timeoutMs);',
        replace: '{ Atomics.store(word, 0, SLEEPING); Atomics.wait(word, 0, SLEEPING, timeoutMs); }',
      },
    ],
    seen: /a ring was lost/,
  },
];
