/**
 * The agents of the topology benchmark. Each does a bounded piece of work when asked and says how much; worker.ts runs one on a thread of
 * its own, or all of them in turn on one.
 */
import { fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';
import { asLogOffset, asQueueOffset, asQueueSlot, asRingPosition } from '../../src/base/units.ts';
import { completeRecord, RecordCursor } from '../../src/layout/message-record.ts';
import { DescriptorDouble, DescriptorInt } from '../../src/layout/request-descriptor.ts';
import { BytesRing, NO_ROOM } from '../../src/ring/bytes-ring.ts';
import { DescriptorRingConsumer, DescriptorRingProducer } from '../../src/ring/descriptor-ring.ts';
import type { Bell } from '../../src/ring/doorbell.ts';
import { QueueTable } from '../../src/ring/queue-table.ts';
import { StatusPage } from '../../src/ring/status-page.ts';
import { encodedSizeOf, RecordEncoder } from '../record-encoder.ts';

export interface Plan {
  readonly nets: number;
  readonly messagesPerNet: number;
  readonly bodyBytes: number;
  /** Requests of one publish, as many as a chunk of a socket may hold. */
  readonly batch: number;
  /** fdatasync after each run, before its results are given. */
  readonly sync: boolean;
  readonly file: string;
}

export interface Memories {
  readonly page: SharedArrayBuffer;
  readonly table: SharedArrayBuffer;
  readonly bytes: readonly SharedArrayBuffer[];
  readonly descriptors: readonly SharedArrayBuffer[];
  /** Log offset of each message of a net, as net was told. */
  readonly offsets: readonly SharedArrayBuffer[];
}

/** Threads on the status page; nets follow. */
export const APPEND = 0;
export const DISPATCH = 1;
export const FIRST_NET = 2;

export interface Agent {
  doWork(): number;
  hasWork(): boolean;
  isDone(): boolean;
}

/** Work of a net between two looks at its results. */
const NET_BATCHES = 8;
const SLAB_BYTES = 1024 * 1024;
const UNPUBLISHED_MAX = 64;
const STORE_TIMESTAMP = 1_700_000_000_001;

/** Encodes records into its ring and remembers what it was told of each. */
export class NetAgent implements Agent {
  readonly #plan: Plan;
  readonly #index: number;
  readonly #append: Bell;
  readonly #producer: DescriptorRingProducer;
  readonly #bytes: BytesRing;
  readonly #encoder: RecordEncoder;
  readonly #offsets: Float64Array;
  readonly #body: Buffer;
  readonly #size: number;
  readonly #ends: Float64Array;
  #sent = 0;
  #harvested = 0;

  constructor(plan: Plan, memories: Memories, index: number, append: Bell) {
    this.#plan = plan;
    this.#index = index;
    this.#append = append;
    this.#producer = new DescriptorRingProducer(memories.descriptors[index]!);
    this.#bytes = new BytesRing(memories.bytes[index]!);
    this.#encoder = new RecordEncoder(this.#bytes);
    this.#offsets = new Float64Array(memories.offsets[index]!);
    this.#body = Buffer.alloc(plan.bodyBytes, 0x61);
    this.#size = encodedSizeOf(plan.bodyBytes);
    this.#ends = new Float64Array(this.#producer.slots);
  }

  doWork(): number {
    let work = this.#harvest();
    for (let i = 0; i < NET_BATCHES; i++) {
      const sent = this.#sendBatch();
      if (sent === 0) break;
      work += sent;
    }
    return work;
  }

  #sendBatch(): number {
    let sent = 0;
    while (sent < this.#plan.batch && this.#sent < this.#plan.messagesPerNet && this.#send()) sent++;
    if (this.#producer.publish()) this.#append.ring();
    return sent;
  }

  #send(): boolean {
    if (!this.#producer.hasRoom()) return false;
    const position = this.#bytes.claim(this.#size);
    if (position === NO_ROOM) return false;
    this.#body.writeInt32BE(this.#sent);
    this.#encoder.encode(this.#bytes.index(position), this.#body, this.#index);
    const slot = this.#producer.claim();
    this.#producer.doubles[slot * 8 + DescriptorDouble.bytesPosition] = position;
    this.#producer.ints[slot * 16 + DescriptorInt.length] = this.#size;
    this.#ends[slot] = position + this.#size;
    this.#sent++;
    return true;
  }

  #harvest(): number {
    const completed = this.#producer.completed();
    const before = this.#harvested;
    let slot = -1;
    for (; this.#harvested < completed; this.#harvested++) {
      slot = this.#producer.index(asRingPosition(this.#harvested));
      this.#offsets[this.#harvested] = this.#producer.doubles[slot * 8 + DescriptorDouble.logOffset]!;
    }
    if (slot < 0) return 0;
    this.#bytes.release(asRingPosition(this.#ends[slot]!));
    this.#producer.free(completed);
    return completed - before;
  }

  hasWork(): boolean {
    return this.#producer.completed() > this.#harvested;
  }

  isDone(): boolean {
    return this.#harvested === this.#plan.messagesPerNet;
  }
}

/** Append's view of one net. */
interface Input {
  readonly consumer: DescriptorRingConsumer;
  readonly bytes: BytesRing;
  readonly bell: Bell;
  queueOffset: number;
}

/** Gives out offsets and writes each run of records with one write, straight from the ring. */
export class AppendAgent implements Agent {
  readonly #plan: Plan;
  readonly #file: number;
  readonly #written: ReturnType<StatusPage['watermark']>;
  readonly #dispatch: Bell;
  readonly #inputs: readonly Input[];
  #end = 0;

  constructor(plan: Plan, memories: Memories, nets: readonly Bell[], dispatch: Bell) {
    this.#plan = plan;
    this.#file = openSync(plan.file, 'w');
    this.#written = new StatusPage(memories.page).watermark('written');
    this.#dispatch = dispatch;
    this.#inputs = nets.map((bell, i) => ({
      consumer: new DescriptorRingConsumer(memories.descriptors[i]!),
      bytes: new BytesRing(memories.bytes[i]!),
      bell,
      queueOffset: 0,
    }));
  }

  doWork(): number {
    let work = 0;
    for (const input of this.#inputs) work += this.#drain(input);
    return work;
  }

  #drain(input: Input): number {
    const { consumer, bytes } = input;
    const first: number = consumer.consumed;
    const published = consumer.published();
    if (first === published) return 0;
    let runStart = -1;
    let runEnd = -1;
    for (let position = first; position < published; position++) {
      const slot = consumer.index(asRingPosition(position));
      const length = consumer.ints[slot * 16 + DescriptorInt.length]!;
      const at = bytes.index(asRingPosition(consumer.doubles[slot * 8 + DescriptorDouble.bytesPosition]!));
      // At the end of the ring's memory one run ends and another begins.
      if (at !== runEnd) {
        this.#write(bytes, runStart, runEnd);
        runStart = at;
      }
      runEnd = at + length;
      const offset = this.#end + at - runStart;
      completeRecord(bytes.view, bytes.bytes, at, input.queueOffset, offset, STORE_TIMESTAMP);
      consumer.doubles[slot * 8 + DescriptorDouble.queueOffset] = input.queueOffset++;
      consumer.doubles[slot * 8 + DescriptorDouble.logOffset] = offset;
    }
    this.#write(bytes, runStart, runEnd);
    if (this.#plan.sync) fdatasyncSync(this.#file);
    consumer.complete(published);
    this.#written.advance(this.#end);
    input.bell.ring();
    this.#dispatch.ring();
    return published - first;
  }

  #write(bytes: BytesRing, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const written = writeSync(this.#file, bytes.bytes, at, end - at, this.#end);
      at += written;
      this.#end += written;
    }
  }

  hasWork(): boolean {
    return this.#inputs.some(({ consumer }) => consumer.published() > consumer.consumed);
  }

  isDone(): boolean {
    return this.#inputs.every(({ consumer }) => consumer.consumed === this.#plan.messagesPerNet);
  }
}

/** Reads the log from the file and puts an entry for each record into the shared tail of its queue. */
export class DispatchAgent implements Agent {
  readonly #plan: Plan;
  readonly #file: number;
  readonly #written: ReturnType<StatusPage['watermark']>;
  readonly #dispatched: ReturnType<StatusPage['watermark']>;
  readonly #table: QueueTable;
  readonly #slab = Buffer.alloc(SLAB_BYTES);
  readonly #view = new DataView(this.#slab.buffer, this.#slab.byteOffset, SLAB_BYTES);
  readonly #cursor = new RecordCursor();
  readonly #unpublished: number[];
  #end = 0;
  #records = 0;

  constructor(plan: Plan, memories: Memories) {
    this.#plan = plan;
    this.#file = openSync(plan.file, 'a+');
    const page = new StatusPage(memories.page);
    this.#written = page.watermark('written');
    this.#dispatched = page.watermark('dispatched');
    this.#table = new QueueTable(memories.table);
    this.#unpublished = Array.from({ length: plan.nets }, () => 0);
  }

  doWork(): number {
    const wanted = Math.min(this.#written.read() - this.#end, SLAB_BYTES);
    if (wanted === 0) return 0;
    const read = readSync(this.#file, this.#slab, 0, wanted, this.#end);
    const cursor = this.#cursor;
    let at = 0;
    let records = 0;
    while (at + this.#sizeAt(at, read) <= read && cursor.load(this.#view, at)) {
      this.#put(cursor);
      at += cursor.totalSize;
      records++;
    }
    for (let queue = 0; queue < this.#plan.nets; queue++) this.#publish(queue);
    this.#end += at;
    this.#records += records;
    this.#dispatched.advance(this.#end);
    return records;
  }

  /** Of the record at `at`, or more than is there when not even its size is. */
  #sizeAt(at: number, end: number): number {
    return at + 4 <= end ? this.#view.getInt32(at) : SLAB_BYTES + 1;
  }

  #nextOffset(queue: number): number {
    return this.#table.max(asQueueSlot(queue)) + this.#unpublished[queue]!;
  }

  #put({ queueId, queueOffset, physicalOffset, totalSize }: RecordCursor): void {
    if (queueOffset !== this.#nextOffset(queueId)) throw new Error('a gap in a queue');
    this.#table.put(asQueueSlot(queueId), asQueueOffset(queueOffset), asLogOffset(physicalOffset), totalSize, 0);
    this.#unpublished[queueId]!++;
    if (this.#unpublished[queueId] === UNPUBLISHED_MAX) this.#publish(queueId);
  }

  #publish(queue: number): void {
    if (this.#unpublished[queue] === 0) return;
    this.#table.publishMax(asQueueSlot(queue), asQueueOffset(this.#nextOffset(queue)));
    this.#unpublished[queue] = 0;
  }

  hasWork(): boolean {
    return this.#written.read() > this.#end;
  }

  isDone(): boolean {
    return this.#records === this.#plan.messagesPerNet * this.#plan.nets;
  }
}
