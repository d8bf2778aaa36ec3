/**
 * What each operation of ring/ costs on one thread, both ends in turn, without the traffic between cores (handover.ts has that). Run:
 * `npm run bench:ring`.
 */
import { assert } from '../../src/base/assert.ts';
import { QUEUE_TAIL_ENTRIES } from '../../src/base/limits.ts';
import { asLogOffset, asQueueOffset, asQueueSlot, asRingPosition } from '../../src/base/units.ts';
import { entryLogOffset, QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import { DescriptorDouble, DescriptorInt } from '../../src/layout/request-descriptor.ts';
import { BytesRing, NO_ROOM } from '../../src/ring/bytes-ring.ts';
import { copyInto } from '../../src/ring/copy-into.ts';
import {
  allocateDescriptorRing,
  DescriptorRingConsumer,
  DescriptorRingProducer,
} from '../../src/ring/descriptor-ring.ts';
import { Doorbell } from '../../src/ring/doorbell.ts';
import { QueueTable } from '../../src/ring/queue-table.ts';
import { allocateSlotRing, SlotRing } from '../../src/ring/slot-ring.ts';
import { StatusPage } from '../../src/ring/status-page.ts';
import { add, microBench, printMachine, runMicro } from '../micro.ts';

const bench = microBench();
let drained = 0;

/** A request through both rings and back: claim, describe, publish, take, complete, harvest, free. */
function addRequests(batch: number): void {
  const memory = allocateDescriptorRing(1024);
  const producer = new DescriptorRingProducer(memory);
  const consumer = new DescriptorRingConsumer(memory);
  const bytes = new BytesRing(BytesRing.allocate(4 * 1024 * 1024));
  const LENGTH = 1115;
  let lastEnd = 0;
  add(bench, `request through both rings and back, ${batch} a publish`, (round) => {
    const position = bytes.claim(LENGTH);
    assert(position !== NO_ROOM && producer.hasRoom(), 'the rings are emptied after each batch');
    const slot = producer.claim();
    producer.doubles[slot * 8 + DescriptorDouble.bytesPosition] = position;
    producer.ints[slot * 16 + DescriptorInt.length] = LENGTH;
    lastEnd = position + LENGTH;
    if ((round + 1) % batch !== 0 && round !== 999) return;
    producer.publish();
    const published = consumer.published();
    for (let at: number = consumer.consumed; at < published; at++) {
      const taken = consumer.index(asRingPosition(at));
      consumer.doubles[taken * 8 + DescriptorDouble.logOffset] = consumer.ints[taken * 16 + DescriptorInt.length]!;
    }
    consumer.complete(published);
    producer.free(producer.completed());
    bytes.release(asRingPosition(lastEnd));
  });
}

function addTail(): void {
  const SLOT = asQueueSlot(1);
  const table = new QueueTable(QueueTable.allocate(2));
  const into = Buffer.alloc(QUEUE_TAIL_ENTRIES * QUEUE_ENTRY_BYTES);
  let next = 0;
  add(bench, 'queue tail: put and publish an entry', () => {
    table.put(SLOT, asQueueOffset(next), asLogOffset(next * 1200), 1115, 77);
    table.publishMax(SLOT, asQueueOffset(++next));
  });
  add(bench, 'queue tail: put an entry, publish each 32nd', () => {
    table.put(SLOT, asQueueOffset(next), asLogOffset(next * 1200), 1115, 77);
    if (++next % 32 === 0) table.publishMax(SLOT, asQueueOffset(next));
  });
  const quiet = new QueueTable(QueueTable.allocate(1));
  for (let i = 0; i < QUEUE_TAIL_ENTRIES; i++) quiet.put(asQueueSlot(0), asQueueOffset(i), asLogOffset(i), 1115, 77);
  quiet.publishMax(asQueueSlot(0), asQueueOffset(QUEUE_TAIL_ENTRIES));
  for (const count of [1, 32]) {
    const from = asQueueOffset(QUEUE_TAIL_ENTRIES - count);
    assert(quiet.readTail(asQueueSlot(0), from, count, into, 0) === count, 'the tail has the entries');
    assert(entryLogOffset(new DataView(into.buffer, into.byteOffset), 0) === from, 'and they are the ones asked for');
    add(bench, `queue tail: read ${count}`, () => quiet.readTail(asQueueSlot(0), from, count, into, 0));
  }
}

function addSignals(): void {
  const page = new StatusPage(StatusPage.allocate());
  const mark = page.watermark('written');
  const bell = new Doorbell(page.memory, page.bellAt(0));
  const histogram = page.stage('append');
  let value = 0;
  add(bench, 'watermark: advance', () => mark.advance(value++));
  add(bench, 'watermark: read', () => {
    value += mark.read() - mark.read();
  });
  add(bench, 'bell of a thread that is awake', () => bell.ring());
  add(bench, 'status page: count', () => page.add(0, 'sends', 1));
  add(bench, 'shared histogram: record', (round) => histogram.record(round));
  const names = allocateSlotRing();
  const writer = new SlotRing(names);
  const reader = new SlotRing(names);
  const each = (): void => {
    drained++;
  };
  add(bench, 'slot ring: push, publish and drain each 32nd', (round) => {
    writer.push(asQueueSlot(round));
    if (round % 32 !== 31 && round !== 999) return;
    writer.publish();
    reader.drain(each);
  });
}

function addCopies(): void {
  const source = Buffer.from(Uint8Array.from({ length: 8192 }, (_, i) => i));
  const target = Buffer.from(new SharedArrayBuffer(64 * 1024));
  for (const length of [16, 128, 1024, 4096]) {
    copyInto(target, 3, source, 5, 5 + length);
    assert(target.subarray(3, 3 + length).equals(source.subarray(5, 5 + length)), 'the copy is the source');
    add(bench, `${length} B into shared memory: copyInto`, () => copyInto(target, 3, source, 5, 5 + length));
    add(bench, `${length} B into shared memory: Buffer.copy`, () => source.copy(target, 3, 5, 5 + length));
    add(bench, `${length} B into shared memory: TypedArray.set`, () => target.set(source.subarray(5, 5 + length), 3));
  }
}

addRequests(1);
addRequests(32);
addTail();
addSignals();
addCopies();
printMachine();
await runMicro(bench);
assert(drained > 0, 'the slot ring was drained');
