/**
 * Cold reads by a piscina pool: the disk keeps a pool's thread waiting and not a net thread with all its connections. Opened by each net
 * thread for itself. Pool and piscina start with the first read (29 ms and 8 MB, and 10 MB a worker, which a broker whose consumers
 * keep up never pays), and workers end again when nothing is read for a while.
 */
import type { Piscina } from 'piscina';
import type { ColdBytes, ColdReads, LogRun } from '../../broker/cold-reads.ts';
import type { CommitLogFiles } from '../../store/segments.ts';

/** Reads that the disk gets at the same time. */
const WORKERS_MAX = 2;
const WORKER_IDLE_MS = 30_000;

type Pool = Piscina<ColdReadTask, ColdBytes>;

/** What a worker is asked for. */
export interface ColdReadTask {
  readonly runs: readonly LogRun[];
  /** Workers close what lies below it, whose blocks the system keeps as long as it is open; idle ones end anyway. */
  readonly logStart: number;
}

export function coldReadPool(files: CommitLogFiles, logStart: () => number): ColdReads {
  let pool: Promise<Pool> | null = null;
  let isClosed = false;
  const answer = async (runs: readonly LogRun[], then: (result: ColdBytes | Error) => void): Promise<void> => {
    pool ??= startPool(files);
    const result = await pool.then((started) => started.run({ runs, logStart: logStart() })).catch(errorOf);
    // A `then` that throws has met a broken invariant: nothing catches it, and it stops the thread.
    if (!isClosed) then(result);
  };
  return {
    read(runs, then) {
      void answer(runs, then);
    },
    async close() {
      isClosed = true;
      const started = await pool?.catch(() => null);
      await started?.destroy();
    },
  };
}

async function startPool(files: CommitLogFiles): Promise<Pool> {
  const { Piscina } = await import('piscina');
  return new Piscina({
    filename: new URL('./cold-read-worker.js', import.meta.url).href,
    name: 'readRuns',
    workerData: files,
    execArgv: [],
    minThreads: 0,
    maxThreads: WORKERS_MAX,
    idleTimeout: WORKER_IDLE_MS,
  });
}

function errorOf(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
