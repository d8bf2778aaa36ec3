/**
 * Moves queue entries from the tails in shared memory to the ConsumeQueue files, many at a time, and makes them survive a loss of power.
 * A queue is filed when 64 entries wait or the oldest has waited for half a second; every ten seconds all of it is fsynced, one file per
 * turn, and then the checkpoint may pass (details.md 2). Part of dispatch.
 */
import { QUEUE_SLOTS_MAX, QUEUE_TAIL_ENTRIES } from '../../base/limits.ts';
import { asQueueOffset, type QueueSlot } from '../../base/units.ts';
import { QUEUE_ENTRY_BYTES } from '../../layout/queue-entry.ts';
import { STABLE_ENTRIES } from '../../ring/queue-table.ts';
import type { ConsumeQueueWriter } from '../../store/consume-queue.ts';
import { DiskFullError } from '../../store/disk.ts';
import type { DispatchEnds } from '../topology.ts';

const FILE_ENTRIES = 64;
const FILE_AFTER_US = 500_000;
const SYNC_EVERY_US = 10_000_000;
const US_PER_MS = 1000;

export class QueueFiling {
  readonly #ends: DispatchEnds;
  readonly #files: ConsumeQueueWriter;
  readonly #filed = new Float64Array(QUEUE_SLOTS_MAX);
  readonly #next = new Float64Array(QUEUE_SLOTS_MAX);
  /** Queues with entries that are in no file. */
  readonly #dirty: QueueSlot[] = [];
  readonly #isDirty = new Uint8Array(QUEUE_SLOTS_MAX);
  #fileAtUs = 0;
  #syncAtUs: number;
  /** Time of the last turn, good enough for entries that come between two. */
  #nowUs: number;
  /** Store time of the newest record that dispatch has taken. */
  #seenAt: number;
  /** While files are being fsynced: what is reached when they all are. */
  #syncingTo = 0;
  #isSyncing = false;
  #isFull = false;

  constructor(ends: DispatchEnds, files: ConsumeQueueWriter, nowUs: number) {
    this.#ends = ends;
    this.#files = files;
    this.#seenAt = ends.queuesSyncedAt.read();
    this.#syncAtUs = nowUs + SYNC_EVERY_US;
    this.#nowUs = nowUs;
  }

  /** A queue's entries below `next` are in its files. */
  learn(slot: QueueSlot, next: number): void {
    this.#filed[slot] = next;
    this.#next[slot] = next;
  }

  seen(storeTimestamp: number): void {
    if (storeTimestamp > this.#seenAt) this.#seenAt = storeTimestamp;
  }

  /** The queue's tail holds entries up to `next`. Files them at once before the tail would have to overwrite what is in no file. */
  grown(slot: QueueSlot, next: number): void {
    this.#next[slot] = next;
    if (next - this.#filed[slot]! < FILE_ENTRIES || !this.#file(slot)) this.#later(slot);
  }

  isDue(nowUs: number): boolean {
    return this.#isSyncing || this.#filingIsDue(nowUs) || this.#syncIsDue(nowUs);
  }

  dueInMs(nowUs: number): number {
    if (this.#isSyncing) return 0;
    const fileAtUs = this.#dirty.length > 0 ? this.#fileAtUs : Number.POSITIVE_INFINITY;
    // A time of the next sync that has passed without anything to sync is no reason to wake: an idle broker sleeps.
    const syncAtUs = this.#isSyncOwed ? this.#syncAtUs : Number.POSITIVE_INFINITY;
    return Math.max(1, Math.ceil((Math.min(fileAtUs, syncAtUs) - nowUs) / US_PER_MS));
  }

  /** Does what is due. */
  doWork(nowUs: number): number {
    this.#nowUs = nowUs;
    let work = this.#filingIsDue(nowUs) ? this.#fileAll() : 0;
    if (this.#syncIsDue(nowUs)) this.#beginSync(nowUs);
    if (this.#isSyncing) {
      work++;
      this.#isSyncing = !this.#files.syncSome(1);
      if (!this.#isSyncing) this.#ends.queuesSyncedAt.advance(this.#syncingTo);
    }
    return work;
  }

  close(): void {
    this.#fileAll();
    if (this.#isAllFiled) {
      this.#files.sync();
      this.#ends.queuesSyncedAt.advance(Math.max(this.#seenAt, this.#ends.queuesSyncedAt.read()));
    }
    this.#files.close();
  }

  /**
   * Is there room in the queue's tail for one more entry? Without it dispatch waits. Room is what readers still take from the tail, not all
   * of it: an entry must be in its file before a maximum is published that lets the tail refuse it, or a pull finds it in neither.
   */
  hasRoom(slot: QueueSlot, next: number): boolean {
    return next - this.#filed[slot]! < STABLE_ENTRIES || this.#file(slot);
  }

  /** The disk has refused entries; they are tried again every half second. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** The last queue that was filed does not speak for the others: on a full disk there may be room for some and not for all. */
  get #isAllFiled(): boolean {
    return this.#dirty.length === 0;
  }

  #beginSync(nowUs: number): void {
    this.#syncAtUs = nowUs + SYNC_EVERY_US;
    this.#fileAll();
    if (!this.#isAllFiled) return;
    this.#syncingTo = this.#seenAt;
    this.#files.beginSync();
    this.#isSyncing = true;
  }

  #filingIsDue(nowUs: number): boolean {
    return this.#dirty.length > 0 && nowUs >= this.#fileAtUs;
  }

  #syncIsDue(nowUs: number): boolean {
    return !this.#isSyncing && nowUs >= this.#syncAtUs && this.#isSyncOwed;
  }

  get #isSyncOwed(): boolean {
    return this.#seenAt > this.#ends.queuesSyncedAt.read();
  }

  #fileAll(): number {
    const queues = this.#dirty.splice(0);
    for (const slot of queues) this.#isDirty[slot] = 0;
    for (const slot of queues) if (!this.#file(slot)) this.#later(slot);
    return queues.length;
  }

  #later(slot: QueueSlot): void {
    if (this.#isDirty[slot] === 1) return;
    if (this.#dirty.length === 0) this.#fileAtUs = this.#nowUs + FILE_AFTER_US;
    this.#isDirty[slot] = 1;
    this.#dirty.push(slot);
  }

  /** False when the disk is full: what is not filed stays in the tail. */
  #file(slot: QueueSlot): boolean {
    const { queueTable, page } = this.#ends;
    const next = this.#next[slot]!;
    if (this.#filed[slot] === next) return true;
    try {
      this.#append(slot, next);
    } catch (cause) {
      if (!(cause instanceof DiskFullError)) throw cause;
      this.#isFull = true;
      return false;
    }
    this.#isFull = false;
    this.#filed[slot] = next;
    queueTable.setFiled(slot, asQueueOffset(next));
    page.add('filings', 1);
    return true;
  }

  #append(slot: QueueSlot, next: number): void {
    const { queueTable, directory } = this.#ends;
    const { topic, queueId } = directory.entry(slot);
    for (let from = this.#filed[slot]!; from < next; ) {
      // At the end of the tail the entries go on at its beginning.
      const to = Math.min(next, from + QUEUE_TAIL_ENTRIES - (from % QUEUE_TAIL_ENTRIES));
      const at = queueTable.entryPosition(slot, asQueueOffset(from));
      this.#files.append(topic, queueId, asQueueOffset(from), queueTable.bytes, at, (to - from) * QUEUE_ENTRY_BYTES);
      from = to;
    }
  }
}
