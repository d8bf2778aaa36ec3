/**
 * The unit of work of the broker's threads. An agent is a plain object with one owner for each piece of its state; it never blocks and
 * never waits: its shell does (blocking-shell, event-shell). Which agents share a thread is the placement's business, so an agent must
 * not care.
 */
export interface Agent {
  readonly name: string;
  /** Does a bounded share of what there is to do. Returns how much that was; 0 means that nothing is left. */
  doWork(): number;
  /** Is there something to do? Asked once more after the bell's flag is up, so it reads what other threads publish. */
  hasWork(): boolean;
  /** After so many ms it wants to run although no bell has rung. */
  sleepMaxMs(): number;
  /** Finishes what was handed over and closes files. Called once, after the last {@link doWork}. */
  close(): void;
}

/** Thrown to stop the broker for a reason that is no mistake of the program: a disk that failed. */
export class FailStopError extends Error {
  override readonly name = 'FailStopError';
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What the failure word says of the cause (ring/status-page). */
export const FailureCode = { unknown: 0, invariant: 1, disk: 2, stuck: 3, exited: 4, startUp: 5, taken: 6 } as const;
export type FailureCode = (typeof FailureCode)[keyof typeof FailureCode];
