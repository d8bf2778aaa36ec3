/**
 * Long polling (spec/api.md 8.4): parks pulls that found nothing, and has them run again when a message comes that they want, when their
 * time is over, or when a scan finds that their queue has grown. Called on net by pull-message.
 *
 * No message may come unseen between the look at a queue and the parking of the pull. So the parked count is published first, then the
 * queue's maximum is read again, while dispatch publishes a maximum and then reads the count: one of the two sees the other.
 */
import { WAITING_PULLS_MAX_BYTES } from '../base/limits.ts';
import { asQueueOffset, type QueueSlot } from '../base/units.ts';
import { type TagFilter, tagsMatch } from '../filter/tag-filter.ts';
import { entryTagsHash, QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { STABLE_ENTRIES } from '../ring/queue-table.ts';
import type { HeldPull } from './held-pull.ts';
import { type ParkedPull, ParkedPulls } from './parked-pulls.ts';
import { isForAll } from './pull-filters.ts';
import type { PullPorts } from './pull-ports.ts';

/** Parked pulls of one connection: a client has one for each queue of each of its groups. What is beyond is answered at once. */
const PARKED_PER_CONNECTION_MAX = 16_384;
const SCAN_PERIOD_MS = 5000;
const SHORT_POLLING_SCAN_PERIOD_MS = 1000;

export class LongPolls {
  readonly #ports: PullPorts;
  readonly #again: (pull: HeldPull) => void;
  readonly #parked = new ParkedPulls();
  readonly #entries = Buffer.alloc(STABLE_ENTRIES * QUEUE_ENTRY_BYTES);
  readonly #view = new DataView(this.#entries.buffer, this.#entries.byteOffset, this.#entries.length);
  readonly #scanPeriodMs: number;
  #scannedMs = Number.NEGATIVE_INFINITY;

  /** `again` runs a pull from its checks on, and answers it whatever comes out. */
  constructor(ports: PullPorts, again: (pull: HeldPull) => void) {
    this.#ports = ports;
    this.#again = again;
    this.#scanPeriodMs = ports.settings.longPollingEnable ? SCAN_PERIOD_MS : SHORT_POLLING_SCAN_PERIOD_MS;
  }

  get count(): number {
    return this.#parked.count;
  }

  /** False when the connection has too many parked pulls. `pull` is at the end of its queue. */
  park(pull: HeldPull, slot: QueueSlot, filter: TagFilter): boolean {
    const { connectionId } = pull.reply;
    if (this.#parked.countOf(connectionId) >= PARKED_PER_CONNECTION_MAX) return false;
    if (this.#parked.bytesOf(connectionId) + pull.header.names.length > WAITING_PULLS_MAX_BYTES) return false;
    const { settings } = this.#ports;
    const timeoutMs = settings.longPollingEnable ? pull.header.suspendTimeoutMillis : settings.shortPollingTimeMills;
    const parked: ParkedPull = {
      header: pull.header,
      reply: pull.reply,
      arrivedMs: pull.arrivedMs,
      isFirst: false,
      slot,
      filter,
      deadlineMs: pull.arrivedMs + timeoutMs,
      checkedTo: pull.header.queueOffset,
      heapIndex: -1,
    };
    this.#parked.add(parked);
    this.#ports.setParked(this.#parked.count);
    if (this.#isWanted(parked)) this.#wake(parked);
    return true;
  }

  /** A queue has grown. */
  arrived(slot: QueueSlot): void {
    const pulls = this.#parked.ofQueue(slot);
    if (pulls === undefined) return;
    for (const pull of pulls) if (this.#isWanted(pull)) this.#wake(pull);
  }

  /** Queues have grown, nobody knows which. */
  arrivedAll(): void {
    for (const pull of this.#parked.all()) if (this.#isWanted(pull)) this.#wake(pull);
  }

  /** To be called every 100 ms or more often, so that a pull is answered that close to its timeout. Returns how many were answered. */
  expire(nowMs: number): number {
    let count = 0;
    for (let pull = this.#parked.overdue(nowMs); pull !== null; pull = this.#parked.overdue(nowMs)) {
      this.#wake(pull);
      count++;
    }
    if (nowMs - this.#scannedMs < this.#scanPeriodMs) return count;
    this.#scannedMs = nowMs;
    // Whatever the filter: a client that wants nothing of what came learns how far it may go on.
    for (const pull of this.#parked.all()) {
      if (!this.#hasGrown(pull)) continue;
      this.#wake(pull);
      count++;
    }
    return count;
  }

  closed(connectionId: number): void {
    for (const pull of this.#parked.ofConnection(connectionId)) this.#parked.remove(pull);
    this.#ports.setParked(this.#parked.count);
  }

  #wake(pull: ParkedPull): void {
    this.#parked.remove(pull);
    this.#ports.setParked(this.#parked.count);
    if (pull.reply.isOpen) this.#again(pull);
  }

  #hasGrown(pull: ParkedPull): boolean {
    return this.#ports.queues.max(pull.slot) > pull.header.queueOffset;
  }

  /** Is there a message behind the pull's offset that passes its filter? True as well when the tail no longer tells. */
  #isWanted(pull: ParkedPull): boolean {
    if (!this.#hasGrown(pull)) return false;
    if (isForAll(pull.filter)) return true;
    const { queues } = this.#ports;
    for (;;) {
      const from = asQueueOffset(pull.checkedTo);
      const count = queues.readTail(pull.slot, from, STABLE_ENTRIES, this.#entries, 0);
      if (count === 0) return from < queues.max(pull.slot);
      for (let i = 0; i < count; i++) {
        if (tagsMatch(pull.filter, entryTagsHash(this.#view, i * QUEUE_ENTRY_BYTES))) return true;
      }
      pull.checkedTo += count;
    }
  }
}
