/**
 * Ways to hand messages to another thread and get a result for each batch back, behind one interface; handover.ts drives them, and
 * handover-worker.ts is the other end. Each message begins with its number, and the far end sums up the numbers and last bytes it has seen.
 */
import { Worker } from 'node:worker_threads';
import { asRingPosition } from '../../src/base/units.ts';
import { DescriptorDouble, DescriptorInt } from '../../src/layout/request-descriptor.ts';
import { BytesRing, NO_ROOM } from '../../src/ring/bytes-ring.ts';
import { copyInto } from '../../src/ring/copy-into.ts';
import { allocateDescriptorRing, DescriptorRingProducer } from '../../src/ring/descriptor-ring.ts';
import { Doorbell, EventSleeper } from '../../src/ring/doorbell.ts';
import { StatusPage } from '../../src/ring/status-page.ts';

export interface Carrier {
  /** Sends `count` messages that begin with number `first`. */
  post(first: number, count: number): void;
  /** Messages whose results are here. */
  acknowledged(): number;
  /** What the far end has summed up, as of the last acknowledgement. */
  sum(): number;
  progress(): Promise<void>;
  close(): Promise<void>;
}

export type Way = 'ring' | 'plain' | 'batched' | 'transferred' | 'batchedTransferred';

export interface WorkerTask {
  readonly way: Way;
  readonly size: number;
  readonly page: SharedArrayBuffer;
  readonly descriptors: SharedArrayBuffer;
  readonly bytes: SharedArrayBuffer;
}

/** Threads on the status page. */
export const SENDER = 0;
export const RECEIVER = 1;
/** A descriptor of this length ends the receiver. */
export const END = -1;
const SLOTS = 4096;
const RING_BYTES = 16 * 1024 * 1024;

export function openCarrier(way: Way, size: number): Carrier {
  const task: WorkerTask = {
    way,
    size,
    page: StatusPage.allocate(),
    descriptors: allocateDescriptorRing(SLOTS),
    bytes: BytesRing.allocate(RING_BYTES),
  };
  const worker = new Worker(new URL('./handover-worker.js', import.meta.url), { workerData: task });
  return way === 'ring' ? new RingCarrier(worker, task) : new MessageCarrier(worker, way, size);
}

class RingCarrier implements Carrier {
  readonly #worker: Worker;
  readonly #payload: Buffer;
  readonly #producer: DescriptorRingProducer;
  readonly #bytes: BytesRing;
  readonly #bell: Doorbell;
  readonly #sleeper: EventSleeper;
  #wake: (() => void) | null = null;
  #harvested = 0;
  #sum = 0;
  readonly #ends = new Float64Array(SLOTS);

  constructor(worker: Worker, task: WorkerTask) {
    const page = new StatusPage(task.page);
    this.#worker = worker;
    this.#payload = Buffer.alloc(task.size, 0x61);
    this.#producer = new DescriptorRingProducer(task.descriptors);
    this.#bytes = new BytesRing(task.bytes);
    this.#bell = new Doorbell(task.page, page.bellAt(RECEIVER));
    this.#sleeper = new EventSleeper(task.page, page.bellAt(SENDER), () => {
      this.#wake?.();
      this.#wake = null;
    });
  }

  post(first: number, count: number): void {
    const { length } = this.#payload;
    let number = first;
    for (; number < first + count && this.#producer.hasRoom(); number++) {
      const position = this.#bytes.claim(length);
      if (position === NO_ROOM) throw new Error('the ring has bytes for all slots');
      const at = this.#bytes.index(position);
      copyInto(this.#bytes.bytes, at, this.#payload, 0, length);
      this.#bytes.view.setInt32(at, number);
      this.#describe(position, length);
    }
    if (number !== first + count) throw new Error('the window is smaller than the ring');
    this.#producer.publish();
    this.#bell.ring();
  }

  #describe(position: number, length: number): void {
    const slot = this.#producer.claim();
    this.#producer.doubles[slot * 8 + DescriptorDouble.bytesPosition] = position;
    this.#producer.ints[slot * 16 + DescriptorInt.length] = length;
    this.#ends[slot] = position + length;
  }

  acknowledged(): number {
    const completed = this.#producer.completed();
    let slot = -1;
    for (; this.#harvested < completed; this.#harvested++) {
      slot = this.#producer.index(asRingPosition(this.#harvested));
      this.#sum = this.#producer.doubles[slot * 8 + DescriptorDouble.logOffset]!;
    }
    if (slot >= 0) this.#bytes.release(asRingPosition(this.#ends[slot]!));
    this.#producer.free(completed);
    return completed;
  }

  sum(): number {
    return this.#sum;
  }

  progress(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#sleeper.arm(() => this.#producer.completed() > this.#harvested);
    });
  }

  async close(): Promise<void> {
    this.#describe(0, END);
    this.#producer.publish();
    this.#bell.ring();
    this.#sleeper.close();
    await this.#worker.terminate();
  }
}

/** What the worker says for each message that it was posted. */
export interface Acknowledgement {
  readonly count: number;
  readonly sum: number;
  /** The buffer comes back with the results, as a ring's bytes do. */
  readonly buffer?: ArrayBuffer;
}

class MessageCarrier implements Carrier {
  readonly #worker: Worker;
  readonly #way: Way;
  readonly #payload: Buffer;
  readonly #spare: ArrayBuffer[] = [];
  #acknowledged = 0;
  #sum = 0;
  #wake: (() => void) | null = null;

  constructor(worker: Worker, way: Way, size: number) {
    this.#worker = worker;
    this.#way = way;
    this.#payload = Buffer.alloc(size, 0x61);
    worker.on('message', ({ count, sum, buffer }: Acknowledgement) => {
      this.#acknowledged += count;
      this.#sum = sum;
      if (buffer !== undefined) this.#spare.push(buffer);
      this.#wake?.();
      this.#wake = null;
    });
  }

  post(first: number, count: number): void {
    const { length } = this.#payload;
    if (this.#way === 'batchedTransferred') {
      const wanted = count * length;
      const spare = this.#spare.pop();
      const memory = spare?.byteLength === wanted ? spare : new ArrayBuffer(wanted);
      const buffer = Buffer.from(memory);
      for (let i = 0; i < count; i++) this.#fill(buffer, i * length, first + i);
      this.#worker.postMessage(memory, [memory]);
      return;
    }
    const messages = Array.from({ length: count }, (_, i) => {
      const message = Buffer.from(new ArrayBuffer(length));
      this.#fill(message, 0, first + i);
      return message;
    });
    if (this.#way === 'batched') this.#worker.postMessage(messages);
    else if (this.#way === 'plain') for (const message of messages) this.#worker.postMessage(message);
    else for (const { buffer } of messages) this.#worker.postMessage(buffer, [buffer]);
  }

  #fill(into: Buffer, at: number, number: number): void {
    this.#payload.copy(into, at);
    into.writeInt32BE(number, at);
  }

  acknowledged(): number {
    return this.#acknowledged;
  }

  sum(): number {
    return this.#sum;
  }

  progress(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
