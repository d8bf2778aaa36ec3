/**
 * Reads of log bytes that are probably not in the page cache and would hold up a net thread's other connections. threads/pool does them
 * in a piscina pool; called by cold-pulls.
 */
import type { LogOffset } from '../base/units.ts';

/** A contiguous piece of the log. */
export interface LogRun {
  readonly offset: LogOffset;
  readonly length: number;
}

/** The runs one behind the other, each at the place that its whole length gives it. */
export interface ColdBytes {
  /** Of whoever asked for them, until {@link release}. */
  readonly bytes: Uint8Array;
  /** How much of each run could be read. */
  readonly lengths: readonly number[];
  /** To be called once: from then on the memory serves other reads. */
  release(): void;
}

export interface ColdReads {
  /** Calls `then` later on this thread: with an error when the disk has failed, or what a read needs is short. */
  read(runs: readonly LogRun[], then: (result: ColdBytes | Error) => void): void;
  /** Reads that are under way, and later ones, are dropped without a call of their `then`. */
  close(): Promise<void>;
}
