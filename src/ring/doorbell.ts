/**
 * How a thread is woken. The sleeper raises a flag, looks once more for work, and only then sleeps; whoever has made work counts the bell
 * up and wakes the sleeper only if the flag is up. Both sides write before they read, so a ring between the look and the sleep is
 * never lost, and a ring to a thread that is awake costs one atomic addition.
 */
import { Bell as BellLine } from '../layout/shared-page.ts';

/** What may be rung; the one behind it may be on another thread or on this one. */
export interface Bell {
  ring(): void;
}

const RUNG = BellLine.rungAt / Int32Array.BYTES_PER_ELEMENT;
const SLEEPING = BellLine.sleepingAt / Int32Array.BYTES_PER_ELEMENT;

function wordsAt(memory: SharedArrayBuffer, byteOffset: number): Int32Array {
  return new Int32Array(memory, byteOffset, BellLine.sizeBytes / Int32Array.BYTES_PER_ELEMENT);
}

/** The bell of another thread. */
export class Doorbell implements Bell {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer, byteOffset: number) {
    this.#words = wordsAt(memory, byteOffset);
  }

  ring(): void {
    Atomics.add(this.#words, RUNG, 1);
    if (Atomics.load(this.#words, SLEEPING) === 1) Atomics.notify(this.#words, RUNG, 1);
  }
}

/** The bell between two agents of one thread: a function call. */
export class LocalBell implements Bell {
  readonly #wake: () => void;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  ring(): void {
    this.#wake();
  }
}

/** Sleeps on the bell of a thread that owns no sockets and no ports. */
export class BlockingSleeper {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer, byteOffset: number) {
    this.#words = wordsAt(memory, byteOffset);
  }

  /** Sleeps until the bell rings or `timeoutMs` is over. `hasWork` is asked once after the flag is up; true means: do not sleep. */
  sleep(hasWork: () => boolean, timeoutMs: number): void {
    const rung = Atomics.load(this.#words, RUNG);
    Atomics.store(this.#words, SLEEPING, 1);
    if (!hasWork()) Atomics.wait(this.#words, RUNG, rung, timeoutMs);
    Atomics.store(this.#words, SLEEPING, 0);
  }
}

/**
 * Waits for the bell of a thread that lives in its event loop: one outstanding `Atomics.waitAsync`, never with a timeout (timed waits
 * leak, details.md 4). The flag stays up while the wait is outstanding.
 */
export class EventSleeper {
  readonly #words: Int32Array;
  readonly #wake: () => void;
  #armed = false;

  constructor(memory: SharedArrayBuffer, byteOffset: number, wake: () => void) {
    this.#words = wordsAt(memory, byteOffset);
    this.#wake = wake;
  }

  /** Asks to be woken at the next ring. `hasWork` is asked once after the flag is up; true wakes at once. */
  arm(hasWork: () => boolean): void {
    if (this.#armed) {
      Atomics.store(this.#words, SLEEPING, 1);
      if (hasWork()) this.#wake();
      return;
    }
    const rung = Atomics.load(this.#words, RUNG);
    Atomics.store(this.#words, SLEEPING, 1);
    if (hasWork()) {
      Atomics.store(this.#words, SLEEPING, 0);
      this.#wake();
      return;
    }
    const wait = Atomics.waitAsync(this.#words, RUNG, rung);
    if (!wait.async) {
      Atomics.store(this.#words, SLEEPING, 0);
      this.#wake();
      return;
    }
    this.#armed = true;
    void wait.value.then(() => {
      this.#armed = false;
      this.#wake();
    });
  }

  /** The thread is awake for another reason: rings need not notify until it arms again. */
  disarm(): void {
    Atomics.store(this.#words, SLEEPING, 0);
  }
}
