/**
 * A number in shared memory with one writer that only grows: how far the log is written, flushed, dispatched. One cache line each.
 * Readers may be on any thread.
 */
import { assert } from '../base/assert.ts';

export class Watermark {
  readonly #cell: BigInt64Array;
  /** The writer's own copy, so that advancing does not read shared memory. */
  #value: number;

  constructor(memory: SharedArrayBuffer, byteOffset: number) {
    this.#cell = new BigInt64Array(memory, byteOffset, 1);
    this.#value = this.read();
  }

  read(): number {
    return Number(Atomics.load(this.#cell, 0));
  }

  /** For the one writer. Everything that it wrote before is seen by whoever reads the new value. */
  advance(value: number): void {
    assert(value >= this.#value, 'a watermark only grows');
    this.#value = value;
    Atomics.store(this.#cell, 0, BigInt(value));
  }
}
