/** A descriptor ring against a plain queue: every request arrives once, in order, and its result comes back before its slot is used again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { asRingPosition } from '../../src/base/units.ts';
import { RingHead } from '../../src/layout/shared-page.ts';
import {
  allocateDescriptorRing,
  DescriptorRingConsumer,
  DescriptorRingProducer,
} from '../../src/ring/descriptor-ring.ts';

const SLOTS = 4;
const REQUEST_INT = 3;
const RESULT_DOUBLE = 4;

type Step = 'send' | 'publish' | 'append' | 'harvest';
const steps = fc.array(fc.constantFrom<Step>('send', 'send', 'publish', 'append', 'harvest'), { maxLength: 80 });

/** `firstPosition` lets the run cross the places where the shared 32 bits change sign or wrap. */
function ringAt(firstPosition: number): SharedArrayBuffer {
  const memory = allocateDescriptorRing(SLOTS);
  new Int32Array(memory, RingHead.publishedAt, 1)[0] = firstPosition;
  new Int32Array(memory, RingHead.completedAt, 1)[0] = firstPosition;
  return memory;
}

type ProducerClass = typeof DescriptorRingProducer;

/** Plays the steps of both ends and throws when a request or a result is not the one that is due. */
function play(Producer: ProducerClass, firstPosition: number, list: readonly Step[]): void {
  const memory = ringAt(firstPosition);
  const producer = new Producer(memory);
  const consumer = new DescriptorRingConsumer(memory);
  let sent = 0;
  let published = 0;
  let appended = 0;
  let harvested = 0;
  const position = (count: number) => asRingPosition(firstPosition + count);
  for (const step of list) {
    if (step === 'send') {
      if (!producer.hasRoom()) {
        if (sent - harvested < SLOTS) throw new Error('a ring with room says that it is full');
        continue;
      }
      producer.ints[producer.claim() * 16 + REQUEST_INT] = sent++;
    } else if (step === 'publish') {
      if (producer.publish() !== sent > published) throw new Error('publish says whether there was anything');
      published = sent;
    } else if (step === 'append') {
      if (consumer.published() !== position(published)) throw new Error('what was published is not what is seen');
      for (; appended < published; appended++) {
        const slot = consumer.index(position(appended));
        if (consumer.ints[slot * 16 + REQUEST_INT] !== appended) throw new Error('a request was lost or overtaken');
        consumer.doubles[slot * 8 + RESULT_DOUBLE] = appended * 10;
      }
      consumer.complete(position(appended));
    } else {
      if (producer.completed() !== position(appended)) throw new Error('what was completed is not what is seen');
      for (; harvested < appended; harvested++) {
        const slot = producer.index(position(harvested));
        if (producer.doubles[slot * 8 + RESULT_DOUBLE] !== harvested * 10) throw new Error('a result was overwritten');
      }
      producer.free(position(harvested));
    }
  }
}

const firstPositions = fc.constantFrom(0, 2 ** 31 - 3, 2 ** 32 - 3);

describe('a descriptor ring', () => {
  it('hands over requests and results in order, full, empty and across the wrap of its 32 bits', () => {
    fc.assert(
      fc.property(firstPositions, steps, (first, list) => play(DescriptorRingProducer, first, list)),
      { numRuns: 1000 },
    );
  });

  it('without the check of free slots would overwrite requests, and the property sees it', () => {
    class Unchecked extends DescriptorRingProducer {
      override hasRoom(): boolean {
        return true;
      }
    }
    const result = fc.check(
      fc.property(firstPositions, steps, (first, list) => play(Unchecked, first, list)),
      { numRuns: 1000 },
    );
    expect(String(result.errorInstance), `seed ${result.seed}`).toMatch(/a request was lost|a result was overwritten/);
  });

  it('refuses steps out of order', () => {
    const memory = allocateDescriptorRing(SLOTS);
    const producer = new DescriptorRingProducer(memory);
    const consumer = new DescriptorRingConsumer(memory);
    for (let i = 0; i < SLOTS; i++) producer.claim();
    expect(producer.hasRoom()).toBe(false);
    expect(() => producer.claim()).toThrow(InvariantError);
    expect(() => consumer.complete(asRingPosition(1))).toThrow(InvariantError);
    producer.publish();
    expect(() => producer.free(asRingPosition(1))).toThrow(InvariantError);
    expect(consumer.published()).toBe(SLOTS);
    consumer.complete(asRingPosition(2));
    expect(() => consumer.complete(asRingPosition(1))).toThrow(InvariantError);
    expect(producer.completed()).toBe(2);
    expect(() => producer.free(asRingPosition(3))).toThrow(InvariantError);
    expect(() => allocateDescriptorRing(3) && new DescriptorRingProducer(allocateDescriptorRing(3))).toThrow(
      InvariantError,
    );
  });

  it('goes on where it stands when an end is opened again', () => {
    const memory = allocateDescriptorRing(SLOTS);
    const producer = new DescriptorRingProducer(memory);
    const consumer = new DescriptorRingConsumer(memory);
    for (let i = 0; i < 3; i++) producer.claim();
    producer.publish();
    consumer.published();
    consumer.complete(asRingPosition(1));
    expect(new DescriptorRingConsumer(memory).consumed).toBe(1);
    expect(new DescriptorRingConsumer(memory).published()).toBe(3);
    const again = new DescriptorRingProducer(memory);
    expect([again.claimed, again.completed()]).toEqual([3, 1]);
  });
});
