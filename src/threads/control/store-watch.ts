/**
 * Looks whether another broker has opened the store in spite of this one: Apache's, which does not see the lock, or one in another
 * container. Two that write the same files give out the same offsets, so this one stops at once. Asked by the control agent.
 */
import { isOutOfDescriptors } from '../../store/disk.ts';
import type { StoreLock } from '../../store/store-lock.ts';

const PERIOD_MS = 500;

export class StoreWatch {
  readonly #lock: Pick<StoreLock, 'takenBy'>;
  #lookedAtMs: number;

  constructor(lock: Pick<StoreLock, 'takenBy'>, nowMs: number) {
    this.#lock = lock;
    this.#lookedAtMs = nowMs;
  }

  /** Words for the process that has taken the store, or null. Without a descriptor to look with, the next look tells. `nowMs` is monotonic. */
  look(nowMs: number): string | null {
    if (nowMs - this.#lookedAtMs < PERIOD_MS) return null;
    this.#lookedAtMs = nowMs;
    try {
      return this.#lock.takenBy();
    } catch (cause) {
      if (!isOutOfDescriptors(cause)) throw cause;
      return null;
    }
  }
}
