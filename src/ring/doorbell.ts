/**
 * How a thread is woken. Whoever wants to sleep raises a flag, looks once more for work and only then sleeps on the flag. Whoever has
 * made work looks at the flag and, if it is up, takes it down and wakes the sleeper. Both sides write before they read, so either the
 * sleeper sees the work or the ringer sees the flag: no ring is lost. A ring to a thread that is awake is one atomic load, and of many
 * rings to a sleeping thread one notifies.
 *
 * What a bell announces must have been published with an atomic operation before it is rung (all rings, watermarks and words of ring/ are).
 */
import { Bell as BellLine } from '../layout/shared-page.ts';

/** What may be rung; the one behind it may be on another thread or on this one. */
export interface Bell {
  ring(): void;
}

const AWAKE = 0;
const SLEEPING = 1;

function wordAt(memory: SharedArrayBuffer, byteOffset: number): Int32Array {
  return new Int32Array(memory, byteOffset + BellLine.sleepingAt, 1);
}

/** The bell of another thread. */
export class Doorbell implements Bell {
  readonly #word: Int32Array;

  constructor(memory: SharedArrayBuffer, byteOffset: number) {
    this.#word = wordAt(memory, byteOffset);
  }

  ring(): void {
    const word = this.#word;
    if (Atomics.load(word, 0) === AWAKE) return;
    if (Atomics.exchange(word, 0, AWAKE) === SLEEPING) Atomics.notify(word, 0, 1);
  }
}

/** Sleeps on the bell of a thread that owns no sockets and no ports. */
export class BlockingSleeper {
  readonly #word: Int32Array;

  constructor(memory: SharedArrayBuffer, byteOffset: number) {
    this.#word = wordAt(memory, byteOffset);
  }

  /**
   * Sleeps until the bell rings or `timeoutMs` is over; may also return for nothing. `hasWork` is asked once after the flag is up; true
   * means: do not sleep.
   */
  sleep(hasWork: () => boolean, timeoutMs: number): void {
    const word = this.#word;
    Atomics.store(word, 0, SLEEPING);
    if (!hasWork()) Atomics.wait(word, 0, SLEEPING, timeoutMs);
    Atomics.store(word, 0, AWAKE);
  }
}

/**
 * Waits for the bell of a thread that lives in its event loop: one outstanding `Atomics.waitAsync`, never with a timeout (timed waits
 * leak). A wait that is outstanding when the thread wakes for another reason stays, and serves the next {@link arm}.
 */
export class EventSleeper {
  readonly #word: Int32Array;
  readonly #wake: () => void;
  #isWaiting = false;
  #isClosed = false;

  constructor(memory: SharedArrayBuffer, byteOffset: number, wake: () => void) {
    this.#word = wordAt(memory, byteOffset);
    this.#wake = wake;
  }

  /** Asks to be woken at the next ring. `hasWork` is asked once after the flag is up; true wakes at once. */
  arm(hasWork: () => boolean): void {
    const word = this.#word;
    Atomics.store(word, 0, SLEEPING);
    if (hasWork()) {
      Atomics.store(word, 0, AWAKE);
      this.#wake();
      return;
    }
    if (this.#isWaiting) return;
    const wait = Atomics.waitAsync(word, 0, SLEEPING);
    if (!wait.async) {
      this.#wake();
      return;
    }
    this.#isWaiting = true;
    void wait.value.then(() => {
      this.#isWaiting = false;
      if (!this.#isClosed) this.#wake();
    });
  }

  /** The thread is awake for another reason: rings need not notify until it arms again. */
  disarm(): void {
    Atomics.store(this.#word, 0, AWAKE);
  }

  /** Ends the outstanding wait; nobody is woken any more. */
  close(): void {
    this.#isClosed = true;
    Atomics.store(this.#word, 0, AWAKE);
    Atomics.notify(this.#word, 0);
  }
}
