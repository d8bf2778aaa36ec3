/**
 * The home of clocks, timers and randomness: the rest of the project takes a {@link Clock}, so that tests and the simulator can turn
 * the hands. Wall time is for what is stored and shown, monotonic time for deadlines and durations.
 */

export interface Clock {
  /** Wall time in ms since the epoch. */
  nowMs(): number;
  /** Time that never goes back, in microseconds from an arbitrary start that is the same in all threads of the machine. */
  monotonicUs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicUs: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e6 + Math.floor(nanoseconds / 1e3);
  },
};

/** A repeating timer that can be stopped. */
export interface Timer {
  stop(): void;
}

/** Calls `action` every `periodMs`. A ref'd timer keeps its thread alive; pass `keepAlive: false` for background work. */
export function every(periodMs: number, action: () => void, keepAlive = true): Timer {
  const handle = setInterval(action, periodMs);
  if (!keepAlive) handle.unref();
  return { stop: () => clearInterval(handle) };
}

/** Calls `action` once after `delayMs`. */
export function after(delayMs: number, action: () => void, keepAlive = true): Timer {
  const handle = setTimeout(action, delayMs);
  if (!keepAlive) handle.unref();
  return { stop: () => clearTimeout(handle) };
}

/** Resolves after `delayMs`. For client and command line code, never on a broker's hot path. */
export function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    after(delayMs, resolve);
  });
}

/** Calls `action` when the event loop has served what is ready now. */
export function soon(action: () => void): void {
  setImmediate(action);
}
