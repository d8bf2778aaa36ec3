/**
 * Moves queue entries from the tails in shared memory to the ConsumeQueue files, many at a time. A queue is filed at every 64th entry: the
 * newest of a queue are read from its tail, and after a crash they come from the log. Every ten seconds a round files what is left, a
 * piece per turn, and hands what was filed to flush, which makes it durable for the checkpoint (decision 0010). Part of
 * dispatch.
 */
import { QUEUE_SLOTS_MAX, QUEUE_TAIL_ENTRIES } from '../../base/limits.ts';
import { asQueueOffset, asQueueSlot, type QueueSlot } from '../../base/units.ts';
import { NO_INDEX_KEPT } from '../../layout/checkpoint-file.ts';
import { QUEUE_ENTRY_BYTES } from '../../layout/queue-entry.ts';
import { STABLE_ENTRIES } from '../../ring/queue-table.ts';
import type { ConsumeQueueWriter } from '../../store/consume-queue.ts';
import { isShortage } from '../../store/disk.ts';
import { LookBack } from '../../store/look-back.ts';
import type { QueueRound } from '../thread-messages.ts';
import type { DispatchEnds } from '../topology.ts';
import type { IndexFiling, IndexRound } from './index-filing.ts';

const FILE_ENTRIES = 64;
/** A new queue is filed first when so many entries wait, or more by a number of its own: queues that grow alike get their files one by one. */
const FIRST_ENTRIES = 16;
const ROUND_EVERY_US = 10_000_000;
/** A round begins at the latest when so much of the log was taken: a start after a crash looks through what came behind the last one. */
const ROUND_EVERY_BYTES = 256 * 1024 * 1024;
/**
 * Rounds take no more than this share of the time, however many queues there are and however slow their disk is. A start has to look
 * through what comes in meanwhile as well, so the share is not small.
 */
const ROUND_SHARE = 1 / 3;
/** After the disk was full, or too many files were open. */
const RETRY_US = 500_000;
/** Queues that a round files in one turn. */
const ROUND_QUEUES = 64;
const US_PER_MS = 1000;

type QueueCounts = Pick<QueueRound, 'queueCount' | 'queueEntries'>;
const NOT_COUNTED: QueueCounts = { queueCount: 0, queueEntries: 0 };
const NO_INDEX: IndexRound = { files: [], folders: [], storeTimestamp: 0, logOffset: NO_INDEX_KEPT, countedTo: -1 };

export interface QueueFilingParts {
  readonly ends: DispatchEnds;
  readonly files: ConsumeQueueWriter;
  /** Null without a key index. */
  readonly index: IndexFiling | null;
  /** Monotonic time: the first round comes when one is due from here on. */
  readonly nowUs: number;
  /** Recovery's: a log offset from which a start may look through what there is now (store/recovery.ts). */
  readonly lookFrom: number;
  /** Where the log ended at the start: before it some queues may have entries of records that are yet to be seen. */
  readonly startedAt: number;
  /** Passes a round on to flush. */
  readonly handOver: (round: QueueRound) => void;
}

type Stage = 'idle' | 'filing' | 'flushing';

export class QueueFiling {
  readonly #ends: DispatchEnds;
  readonly #files: ConsumeQueueWriter;
  readonly #index: IndexFiling | null;
  readonly #handOver: (round: QueueRound) => void;
  readonly #filed = new Float64Array(QUEUE_SLOTS_MAX);
  readonly #next = new Float64Array(QUEUE_SLOTS_MAX);
  /** Queues with entries that are in no file. */
  #dirty: QueueSlot[] = [];
  readonly #isDirty = new Uint8Array(QUEUE_SLOTS_MAX);
  /** Store time of the newest record that dispatch has taken. */
  #seenAt: number;
  /** Log offset behind it. */
  #seenTo: number;
  readonly #lookBack: LookBack;
  readonly #startedAt: number;
  #stage: Stage = 'idle';
  #roundAtUs: number;
  #roundBeganUs = 0;
  /** Rounds do not begin before this time, however much there is. */
  #roundNotBeforeUs = 0;
  /** What is reached when the round is over, as a store time and as a log offset. */
  #roundTo = 0;
  #roundLogTo: number;
  #roundLookFrom: number;
  #roundCounts = NOT_COUNTED;
  /** Queues that the round has still to file. */
  #round: QueueSlot[] = [];
  #isFull = false;

  constructor({ ends, files, index, nowUs, lookFrom, startedAt, handOver }: QueueFilingParts) {
    this.#ends = ends;
    this.#files = files;
    this.#index = index;
    this.#handOver = handOver;
    this.#seenAt = ends.queuesSyncedAt.read();
    this.#seenTo = ends.dispatched.read();
    this.#roundLogTo = this.#seenTo;
    this.#lookBack = new LookBack(lookFrom);
    this.#startedAt = startedAt;
    this.#roundLookFrom = lookFrom;
    this.#roundAtUs = nowUs + ROUND_EVERY_US;
  }

  /** A queue's entries below `next` are in its files. */
  learn(slot: QueueSlot, next: number): void {
    this.#filed[slot] = next;
    this.#next[slot] = next;
  }

  /** The filler of a segment ends at `logOffset`. */
  passed(logOffset: number): void {
    this.#seenTo = logOffset;
  }

  /** A record was taken that ends at `logOffset`. */
  seen(storeTimestamp: number, logOffset: number): void {
    if (storeTimestamp > this.#seenAt) this.#seenAt = storeTimestamp;
    // Where the record begins: the end of the one before it may be that of a segment, with a filler behind it.
    this.#lookBack.passed(this.#seenTo);
    this.#seenTo = logOffset;
  }

  /** The queue's tail holds entries up to `next`. Files them at once before the tail would have to overwrite what is in no file. */
  grown(slot: QueueSlot, next: number): void {
    this.#next[slot] = next;
    if (next - this.#filed[slot]! < this.#fileAfter(slot) || !this.#file(slot)) this.#later(slot);
  }

  #fileAfter(slot: QueueSlot): number {
    const filed = this.#filed[slot]!;
    if (filed === 0) return FIRST_ENTRIES + (slot % (FILE_ENTRIES - FIRST_ENTRIES));
    // Groups that begin at a multiple of their size do not go over the tail's end, which would make two writes of one.
    return FILE_ENTRIES - (filed % FILE_ENTRIES);
  }

  isDue(nowUs: number): boolean {
    if (this.#stage === 'flushing') return this.#isFlushed;
    return this.#stage === 'filing' || (this.#hasMore && this.#isRoundDue(nowUs));
  }

  #isRoundDue(nowUs: number): boolean {
    if (nowUs >= this.#roundAtUs) return true;
    return this.#seenTo - this.#roundLogTo >= ROUND_EVERY_BYTES && nowUs >= this.#roundNotBeforeUs;
  }

  dueInMs(nowUs: number): number {
    if (this.#stage === 'filing') return 0;
    const waits = this.#stage === 'idle' && this.#hasMore;
    return waits ? Math.max(1, Math.ceil((this.#roundAtUs - nowUs) / US_PER_MS)) : Number.POSITIVE_INFINITY;
  }

  /** Does a piece of the round that is due or under way. Returns 0 when there is none. */
  doWork(nowUs: number): number {
    // Dispatch may wait for what was refused outside of a round.
    if (this.#isFull && this.#stage === 'idle') this.#roundAtUs = Math.min(this.#roundAtUs, nowUs + RETRY_US);
    if (!this.isDue(nowUs)) return 0;
    if (this.#stage === 'flushing') {
      this.#stage = 'idle';
      this.#roundNotBeforeUs = nowUs + (nowUs - this.#roundBeganUs) * (1 / ROUND_SHARE - 1);
      this.#roundAtUs = Math.max(nowUs + ROUND_EVERY_US, this.#roundNotBeforeUs);
      return 0;
    }
    if (this.#stage === 'idle') this.#begin(nowUs);
    this.#fileSome(nowUs);
    return 1;
  }

  get #hasMore(): boolean {
    return this.#dirty.length > 0 || this.#seenTo > this.#ends.queuesSyncedTo.read();
  }

  /** By log offset: store times stand still while the clock goes back, and a round would seem to be over before flush has begun it. */
  get #isFlushed(): boolean {
    return this.#ends.queuesSyncedTo.read() >= this.#roundLogTo;
  }

  /** Files what the disk has room for and hands it over. */
  close(): void {
    if (this.#stage === 'filing') this.#giveUp(0);
    this.#begin(0);
    while (this.#stage === 'filing') this.#fileSome(0);
    this.#files.close();
    this.#index?.close();
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

  #begin(nowUs: number): void {
    this.#stage = 'filing';
    this.#roundBeganUs = nowUs;
    this.#roundTo = this.#seenAt;
    this.#roundLogTo = this.#seenTo;
    this.#roundLookFrom = this.#lookBack.from(this.#seenTo);
    this.#roundCounts = this.#counts();
    this.#round = this.#dirty;
    this.#dirty = [];
    for (const slot of this.#round) this.#isDirty[slot] = 0;
    this.#index?.beginRound(this.#roundLogTo);
  }

  /** Of all queues as they are now: a millisecond for the largest store. */
  #counts(): QueueCounts {
    if (this.#seenTo < this.#startedAt) return NOT_COUNTED;
    const { queueTable, directory } = this.#ends;
    const slots = directory.count();
    let queueCount = 0;
    let queueEntries = 0;
    for (let slot = 0; slot < slots; slot++) {
      // One that has got nothing since the start is not known here.
      const end = Math.max(this.#next[slot]!, queueTable.max(asQueueSlot(slot)));
      if (end > 0) queueCount++;
      queueEntries += end;
    }
    return { queueCount, queueEntries };
  }

  #fileSome(nowUs: number): void {
    for (let queues = 0; queues < ROUND_QUEUES && this.#round.length > 0; queues++) {
      if (!this.#file(this.#round.at(-1)!)) {
        this.#giveUp(nowUs);
        return;
      }
      this.#round.pop();
    }
    if (this.#round.length > 0) return;
    const index = this.#indexStep();
    if (index === null) return;
    if (index === 'full') {
      this.#giveUp(nowUs);
      return;
    }
    const queues = this.#files.takeUnsynced();
    this.#handOver({
      files: [...queues.files, ...index.files],
      folders: [...queues.folders, ...index.folders],
      storeTimestamp: this.#roundTo,
      logOffset: this.#roundLogTo,
      lookFrom: this.#roundLookFrom,
      indexTimestamp: index.storeTimestamp,
      indexEnd: index.logOffset,
      indexCountedTo: index.countedTo,
      ...this.#roundCounts,
    });
    this.#ends.flush.ring();
    this.#stage = 'flushing';
  }

  /** Null when the index has more to write. */
  #indexStep(): IndexRound | 'full' | null {
    if (this.#index === null) return NO_INDEX;
    try {
      return this.#index.roundStep();
    } catch (cause) {
      if (!isShortage(cause)) throw cause;
      return 'full';
    }
  }

  /** The disk is full: on it there may be room for some queues and not for all, so nothing is named before every one is filed. */
  #giveUp(nowUs: number): void {
    for (const slot of this.#round.splice(0)) this.#later(slot);
    this.#stage = 'idle';
    this.#roundAtUs = nowUs + RETRY_US;
  }

  #later(slot: QueueSlot): void {
    if (this.#isDirty[slot] === 1) return;
    this.#isDirty[slot] = 1;
    this.#dirty.push(slot);
  }

  /** False on a shortage of room or descriptors: what is not filed stays in the tail. */
  #file(slot: QueueSlot): boolean {
    const { queueTable, page } = this.#ends;
    const next = this.#next[slot]!;
    if (this.#filed[slot] === next) return true;
    try {
      this.#append(slot, next);
    } catch (cause) {
      if (!isShortage(cause)) throw cause;
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
