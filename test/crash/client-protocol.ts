/** What life.ts and its client processes say to each other, over the channel that Node gives a forked process. */

export interface TopicPlan {
  readonly index: number;
  readonly queues: number;
}

/**
 * Ends the broker as soon as an answer shows that it has come this far: to an offset of the log, or to a file's end in some queue, after so many
 * others. Null: somebody else does it.
 */
export type Tripwire =
  | { readonly kind: 'log'; readonly logOffset: number }
  | { readonly kind: 'queue'; readonly multiple: number; readonly passed: number }
  | null;

/** From the life to a process: talk to this broker until it is gone. */
export interface Begin {
  readonly address: string;
  /** Of the broker, for the one who touches the wire. */
  readonly processId: number;
  readonly seed: number;
  readonly topics: readonly TopicPlan[];
  readonly segmentBytes: number;
  readonly tripwire: Tripwire;
  /** Where the consumer's groups go on, by `group/topic/queue`. */
  readonly places: Readonly<Record<string, number>>;
}

/** From a process to the life: the broker is gone, everything that it has said is in the file. */
export interface Report {
  /** The next number of each lane, of a producer. */
  readonly sent: readonly (readonly [lane: number, next: number])[];
  /** Answers that were no success, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** What must not happen. */
  readonly violations: readonly string[];
}

export const GROUPS = ['crash-commits', 'crash-pulls'] as const;

/** Started with the path of its witness log, the stamp of the life and, for a producer, its number. */
export interface ClientArguments {
  readonly witnessPath: string;
  readonly stamp: number;
  readonly number: number;
}

export function clientArguments(): ClientArguments {
  const [, , witnessPath = '', stamp = '', number = ''] = process.argv;
  return { witnessPath, stamp: Number(stamp), number: Number(number) };
}

/** Serves the life until it goes away. `work` returns when the broker is gone. */
export function serveLife(work: (begin: Begin) => Promise<Report>): void {
  process.on('message', (begin: Begin) => {
    work(begin).then(
      (report) => process.send?.(report),
      (error: Error) => {
        process.stderr.write(`${error.stack}\n`);
        process.exit(1);
      },
    );
  });
  process.on('disconnect', () => process.exit(0));
}
