/**
 * The tail of a queue under a reader that dispatch laps: what the tail gives is exactly the entry asked for, whole; else it gives nothing.
 * And a directory and a watermark, which show nothing before it is written.
 */
import { asLogOffset, asQueueOffset, asQueueSlot } from '../../../src/base/units.ts';
import { entryLogOffset, entrySize, entryTagsCode, QUEUE_ENTRY_BYTES } from '../../../src/layout/queue-entry.ts';
import { type MakeWorld, tailOf } from './model.ts';
import { prove } from './prove.ts';

const SLOT = asQueueSlot(0);
/** Nothing that dispatch writes looks like this. */
const GARBAGE = 0x5a;

interface Lap {
  /** The queue's maximum at the start, when its tail is still empty. */
  readonly from: number;
  /** Dispatch adds this many entries ... */
  readonly entries: number;
  /** ... and publishes after so many. */
  readonly group: number;
  readonly reads: readonly { readonly from: number; readonly count: number }[];
  /** Dispatch publishes a maximum before (wrong) its entries are written. */
  readonly publishFirst?: boolean;
}

function lap({ from, entries, group, reads, publishFirst = false }: Lap): MakeWorld {
  return ({ QueueTable, settle }) => {
    const memory = QueueTable.allocate(1);
    const start = new QueueTable(memory);
    start.publishMax(SLOT, asQueueOffset(from));
    const sizeOf = (offset: number) => offset + 1;
    return {
      threads: {
        dispatch: () => {
          const table = new QueueTable(memory);
          const put = (offset: number) =>
            table.put(SLOT, asQueueOffset(offset), asLogOffset(offset * 1000), sizeOf(offset), -offset);
          for (let next = from; next < from + entries; next += group) {
            if (publishFirst) table.publishMax(SLOT, asQueueOffset(next + group));
            for (let i = 0; i < group; i++) put(next + i);
            if (!publishFirst) table.publishMax(SLOT, asQueueOffset(next + group));
          }
        },
        reader: () => {
          const table = new QueueTable(memory);
          const into = new Uint8Array(4 * QUEUE_ENTRY_BYTES);
          const view = new DataView(into.buffer);
          for (const read of reads) {
            into.fill(GARBAGE);
            const count = table.readTail(SLOT, asQueueOffset(read.from), read.count, into, 0);
            settle();
            for (let i = 0; i < count; i++) {
              const at = i * QUEUE_ENTRY_BYTES;
              const offset = read.from + i;
              const isRight =
                entryLogOffset(view, at) === offset * 1000 &&
                entrySize(view, at) === sizeOf(offset) &&
                entryTagsCode(view, at) === BigInt(-offset);
              if (!isRight) throw new Error(`entry ${offset} is torn or another one`);
            }
          }
        },
      },
    };
  };
}

const TABLE = { file: 'ring/queue-table.js' } as const;
const NO_SECOND_LOOK = {
  ...TABLE,
  find: 'from < this.max(slot) - STABLE_ENTRIES || isUnwritten(into, at)',
  replace: 'isUnwritten(into, at)',
};
const TORN = /torn or another one/;

const twoRounds: Lap = {
  from: 0,
  entries: 6,
  group: 2,
  reads: [
    { from: 0, count: 2 },
    { from: 3, count: 2 },
  ],
};

prove('a tail of four entries, published in pairs', {
  world: lap(twoRounds),
  sizes: tailOf(4, 2),
  statesMin: 500,
  faults: [
    { name: 'the maximum is not looked at again', edits: [NO_SECOND_LOOK], seen: TORN },
    {
      name: 'all entries count as stable',
      edits: [{ ...TABLE, find: 'QUEUE_TAIL_ENTRIES - QUEUE_TAIL_UNPUBLISHED_MAX', replace: 'QUEUE_TAIL_ENTRIES' }],
      seen: TORN,
    },
    {
      name: 'the maximum is published before the entries',
      world: lap({ ...twoRounds, publishFirst: true }),
      seen: TORN,
    },
    {
      name: 'dispatch publishes later than it owes',
      world: lap({ ...twoRounds, entries: 8, group: 4 }),
      seen: TORN,
    },
  ],
});

const oneByOne: Lap = { from: 0, entries: 3, group: 1, reads: [{ from: 0, count: 1 }] };

prove('a tail of two entries, published one by one', {
  world: lap(oneByOne),
  sizes: tailOf(2, 1),
  statesMin: 100,
  faults: [
    {
      name: 'the entries of the next round may be written before the maximum of this one',
      edits: [{ ...TABLE, find: 'Atomics.load(this.#fence, 0);', replace: '' }],
      needsReordering: true,
      seen: TORN,
    },
    {
      name: 'the copy may be made after the second look at the maximum',
      edits: [{ ...TABLE, find: 'Atomics.store(this.#fence, 0, 0);', replace: '' }],
      needsReordering: true,
      seen: TORN,
    },
    {
      name: 'the maximum is a plain write',
      edits: [
        {
          ...TABLE,
          find: 'Atomics.store(this.#longs, slot * ROW_LONGS + MAX, BigInt(max));',
          replace: 'this.#longs[slot * ROW_LONGS + MAX] = BigInt(max);',
        },
      ],
      needsReordering: true,
      seen: TORN,
    },
  ],
});

prove('a tail that is empty after a start', {
  world: lap({
    from: 5,
    entries: 2,
    group: 1,
    reads: [
      { from: 4, count: 2 },
      { from: 5, count: 2 },
    ],
  }),
  sizes: tailOf(4, 2),
  // The reader looks at what it copied before the model's reordered copies arrive.
  interleavingOnly: true,
  statesMin: 100,
  faults: [
    {
      name: 'places that nobody wrote are given out',
      edits: [{ ...TABLE, find: ' || isUnwritten(into, at)', replace: '' }],
      seen: TORN,
    },
  ],
});

const rows = [
  { topic: 'a', queueId: 7 },
  { topic: 'bc', queueId: 2 ** 31 - 1 },
];

prove('the directory of queues', {
  world: ({ QueueDirectory }) => {
    const memory = QueueDirectory.allocate(rows.length);
    return {
      threads: {
        control: () => {
          const directory = new QueueDirectory(memory);
          for (const { topic, queueId } of rows) directory.add(topic, queueId);
        },
        reader: () => {
          const directory = new QueueDirectory(memory);
          for (let round = 0; round < 3; round++) {
            for (let slot = 0; slot < directory.count(); slot++) {
              const { topic, queueId } = directory.entry(asQueueSlot(slot));
              if (topic !== rows[slot]!.topic || queueId !== rows[slot]!.queueId) throw new Error('an entry is torn');
            }
          }
        },
      },
    };
  },
  statesMin: 50,
  faults: [
    {
      name: 'the count grows before the entry is written',
      edits: [
        {
          file: 'ring/queue-directory.js',
          find: 'const at = entryAt(slot);\n        this.#bytes[',
          replace: 'const at = entryAt(slot);\n Atomics.store(this.#count, 0, slot + 1);\n this.#bytes[',
        },
      ],
      seen: /torn/,
    },
    {
      name: 'the count is a plain write',
      edits: [
        {
          file: 'ring/queue-directory.js',
          find: 'Atomics.store(this.#count, 0, slot + 1);',
          replace: 'this.#count[0] = slot + 1;',
        },
      ],
      needsReordering: true,
      seen: /torn/,
    },
  ],
});

const BLOCKS = 3;

prove('a watermark over what was written before it', {
  world: ({ memory, ints, Watermark }) => {
    const log = memory(BLOCKS * 4);
    const mark = memory(8);
    return {
      threads: {
        append: () => {
          const blocks = ints(log);
          const written = new Watermark(mark, 0);
          for (let i = 0; i < BLOCKS; i++) {
            blocks[i] = i + 1;
            written.advance(i + 1);
          }
        },
        flush: () => {
          const blocks = ints(log);
          const written = new Watermark(mark, 0);
          let last = 0;
          for (let round = 0; round < 3; round++) {
            const value = written.read();
            if (value < last) throw new Error('a watermark went back');
            for (let i = 0; i < value; i++) if (blocks[i] !== i + 1) throw new Error('a block is missing');
            last = value;
          }
        },
      },
    };
  },
  statesMin: 40,
  faults: [
    {
      name: 'it is a plain write',
      edits: [
        {
          file: 'ring/watermark.js',
          find: 'Atomics.store(this.#cell, 0, BigInt(value));',
          replace: 'this.#cell[0] = BigInt(value);',
        },
      ],
      needsReordering: true,
      seen: /missing/,
    },
  ],
});
