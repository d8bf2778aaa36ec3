/**
 * Which topic and queue a row of the queue table belongs to: an append-only list in shared memory with one writer, control. Readers follow
 * its count, so no thread has to be told about a new queue: whoever meets a record of it finds the entry there.
 */
import { assert } from '../base/assert.ts';
import { QUEUE_SLOTS_MAX, RETRY_TOPIC_LENGTH_MAX } from '../base/limits.ts';
import { asQueueSlot, type QueueSlot } from '../base/units.ts';
import { CACHE_LINE_BYTES } from '../layout/shared-page.ts';

/** Length byte, topic, padding to 4 bytes; then the queue id as int32. */
const ENTRY_BYTES = RETRY_TOPIC_LENGTH_MAX + 1 + Int32Array.BYTES_PER_ELEMENT;
const ENTRIES_AT = CACHE_LINE_BYTES;

export interface DirectoryEntry {
  readonly topic: string;
  readonly queueId: number;
}

export class QueueDirectory {
  readonly #count: Int32Array;
  readonly #bytes: Buffer;
  readonly #slots: number;
  /** Entries never change, so a thread decodes each once. */
  readonly #decoded: DirectoryEntry[] = [];

  static allocate(slots = QUEUE_SLOTS_MAX): SharedArrayBuffer {
    return new SharedArrayBuffer(ENTRIES_AT + slots * ENTRY_BYTES);
  }

  constructor(memory: SharedArrayBuffer) {
    this.#count = new Int32Array(memory, 0, 1);
    this.#bytes = Buffer.from(memory);
    this.#slots = Math.floor((memory.byteLength - ENTRIES_AT) / ENTRY_BYTES);
  }

  /** Rows given out so far; slots 0 to count - 1 have an entry. */
  count(): number {
    return Atomics.load(this.#count, 0);
  }

  get isFull(): boolean {
    return this.count() >= this.#slots;
  }

  /** Control: gives the next row to a queue. The caller sees to it that a queue is added once and that there is room. */
  add(topic: string, queueId: number): QueueSlot {
    const slot = this.count();
    assert(slot < this.#slots, 'control refuses a topic when no rows are left');
    const at = ENTRIES_AT + slot * ENTRY_BYTES;
    const length = this.#bytes.write(topic, at + 1, RETRY_TOPIC_LENGTH_MAX);
    assert(length === Buffer.byteLength(topic), 'a topic name fits its entry');
    this.#bytes[at] = length;
    this.#bytes.writeInt32BE(queueId, at + 1 + RETRY_TOPIC_LENGTH_MAX);
    Atomics.store(this.#count, 0, slot + 1);
    return asQueueSlot(slot);
  }

  entry(slot: QueueSlot): DirectoryEntry {
    assert(slot < this.count(), 'the row has been given out');
    const known = this.#decoded[slot];
    if (known !== undefined) return known;
    const at = ENTRIES_AT + slot * ENTRY_BYTES;
    const topic = this.#bytes.toString('utf8', at + 1, at + 1 + this.#bytes[at]!);
    const entry = { topic, queueId: this.#bytes.readInt32BE(at + 1 + RETRY_TOPIC_LENGTH_MAX) };
    this.#decoded[slot] = entry;
    return entry;
  }
}
