/**
 * Which topic and queue a row of the queue table belongs to: an append-only list in shared memory with one writer, control. Readers follow
 * its count, so no thread has to be told about a new queue: whoever meets a record of it finds the entry there.
 */
import { assert } from '../base/assert.ts';
import { QUEUE_SLOTS_MAX } from '../base/limits.ts';
import { asQueueSlot, type QueueSlot } from '../base/units.ts';
import { DirectoryEntryAt, QueueDirectoryAt } from '../layout/shared-page.ts';

const TOPIC_BYTES_MAX = DirectoryEntryAt.queueId - DirectoryEntryAt.topic;

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
    return new SharedArrayBuffer(QueueDirectoryAt.entries + slots * DirectoryEntryAt.sizeBytes);
  }

  constructor(memory: SharedArrayBuffer) {
    this.#count = new Int32Array(memory, QueueDirectoryAt.count, 1);
    this.#bytes = Buffer.from(memory);
    this.#slots = (memory.byteLength - QueueDirectoryAt.entries) / DirectoryEntryAt.sizeBytes;
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
    const length = Buffer.byteLength(topic);
    assert(length <= TOPIC_BYTES_MAX, 'a topic name fits its entry');
    const at = entryAt(slot);
    this.#bytes[at + DirectoryEntryAt.length] = length;
    this.#bytes.write(topic, at + DirectoryEntryAt.topic);
    this.#bytes.writeInt32BE(queueId, at + DirectoryEntryAt.queueId);
    Atomics.store(this.#count, 0, slot + 1);
    return asQueueSlot(slot);
  }

  entry(slot: QueueSlot): DirectoryEntry {
    const known = this.#decoded[slot];
    if (known !== undefined) return known;
    // Decoded in order, so that the list has no holes whatever row is asked for first.
    assert(slot < this.count(), 'the row has been given out');
    while (this.#decoded.length <= slot) this.#decoded.push(this.#decode(this.#decoded.length));
    return this.#decoded[slot]!;
  }

  #decode(slot: number): DirectoryEntry {
    const bytes = this.#bytes;
    const at = entryAt(slot);
    const topicAt = at + DirectoryEntryAt.topic;
    const topic = bytes.toString('utf8', topicAt, topicAt + bytes[at + DirectoryEntryAt.length]!);
    return { topic, queueId: bytes.readInt32BE(at + DirectoryEntryAt.queueId) };
  }
}

function entryAt(slot: number): number {
  return QueueDirectoryAt.entries + slot * DirectoryEntryAt.sizeBytes;
}
