/**
 * Shared memory that is lent for a while and used again: for what another thread reads or writes once and hands back. Memory of its own
 * each time is not cheap when it comes to some hundred MB a second: V8 then collects the whole heap of its thread again and again. One
 * object belongs to one thread; used by the pool of cold reads.
 */
import { assert } from '../base/assert.ts';

const SMALLEST_BYTES = 256 * 1024;

export class SharedBuffers {
  /** By size, a power of two. */
  readonly #free = new Map<number, SharedArrayBuffer[]>();
  readonly #keptMaxBytes: number;
  #keptBytes = 0;

  /** At most so many bytes wait to be used again. */
  constructor(keptMaxBytes: number) {
    this.#keptMaxBytes = keptMaxBytes;
  }

  /** Memory for `length` bytes or more; what it held before is still in it. */
  take(length: number): SharedArrayBuffer {
    let size = SMALLEST_BYTES;
    while (size < length) size *= 2;
    const free = this.#free.get(size)?.pop();
    if (free === undefined) return new SharedArrayBuffer(size);
    this.#keptBytes -= size;
    return free;
  }

  /** Nobody reads or writes it any more. */
  give(buffer: SharedArrayBuffer): void {
    const size = buffer.byteLength;
    if (this.#keptBytes + size > this.#keptMaxBytes) return;
    const free = this.#free.get(size) ?? [];
    assert(!free.includes(buffer), 'a buffer is given back once');
    free.push(buffer);
    this.#free.set(size, free);
    this.#keptBytes += size;
  }
}
