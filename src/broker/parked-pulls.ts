/**
 * The long polls of one net thread: pulls that found nothing and wait for a message or for their time to be over (spec/api.md 8.4). Found
 * by queue, by connection and by deadline; decides nothing. Used by pull-message only.
 */
import type { QueueSlot } from '../base/units.ts';
import type { TagFilter } from '../filter/tag-filter.ts';
import type { HeldPull } from './held-pull.ts';

export interface ParkedPull extends HeldPull {
  readonly slot: QueueSlot;
  readonly filter: TagFilter;
  /** Monotonic. */
  readonly deadlineMs: number;
  /** Entries below this queue offset do not match. */
  checkedTo: number;
  /** Its place in the heap of deadlines; -1 when it is no longer parked. */
  heapIndex: number;
}

export class ParkedPulls {
  /** A binary heap with the earliest deadline first. Each pull knows its place, because most leave long before their time. */
  readonly #heap: ParkedPull[] = [];
  readonly #bySlot = new Map<QueueSlot, Set<ParkedPull>>();
  readonly #byConnection = new Map<number, Set<ParkedPull>>();
  /** What their headers keep; connections without parked pulls are not in it. */
  readonly #bytesOf = new Map<number, number>();

  get count(): number {
    return this.#heap.length;
  }

  countOf(connectionId: number): number {
    return this.#byConnection.get(connectionId)?.size ?? 0;
  }

  /** Kept for the names and expressions of a connection's pulls. */
  bytesOf(connectionId: number): number {
    return this.#bytesOf.get(connectionId) ?? 0;
  }

  add(pull: ParkedPull): void {
    const { connectionId } = pull.reply;
    addTo(this.#bySlot, pull.slot, pull);
    addTo(this.#byConnection, connectionId, pull);
    this.#bytesOf.set(connectionId, this.bytesOf(connectionId) + pull.header.names.length);
    pull.heapIndex = this.#heap.length;
    this.#heap.push(pull);
    this.#rise(pull);
  }

  remove(pull: ParkedPull): void {
    const { connectionId } = pull.reply;
    removeFrom(this.#bySlot, pull.slot, pull);
    removeFrom(this.#byConnection, connectionId, pull);
    const bytes = this.bytesOf(connectionId) - pull.header.names.length;
    if (this.#byConnection.has(connectionId)) this.#bytesOf.set(connectionId, bytes);
    else this.#bytesOf.delete(connectionId);
    const last = this.#heap.pop()!;
    if (last !== pull) {
      this.#put(last, pull.heapIndex);
      this.#rise(last);
      this.#sink(last);
    }
    pull.heapIndex = -1;
  }

  /** The pulls of a queue; one may be removed while they are walked through. */
  ofQueue(slot: QueueSlot): Iterable<ParkedPull> | undefined {
    return this.#bySlot.get(slot);
  }

  /** The pulls of a connection, as a list of its own. */
  ofConnection(connectionId: number): readonly ParkedPull[] {
    const pulls = this.#byConnection.get(connectionId);
    return pulls === undefined ? [] : [...pulls];
  }

  /** All pulls, as a list of its own. */
  all(): readonly ParkedPull[] {
    return this.#heap.slice();
  }

  /** The pull with the earliest deadline, if that has passed. */
  overdue(nowMs: number): ParkedPull | null {
    const first = this.#heap[0];
    return first !== undefined && first.deadlineMs <= nowMs ? first : null;
  }

  #put(pull: ParkedPull, index: number): void {
    this.#heap[index] = pull;
    pull.heapIndex = index;
  }

  #rise(pull: ParkedPull): void {
    let index = pull.heapIndex;
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1]!;
      if (parent.deadlineMs <= pull.deadlineMs) break;
      this.#put(parent, index);
      index = (index - 1) >> 1;
    }
    this.#put(pull, index);
  }

  #sink(pull: ParkedPull): void {
    let index = pull.heapIndex;
    for (;;) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      if (left === undefined) break;
      const child = right !== undefined && right.deadlineMs < left.deadlineMs ? right : left;
      if (pull.deadlineMs <= child.deadlineMs) break;
      const childIndex = child.heapIndex;
      this.#put(child, index);
      index = childIndex;
    }
    this.#put(pull, index);
  }
}

function addTo<Key>(sets: Map<Key, Set<ParkedPull>>, key: Key, pull: ParkedPull): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([pull]));
  else set.add(pull);
}

function removeFrom<Key>(sets: Map<Key, Set<ParkedPull>>, key: Key, pull: ParkedPull): void {
  const set = sets.get(key)!;
  set.delete(pull);
  if (set.size === 0) sets.delete(key);
}
