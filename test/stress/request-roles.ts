/**
 * Nets and append: requests of random length through a bytes ring and a descriptor ring each, small enough to be full and to wrap all the
 * time. Every byte of a request says which one it is; append looks at all of them, changes them, and answers with running numbers.
 */
import { seededRandom } from '../../src/base/random.ts';
import { asRingPosition } from '../../src/base/units.ts';
import { DescriptorDouble, DescriptorInt } from '../../src/layout/request-descriptor.ts';
import type { Counts, RoleContext } from './scenario.ts';

export const NETS = 2;
export const RING_BYTES = 64 * 1024;
export const RING_SLOTS = 64;
const LENGTH_MIN = 16;
const LENGTH_MAX = 3000;
const BATCH_MAX = 8;
const PATCHED = 0xff;

export const bellOf = (net: number) => 128 * net;
export const APPEND_BELL = 128 * NETS;
export const BELLS_BYTES = 128 * (NETS + 1);

const patternOf = (number: number) => number % PATCHED;

export function net(context: RoleContext): Counts {
  const { ring, memories, index, isOver, isBroken, finished } = context;
  const producer = new ring.DescriptorRingProducer(memories[`descriptors${index}`]!);
  const bytes = new ring.BytesRing(memories[`bytes${index}`]!);
  const appendBell = new ring.Doorbell(memories.bells!, APPEND_BELL);
  const sleeper = new ring.BlockingSleeper(memories.bells!, bellOf(index));
  const random = seededRandom(index + 1);
  const ends: number[] = [];
  let sent = 0;
  let sentBytes = 0;
  let harvested = 0;
  let lastOffset = -1;

  function harvest(): void {
    const completed = producer.completed();
    for (; harvested < completed; harvested++) {
      const slot = producer.index(asRingPosition(harvested));
      const offset = producer.doubles[slot * 8 + DescriptorDouble.logOffset]!;
      if (producer.doubles[slot * 8 + DescriptorDouble.queueOffset] !== harvested)
        throw new Error('the result of another');
      if (offset <= lastOffset) throw new Error('log offsets do not grow');
      lastOffset = offset;
      bytes.release(asRingPosition(ends[harvested % RING_SLOTS]!));
    }
    producer.free(asRingPosition(harvested));
  }

  function send(length: number): boolean {
    if (!producer.hasRoom()) return false;
    const position = bytes.claim(length);
    if (position === ring.NO_ROOM) return false;
    const at = bytes.index(position);
    const slot = producer.claim();
    producer.doubles[slot * 8 + DescriptorDouble.bytesPosition] = position;
    producer.ints[slot * 16 + DescriptorInt.length] = length;
    bytes.bytes.fill(patternOf(sent), at, at + length);
    ends[sent % RING_SLOTS] = position + length;
    sent++;
    sentBytes += length;
    return true;
  }

  function sendBatch(): boolean {
    for (let left = 1 + random.below(BATCH_MAX); left > 0; left--) {
      if (!send(LENGTH_MIN + random.below(LENGTH_MAX - LENGTH_MIN))) return false;
    }
    return true;
  }

  while (!isOver() && !isBroken()) {
    harvest();
    const hadRoom = sendBatch();
    if (producer.publish()) appendBell.ring();
    else if (!hadRoom) sleepFor(() => producer.completed() > harvested, sleeper, context);
  }
  finished();
  appendBell.ring();
  while (harvested < sent && !isBroken()) {
    harvest();
    if (harvested < sent) sleepFor(() => producer.completed() > harvested, sleeper, context);
  }
  return { sent, sentBytes, harvested };
}

export function append(context: RoleContext): Counts {
  const { ring, memories, isBroken, finishedRoles } = context;
  const sleeper = new ring.BlockingSleeper(memories.bells!, APPEND_BELL);
  const inputs = Array.from({ length: NETS }, (_, i) => ({
    consumer: new ring.DescriptorRingConsumer(memories[`descriptors${i}`]!),
    bytes: new ring.BytesRing(memories[`bytes${i}`]!),
    bell: new ring.Doorbell(memories.bells!, bellOf(i)),
    expected: 0,
  }));
  let logEnd = 0;
  let requests = 0;

  function drain(input: (typeof inputs)[number]): boolean {
    const { consumer, bytes } = input;
    const published = consumer.published();
    let position: number = consumer.consumed;
    if (position === published) return false;
    for (; position < published; position++) {
      const slot = consumer.index(asRingPosition(position));
      const length = consumer.ints[slot * 16 + DescriptorInt.length]!;
      const at = bytes.index(asRingPosition(consumer.doubles[slot * 8 + DescriptorDouble.bytesPosition]!));
      const number = input.expected++;
      for (let i = at; i < at + length; i++) {
        if (bytes.bytes[i] !== patternOf(number)) throw new Error('a request has bytes of another');
      }
      bytes.bytes.fill(PATCHED, at, at + length);
      consumer.doubles[slot * 8 + DescriptorDouble.queueOffset] = number;
      consumer.doubles[slot * 8 + DescriptorDouble.logOffset] = logEnd;
      // What a slot held in the last round must not pass for a request of this one.
      consumer.ints[slot * 16 + DescriptorInt.length] = -1;
      if (length < LENGTH_MIN || length > LENGTH_MAX) throw new Error('a slot without a request');
      logEnd += length;
      requests++;
    }
    consumer.complete(asRingPosition(position));
    input.bell.ring();
    return true;
  }

  const hasWork = () => inputs.some(({ consumer }) => consumer.published() > consumer.consumed);
  for (;;) {
    const wereFinished = finishedRoles() === NETS;
    const drained = inputs.map(drain).includes(true);
    if (isBroken() || (wereFinished && !drained)) break;
    if (!drained) sleepFor(() => hasWork() || finishedRoles() === NETS, sleeper, context);
  }
  return { requests, appendedBytes: logEnd };
}

interface Sleeper {
  sleep(hasWork: () => boolean, timeoutMs: number): void;
}

/** Sleeps until there is work. A sleep that ends by its time although there is work was not woken. */
export function sleepFor(hasWork: () => boolean, sleeper: Sleeper, { lostMs, isBroken }: RoleContext): void {
  const began = performance.now();
  sleeper.sleep(hasWork, lostMs);
  if (performance.now() - began >= lostMs && hasWork() && !isBroken()) throw new Error('a ring was lost');
}
