/**
 * How a net thread learns that queues grew: names in a slot ring, the overflow flag, the count of parked pulls, the failure word. Nothing
 * that grew goes unnoticed.
 */
import { asQueueSlot } from '../../../src/base/units.ts';
import { Bell } from '../../../src/layout/shared-page.ts';
import type { SlotRing } from '../../../src/ring/slot-ring.ts';
import type { Watermark } from '../../../src/ring/watermark.ts';
import type { MakeWorld } from './model.ts';
import { prove } from './prove.ts';

const QUEUES = 3;
const BELL_AT = 64;

/** Every queue grows by one message, and its name goes into the ring. */
function growAll(marks: readonly Watermark[], writer: SlotRing): void {
  marks.forEach((mark, queue) => {
    mark.advance(1);
    writer.push(asQueueSlot(queue));
    writer.publish();
  });
}

/** Three queues grow; the ring has room for two names. */
const arrivals: MakeWorld = ({ memory, allocateSlotRing, SlotRing, Watermark }) => {
  const names = allocateSlotRing();
  const shared = memory(QUEUES * 8);
  const marks = () => Array.from({ length: QUEUES }, (_, queue) => new Watermark(shared, queue * 8));
  const ring = new SlotRing(names);
  const grown = marks();
  const seen = grown.map(() => 0);
  const look = (queue: number) => {
    seen[queue] = grown[queue]!.read();
  };
  /** What net does when it is woken; that it is woken is proved in doorbell.test. */
  const drain = () => {
    ring.drain(look);
    if (ring.takeOverflow()) for (let queue = 0; queue < QUEUES; queue++) look(queue);
  };
  return {
    threads: {
      dispatch: () => {
        growAll(marks(), new SlotRing(names));
      },
      net: () => {
        for (let round = 0; round < 3; round++) drain();
      },
    },
    check: () => {
      drain();
      if (seen.includes(0)) throw new Error(`queue ${seen.indexOf(0)} grew unnoticed`);
    },
  };
};

const RING = { file: 'ring/slot-ring.js' } as const;
const UNNOTICED = /grew unnoticed/;

prove('names of queues that grew', {
  world: arrivals,
  statesMin: 400,
  faults: [
    {
      name: 'nobody is told of the names that had no room',
      edits: [{ ...RING, find: 'Atomics.store(this.#writer, OVERFLOWED, 1);', replace: '' }],
      seen: UNNOTICED,
    },
    {
      name: 'the reader gives cells back before it has read them',
      edits: [
        {
          ...RING,
          find: 'const count = (end - this.#position) | 0;',
          replace: 'const count = (end - this.#position) | 0; Atomics.store(this.#reader, CONSUMED, end);',
        },
      ],
      seen: UNNOTICED,
    },
    {
      name: 'one name too many is taken',
      edits: [
        {
          ...RING,
          find: 'return ((this.#position - this.#consumedSeen) | 0) < SLOTS;',
          replace: 'return ((this.#position - this.#consumedSeen) | 0) <= SLOTS;',
        },
      ],
      seen: UNNOTICED,
    },
    {
      name: 'names are published by a plain write',
      edits: [
        {
          ...RING,
          find: 'Atomics.store(this.#writer, PUBLISHED, this.#position);',
          replace: 'this.#writer[PUBLISHED] = this.#position;',
        },
      ],
      needsReordering: true,
      seen: UNNOTICED,
    },
  ],
});

/** The same with a net thread that sleeps in between, as threads/ has it: two queues, room for one name. */
const sleepingNet: MakeWorld = ({ memory, allocateSlotRing, SlotRing, Watermark, Doorbell, BlockingSleeper }) => {
  const names = allocateSlotRing();
  const shared = memory(BELL_AT + Bell.sizeBytes);
  const marks = () => [new Watermark(shared, 0), new Watermark(shared, 8)];
  return {
    threads: {
      dispatch: () => {
        growAll(marks(), new SlotRing(names));
        new Doorbell(shared, BELL_AT).ring();
      },
      net: () => {
        const ring = new SlotRing(names);
        const sleeper = new BlockingSleeper(shared, BELL_AT);
        const grown = marks();
        const seen = grown.map(() => 0);
        const look = (queue: number) => {
          seen[queue] = grown[queue]!.read();
        };
        while (seen.includes(0)) {
          const drained = ring.drain(look);
          const overflowed = ring.takeOverflow();
          if (overflowed) grown.forEach((_, queue) => void look(queue));
          if (drained === 0 && !overflowed) sleeper.sleep(() => !ring.isEmpty(), 1000);
        }
      },
    },
  };
};

prove('a net thread that sleeps until a queue has grown', {
  world: sleepingNet,
  sizes: [{ ...RING, find: 'SLOTS = 2', replace: 'SLOTS = 1' }],
  statesMin: 100,
  faults: [
    {
      name: 'a ring that has lost names counts as empty',
      edits: [
        {
          ...RING,
          find: ' && Atomics.load(this.#writer, OVERFLOWED) === 0',
          replace: '',
        },
      ],
      seen: /net sleeps for ever/,
    },
  ],
});

/** A pull comes while its queue grows: either net sees the growth, or dispatch sees that a pull waits for it. */
function parking(countsFirst: boolean): MakeWorld {
  return ({ memory, StatusPage, Watermark }) => {
    const pageMemory = StatusPage.allocate();
    const shared = memory(8);
    let dispatchSaw = false;
    let netSaw = false;
    return {
      threads: {
        dispatch: () => {
          const page = new StatusPage(pageMemory);
          new Watermark(shared, 0).advance(1);
          dispatchSaw = page.parked(0) > 0;
        },
        net: () => {
          const page = new StatusPage(pageMemory);
          const grown = new Watermark(shared, 0);
          if (countsFirst) page.setParked(0, 1);
          netSaw = grown.read() === 1;
          if (!countsFirst) page.setParked(0, 1);
        },
      },
      check: () => {
        if (!dispatchSaw && !netSaw) throw new Error('nobody saw that a pull waits for what is there');
      },
    };
  };
}

prove('parked pulls', {
  world: parking(true),
  statesMin: 10,
  faults: [
    { name: 'net looks for arrivals before it says that a pull is parked', world: parking(false), seen: /nobody saw/ },
    {
      name: 'the count is a plain write',
      edits: [
        {
          file: 'ring/status-page.js',
          find: 'Atomics.store(this.#parked, net * INTS_PER_LINE, count);',
          replace: 'this.#parked[net * INTS_PER_LINE] = count;',
        },
      ],
      needsReordering: true,
      seen: /nobody saw/,
    },
  ],
});

prove('the failure word', {
  world: ({ StatusPage }) => {
    const memory = StatusPage.allocate();
    const wasFirst = [false, false];
    const fail = (thread: number) => () => {
      wasFirst[thread] = new StatusPage(memory).fail(thread, thread + 100);
    };
    return {
      threads: {
        'thread 0': fail(0),
        'thread 1': fail(1),
        watcher: () => {
          const page = new StatusPage(memory);
          const early = page.failure();
          const late = page.failure();
          if (early !== null && late?.thread !== early.thread) throw new Error('the failure changed');
          if (early !== null && early.code !== early.thread + 100) throw new Error('a thread with the code of another');
        },
      },
      check: () => {
        if (wasFirst[0] === wasFirst[1]) throw new Error('exactly one thread is the first to fail');
      },
    };
  },
  statesMin: 8,
  faults: [
    {
      name: 'the word is looked at and written in two steps',
      edits: [
        {
          file: 'ring/status-page.js',
          find: 'return Atomics.compareExchange(this.#failure, 0, 0, word) === 0;',
          replace:
            'if (Atomics.load(this.#failure, 0) !== 0) return false; Atomics.store(this.#failure, 0, word); return true;',
        },
      ],
      seen: /exactly one|changed/,
    },
  ],
});
