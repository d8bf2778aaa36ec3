/**
 * Looks whether every thread still takes turns. Control does it and not main, because main may be busy for as long as it likes; a thread
 * that is stuck, or has gone without a word, stops the broker.
 */
import type { StatusPage } from '../../ring/status-page.ts';

export interface WatchedThread {
  readonly name: string;
  readonly index: number;
}

const WARN_AFTER_MS = 10_000;
/** A disk may take its time; a thread that has not moved for so long will not come back. */
const FAIL_AFTER_MS = 60_000;
/**
 * Longest time that counts between two looks. A whole process can be held up (SIGSTOP, a frozen container or machine): when it goes on the
 * others have been silent only because nobody ran.
 */
const BETWEEN_LOOKS_MAX_MS = 5_000;

interface Pulse {
  readonly thread: WatchedThread;
  beats: number;
  silentMs: number;
  isWarned: boolean;
}

export class LivenessWatch {
  readonly #status: StatusPage;
  readonly #warn: (message: string) => void;
  readonly #pulses: readonly Pulse[];
  #lookedAtMs: number;

  constructor(status: StatusPage, threads: readonly WatchedThread[], nowMs: number, warn: (message: string) => void) {
    this.#status = status;
    this.#warn = warn;
    this.#lookedAtMs = nowMs;
    this.#pulses = threads.map((thread) => ({
      thread,
      beats: status.beats(thread.index),
      silentMs: 0,
      isWarned: false,
    }));
  }

  /** Returns the thread that has not moved for too long, or null. To be called about once a second. */
  look(nowMs: number): WatchedThread | null {
    const passedMs = Math.min(nowMs - this.#lookedAtMs, BETWEEN_LOOKS_MAX_MS);
    this.#lookedAtMs = nowMs;
    for (const pulse of this.#pulses) {
      const beats = this.#status.beats(pulse.thread.index);
      if (beats !== pulse.beats) {
        pulse.beats = beats;
        pulse.silentMs = 0;
        pulse.isWarned = false;
        continue;
      }
      pulse.silentMs += passedMs;
      if (pulse.silentMs >= FAIL_AFTER_MS) return pulse.thread;
      if (pulse.silentMs >= WARN_AFTER_MS && !pulse.isWarned) {
        pulse.isWarned = true;
        this.#warn(`thread ${pulse.thread.name} has not moved for ${Math.round(pulse.silentMs)} ms`);
      }
    }
    return null;
  }
}
