/**
 * A producer and append with their bytes ring and descriptor ring, as net uses them: requests arrive whole, results are whole when they
 * are read, and neither a slot nor a byte is used again before its result has been read. The walk crosses the wrap of both rings and of the
 * shared 32 bits.
 */
import { asRingPosition } from '../../../src/base/units.ts';
import { DESCRIPTOR_SIZE_BYTES, DescriptorDouble, DescriptorInt } from '../../../src/layout/request-descriptor.ts';
import { RingHead } from '../../../src/layout/shared-page.ts';
import type { MakeWorld } from './model.ts';
import { prove } from './prove.ts';

const REQUESTS = 3;
const REQUEST_BYTES = 8;
/** The second request crosses from the largest to the smallest int32. */
const FIRST = 2 ** 31 - 1;
const PATCH = 0x7000;

interface Rings {
  readonly slots: number;
  /** For so many requests there are bytes. */
  readonly room: number;
  /** When net gives the bytes of a request back: with its results, or (wrong) as soon as it is published. */
  readonly releaseAt?: 'results' | 'publish';
  /** What append does first: writes the results, or (wrong) gives the slot back. */
  readonly completeFirst?: boolean;
}

function requests({ slots, room, releaseAt = 'results', completeFirst = false }: Rings): MakeWorld {
  return (model) => {
    const ringMemory = model.memory(RingHead.sizeBytes + slots * DESCRIPTOR_SIZE_BYTES);
    const bytesMemory = model.memory(room * REQUEST_BYTES);
    const words = model.ints(ringMemory);
    words[RingHead.publishedAt / 4] = FIRST;
    words[RingHead.completedAt / 4] = FIRST;
    const producer = new model.DescriptorRingProducer(ringMemory);
    const consumer = new model.DescriptorRingConsumer(ringMemory);
    const bytes = new model.BytesRing(bytesMemory);
    const seenBytes = new model.BytesRing(bytesMemory);
    const sent: { number: number; bytesEnd: number }[] = [];
    let harvested = 0;
    let consumed = 0;

    function harvest(): void {
      const completed = producer.completed();
      for (; FIRST + harvested < completed; harvested++) {
        const slot = producer.index(asRingPosition(FIRST + harvested));
        const { number, bytesEnd } = sent[harvested]!;
        if (producer.doubles[slot * 8 + DescriptorDouble.logOffset] !== number * 1000)
          throw new Error('a wrong result');
        producer.free(asRingPosition(FIRST + harvested + 1));
        if (releaseAt === 'results') bytes.release(asRingPosition(bytesEnd));
      }
    }

    function send(number: number): void {
      harvest();
      if (!producer.hasRoom()) return;
      const position = bytes.claim(REQUEST_BYTES);
      if (position === -1) return;
      bytes.view.setInt32(bytes.index(position), number);
      const slot = producer.claim();
      producer.doubles[slot * 8 + DescriptorDouble.bytesPosition] = position;
      producer.ints[slot * 16 + DescriptorInt.length] = REQUEST_BYTES;
      sent.push({ number, bytesEnd: position + REQUEST_BYTES });
      producer.publish();
      if (releaseAt === 'publish') bytes.release(asRingPosition(position + REQUEST_BYTES));
    }

    function append(): void {
      const published = consumer.published();
      for (; FIRST + consumed < published; consumed++) {
        const slot = consumer.index(asRingPosition(FIRST + consumed));
        if (completeFirst) consumer.complete(asRingPosition(FIRST + consumed + 1));
        if (consumer.ints[slot * 16 + DescriptorInt.length] !== REQUEST_BYTES) throw new Error('a torn request');
        const at = seenBytes.index(asRingPosition(consumer.doubles[slot * 8 + DescriptorDouble.bytesPosition]!));
        const number = seenBytes.view.getInt32(at);
        if (number !== consumed + 1) throw new Error('a request was overwritten, lost or overtaken');
        seenBytes.view.setInt32(at, number | PATCH);
        consumer.doubles[slot * 8 + DescriptorDouble.logOffset] = number * 1000;
        if (seenBytes.view.getInt32(at) !== (number | PATCH))
          throw new Error('a record was overwritten while append had it');
      }
      if (!completeFirst) consumer.complete(asRingPosition(FIRST + consumed));
    }

    return {
      threads: {
        // A request that finds no room is not sent; the next one then has its number.
        net: () => {
          for (let i = 0; i < REQUESTS; i++) send(sent.length + 1);
          harvest();
        },
        append: () => {
          for (let i = 0; i < REQUESTS; i++) append();
        },
      },
      check: () => {
        append();
        harvest();
        if (harvested !== sent.length) throw new Error('a result is missing');
        if (bytes.usedBytes !== 0 && releaseAt === 'results') throw new Error('bytes are missing');
      },
    };
  };
}

const DESCRIPTORS = { file: 'ring/descriptor-ring.js' } as const;
const FEW_SLOTS = { slots: 2, room: 4 };
const FEW_BYTES = { slots: 4, room: 2 };

prove('requests and their results, with few slots', {
  world: requests(FEW_SLOTS),
  statesMin: 1000,
  faults: [
    {
      name: 'a slot is shown before it is filled',
      edits: [
        {
          ...DESCRIPTORS,
          find: 'return this.index(asRingPosition(this.#claimed++));',
          replace: `Atomics.store(this.publishedCell, 0, (this.#claimed + 1) | 0);
                    return this.index(asRingPosition(this.#claimed++));`,
        },
      ],
      seen: /a torn request/,
    },
    {
      name: 'one slot too many is given out',
      edits: [
        {
          ...DESCRIPTORS,
          find: 'this.#claimed - this.#freed < this.slots',
          replace: 'this.#claimed - this.#freed <= this.slots',
        },
      ],
      seen: /overwritten|a wrong result/,
    },
    {
      name: 'append gives a slot back before it has written the results',
      world: requests({ ...FEW_SLOTS, completeFirst: true }),
      seen: /overwritten|a wrong result/,
    },
    {
      name: 'slots are published by a plain write',
      edits: [
        {
          ...DESCRIPTORS,
          find: 'Atomics.store(this.publishedCell, 0, this.#published | 0);',
          replace: 'this.publishedCell[0] = this.#published | 0;',
        },
      ],
      needsReordering: true,
      seen: /torn|overwritten/,
    },
    {
      name: 'results are published by a plain write',
      edits: [
        {
          ...DESCRIPTORS,
          find: 'Atomics.store(this.completedCell, 0, upTo | 0);',
          replace: 'this.completedCell[0] = upTo | 0;',
        },
      ],
      needsReordering: true,
      seen: /a wrong result/,
    },
  ],
});

prove('requests and their results, with few bytes', {
  world: requests(FEW_BYTES),
  statesMin: 1000,
  faults: [
    {
      name: 'bytes are given out while they are in use',
      edits: [
        {
          file: 'ring/bytes-ring.js',
          find: 'if (start + length - this.#released > this.size)',
          replace: 'if (start + length - this.#released > 2 * this.size)',
        },
      ],
      seen: /overwritten/,
    },
    {
      name: 'bytes are given back when they are published',
      world: requests({ ...FEW_BYTES, releaseAt: 'publish' }),
      seen: /overwritten/,
    },
  ],
});
