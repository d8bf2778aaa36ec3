/**
 * Is everything there that was acknowledged, once, in order, unharmed? Takes what was read from each queue, in its order, and compares it
 * with what the load workers had acknowledged. Pure, and bounded in memory by lanes and queues, not by messages. Called by the consume
 * worker.
 *
 * What every broker owes: a lane sends its next message only after the last was answered, so in each queue the lane's messages stand in
 * the order of their sequences, and those are known beforehand ({@link firstSequenceAt}).
 */
import { destinationOf, firstSequenceAt } from './destinations.ts';
import type { Ledger } from './lanes.ts';

/** What must be there when a load is over. */
export interface Expectation {
  /** Everything that was sent and what of it is in doubt. */
  readonly ledgers: readonly Ledger[];
  /** Where each destination ended when the load was over; everything before is read, so that duplicates are seen too. */
  readonly ends: readonly number[];
  /** Messages of earlier phases in the same topics that may still turn up, because they were never answered. */
  readonly earlierDoubts: number;
}

export interface Verification {
  /** Acknowledged messages that were expected. */
  readonly expected: number;
  /** Messages read. */
  readonly read: number;
  readonly missing: number;
  /** Came behind a later message of the same lane. */
  readonly reordered: number;
  readonly duplicates: number;
  /** A record whose checksums, body or queue offset is wrong. */
  readonly corrupted: number;
  /** In a queue that they were not sent to. */
  readonly misplaced: number;
  /** Of another phase or another sender. */
  readonly foreign: number;
  /** Not acknowledged, and there. */
  readonly unacknowledgedRead: number;
  /** The first few of each kind, in words. */
  readonly examples: readonly string[];
  readonly isSound: boolean;
}

const EXAMPLES_MAX = 5;
/** A hole is remembered until it is filled; with more of them the run has failed anyway. */
const HOLES_MAX = 1_000_000;
const TWO_32 = 0x1_0000_0000;

export class Verifier {
  readonly #stamp: number;
  readonly #lanes: number;
  readonly #destinations: number;
  /** The next sequence expected, by destination and lane. */
  readonly #next: Int32Array;
  /** Sequences that were passed over, by {@link keyOf}. */
  readonly #holes = new Set<number>();
  readonly #examples: string[] = [];
  #holesDropped = 0;
  #read = 0;
  #reordered = 0;
  #duplicates = 0;
  #corrupted = 0;
  #misplaced = 0;
  #foreign = 0;

  /** For one phase: its stamp, its lanes and the number of its destinations. */
  constructor(stamp: number, lanes: number, destinations: number) {
    this.#stamp = stamp;
    this.#lanes = lanes;
    this.#destinations = destinations;
    this.#next = new Int32Array(lanes * destinations);
    for (let at = 0; at < this.#next.length; at++) {
      this.#next[at] = firstSequenceAt(destinations, at % lanes, Math.floor(at / lanes));
    }
  }

  /** Messages of this phase read so far, whatever else is wrong with them. */
  get read(): number {
    return this.#read;
  }

  /** A message with a sound body, in the order of its queue. */
  message(destination: number, stamp: number, lane: number, sequence: number): void {
    if (stamp !== this.#stamp || lane < 0 || lane >= this.#lanes) {
      this.#foreign++;
      this.#example(`a message of another phase or sender: stamp ${stamp}, lane ${lane}`);
      return;
    }
    this.#read++;
    if (destinationOf(this.#destinations, lane, sequence) !== destination) {
      this.#misplaced++;
      this.#example(`${nameOf(lane, sequence)} is in queue ${destination}, where it was not sent to`);
      return;
    }
    const at = destination * this.#lanes + lane;
    const expected = this.#next[at]!;
    if (sequence === expected) this.#next[at] = sequence + this.#destinations;
    else if (sequence > expected) this.#passOver(at, lane, sequence);
    else if (this.#holes.delete(keyOf(lane, sequence))) {
      this.#reordered++;
      this.#example(
        `${nameOf(lane, sequence)} stands behind ${nameOf(lane, expected - this.#destinations)}, sent after it`,
      );
    } else {
      this.#duplicates++;
      this.#example(`${nameOf(lane, sequence)} is there twice`);
    }
  }

  /** A record or body that is not what was sent. */
  corrupt(description: string): void {
    this.#corrupted++;
    this.#example(description);
  }

  /** How many acknowledged messages have not been read yet. */
  missing(expectation: Expectation): number {
    return this.#compare(expectation, () => {}).missing;
  }

  /** The result, when there is nothing more to read. */
  finish(expectation: Expectation): Verification {
    const compared = this.#compare(expectation, (lane, sequence) => {
      this.#example(`${nameOf(lane, sequence)} was acknowledged and is nowhere`);
    });
    const { missing } = compared;
    return {
      ...compared,
      read: this.#read,
      reordered: this.#reordered,
      duplicates: this.#duplicates,
      corrupted: this.#corrupted,
      misplaced: this.#misplaced,
      foreign: this.#foreign,
      examples: this.#examples,
      isSound:
        missing === 0 &&
        this.#reordered === 0 &&
        this.#corrupted === 0 &&
        this.#misplaced === 0 &&
        this.#foreign <= expectation.earlierDoubts,
    };
  }

  #passOver(at: number, lane: number, sequence: number): void {
    for (let hole = this.#next[at]!; hole < sequence; hole += this.#destinations) {
      if (this.#holes.size < HOLES_MAX) this.#holes.add(keyOf(lane, hole));
      else this.#holesDropped++;
    }
    this.#next[at] = sequence + this.#destinations;
  }

  #compare(
    expectation: Expectation,
    onMissing: (lane: number, sequence: number) => void,
  ): Pick<Verification, 'expected' | 'missing' | 'unacknowledgedRead'> {
    const doubts = new Set<number>();
    let expected = 0;
    let missing = this.#holesDropped;
    for (const ledger of expectation.ledgers) {
      for (const doubt of ledger.doubts) doubts.add(keyOf(doubt.lane, doubt.sequence));
      expected += ledger.sent.reduce((sum, sent) => sum + sent, 0) - ledger.doubts.length;
    }
    let doubtsMissing = 0;
    const absent = (lane: number, sequence: number): void => {
      if (doubts.has(keyOf(lane, sequence))) doubtsMissing++;
      else {
        missing++;
        onMissing(lane, sequence);
      }
    };
    for (const key of this.#holes) absent(Math.floor(key / TWO_32), key % TWO_32);
    for (const { firstLane, sent } of expectation.ledgers) {
      for (let slot = 0; slot < sent.length; slot++) this.#notReached(firstLane + slot, sent[slot]!, absent);
    }
    return { expected, missing, unacknowledgedRead: doubts.size - doubtsMissing };
  }

  /** Calls `absent` for the messages of a lane that no queue has come to. */
  #notReached(lane: number, sent: number, absent: (lane: number, sequence: number) => void): void {
    // Only the last round of queues can be unread when all is well, so start there instead of at every queue.
    for (let destination = 0; destination < this.#destinations; destination++) {
      let sequence = this.#next[destination * this.#lanes + lane]!;
      for (; sequence < sent; sequence += this.#destinations) absent(lane, sequence);
    }
  }

  #example(text: string): void {
    if (this.#examples.length < EXAMPLES_MAX) this.#examples.push(text);
  }
}

function keyOf(lane: number, sequence: number): number {
  return lane * TWO_32 + sequence;
}

function nameOf(lane: number, sequence: number): string {
  return `message ${sequence} of lane ${lane}`;
}
