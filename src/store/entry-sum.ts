/**
 * A checksum over entries of a queue or of the index, the same in whatever order and from however many parts they are taken: each entry,
 * with its place where that matters, is mixed to a number, and the numbers are added. Repair adds up what it writes, verify what it reads
 * back.
 */
import { QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';

export interface EntrySum {
  readonly count: number;
  /** 32 bits. */
  readonly sum: number;
}

const WORD_BYTES = 4;
const TWO_32 = 0x1_0000_0000;
/** Odd, so that a product keeps all bits; 2^32 by the golden ratio. */
const FACTOR = 0x9e3779b1;
const FOLD_BITS = 15;

export class EntryAdder implements EntrySum {
  count = 0;
  sum = 0;

  /** The entry at `at`, which has this offset in its queue. */
  addQueueEntry(view: DataView, at: number, offset: number): void {
    let mixed = offset | 0;
    for (let word = 0; word < QUEUE_ENTRY_BYTES; word += WORD_BYTES) mixed = mix(mixed, view.getInt32(at + word));
    this.#add(mixed);
  }

  addIndexEntry(keyHash: number, logOffset: number, seconds: number): void {
    this.#add(mix(mix(mix(keyHash, seconds), Math.floor(logOffset / TWO_32)), logOffset | 0));
  }

  addAll({ count, sum }: EntrySum): void {
    this.count += count;
    this.sum = (this.sum + sum) | 0;
  }

  #add(mixed: number): void {
    this.count++;
    this.sum = (this.sum + mixed) | 0;
  }
}

function mix(before: number, word: number): number {
  const product = Math.imul(before ^ word, FACTOR);
  return product ^ (product >>> FOLD_BITS);
}

export function isSameSum(one: EntrySum, other: EntrySum): boolean {
  return one.count === other.count && one.sum === other.sum;
}
