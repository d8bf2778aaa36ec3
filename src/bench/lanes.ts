/**
 * The lanes of one connection. A lane sends one message at a time: its next goes out only when the last is answered. So on any broker the
 * messages of a lane stand in each queue in the order they were sent, and "acknowledged" is a count per lane instead of a list of
 * messages. Many lanes together make the requests in flight. Used by SendConnection on a load worker.
 */

/** A message of which it is not known whether the broker kept it. */
export interface Doubt {
  readonly lane: number;
  readonly sequence: number;
}

/** What a connection sent, for verification. */
export interface Ledger {
  readonly firstLane: number;
  /** Messages sent by each lane: sequences 0 to one below. */
  readonly sent: Int32Array;
  /** Those of them that were not acknowledged. */
  readonly doubts: readonly Doubt[];
}

/** Kept in full, so that a lost acknowledged message is never taken for one of these. */
const DOUBTS_MAX = 1_000_000;

export class Lanes {
  readonly firstLane: number;
  /** When each lane's message in flight was to be sent. */
  readonly intendedUs: Float64Array;
  readonly #sent: Int32Array;
  readonly #isBusy: Uint8Array;
  readonly #doubts: Doubt[] = [];
  /** Lanes that may send, most recently used on top: few lanes stay warm when few are needed. */
  readonly #free: Int32Array;
  #freeCount: number;
  #inFlight = 0;

  constructor(firstLane: number, count: number) {
    this.firstLane = firstLane;
    this.intendedUs = new Float64Array(count);
    this.#sent = new Int32Array(count);
    this.#isBusy = new Uint8Array(count);
    this.#free = Int32Array.from({ length: count }, (_unused, at) => count - 1 - at);
    this.#freeCount = count;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  /** Takes a free lane for a message that is to be sent at `intendedUs`. There must be one. */
  take(intendedUs: number): number {
    const slot = this.#free[--this.#freeCount]!;
    this.intendedUs[slot] = intendedUs;
    this.#isBusy[slot] = 1;
    this.#inFlight++;
    return slot;
  }

  /** The sequence of the message that a lane sends now. */
  nextSequence(slot: number): number {
    return this.#sent[slot]!++;
  }

  /** The message in flight is answered. False for an answer to nothing. */
  release(slot: number, isAcknowledged: boolean): boolean {
    if (this.#isBusy[slot] !== 1) return false;
    this.#isBusy[slot] = 0;
    this.#inFlight--;
    this.#free[this.#freeCount++] = slot;
    if (!isAcknowledged) this.#doubt(slot);
    return true;
  }

  /** When the messages in flight were to be sent. */
  intendedInFlight(): number[] {
    return [...this.intendedUs].filter((_intendedUs, slot) => this.#isBusy[slot] === 1);
  }

  /** Call when no more answers come: what is in flight is in doubt. */
  ledger(): Ledger {
    for (let slot = 0; slot < this.#isBusy.length; slot++) if (this.#isBusy[slot] === 1) this.#doubt(slot);
    return { firstLane: this.firstLane, sent: this.#sent, doubts: this.#doubts };
  }

  #doubt(slot: number): void {
    if (this.#doubts.length === DOUBTS_MAX) throw new Error(`more than ${DOUBTS_MAX} messages were not acknowledged`);
    this.#doubts.push({ lane: this.firstLane + slot, sequence: this.#sent[slot]! - 1 });
  }
}
