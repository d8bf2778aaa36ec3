/**
 * Cold reads by a piscina pool: the disk keeps a pool's thread waiting and not a net thread with all its connections. Opened by each net
 * thread for itself. Pool and piscina start with the first read (29 ms and 8 MB, and 10 MB a worker, which a broker whose consumers
 * keep up never pays), and workers end again when nothing is read for a while.
 */
import type { Piscina } from 'piscina';
import type { ColdBytes, ColdReads, LogRun } from '../../broker/cold-reads.ts';
import { SharedBuffers } from '../../ring/shared-buffers.ts';
import type { CommitLogFiles } from '../../store/segments.ts';

/** Reads that the disk gets at the same time. */
const WORKERS_MAX = 2;
/** Reads that have memory: a worker finds its next one when it ends one. */
const READS_MAX = 2 * WORKERS_MAX;
const WORKER_IDLE_MS = 30_000;
/** As much as consumers may keep read ahead (broker/cold-pulls.ts). */
const KEPT_MAX_BYTES = 16 * 1024 * 1024;

/** How much of each run was read. */
type Pool = Piscina<ColdReadTask, number[]>;
type Then = (result: ColdBytes | Error) => void;

/** What a worker is asked for. */
export interface ColdReadTask {
  readonly runs: readonly LogRun[];
  /** Workers close what lies below it, whose blocks the system keeps as long as it is open; idle ones end anyway. */
  readonly logStart: number;
  /** Takes all runs. */
  readonly buffer: SharedArrayBuffer;
}

export function coldReadPool(files: CommitLogFiles, logStart: () => number): ColdReads {
  return new ColdReadPool(files, logStart);
}

class ColdReadPool implements ColdReads {
  readonly #files: CommitLogFiles;
  readonly #logStart: () => number;
  readonly #buffers = new SharedBuffers(KEPT_MAX_BYTES);
  /** Reads for which there is no memory yet. */
  readonly #waiting: { readonly runs: readonly LogRun[]; readonly then: Then }[] = [];
  #reading = 0;
  #pool: Promise<Pool> | null = null;
  #isClosed = false;

  constructor(files: CommitLogFiles, logStart: () => number) {
    this.#files = files;
    this.#logStart = logStart;
  }

  read(runs: readonly LogRun[], then: Then): void {
    this.#waiting.push({ runs, then });
    this.#begin();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.length = 0;
    const started = await this.#pool?.catch(() => null);
    await started?.destroy();
  }

  #begin(): void {
    while (this.#reading < READS_MAX) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#reading++;
      void this.#read(next.runs, next.then);
    }
  }

  async #read(runs: readonly LogRun[], then: Then): Promise<void> {
    const span = runs.reduce((sum, { length }) => sum + length, 0);
    const buffer = this.#buffers.take(span);
    this.#pool ??= startPool(this.#files);
    const task = { runs, logStart: this.#logStart(), buffer };
    const lengths = await this.#pool.then((started) => started.run(task)).catch(errorOf);
    this.#reading--;
    if (this.#isClosed) return;
    // Before `then`, which may ask for more: who came first is read first.
    this.#begin();
    // A `then` that throws has met a broken invariant: nothing catches it, and it stops the thread.
    if (lengths instanceof Error) {
      this.#buffers.give(buffer);
      then(lengths);
    } else {
      then({ bytes: new Uint8Array(buffer, 0, span), lengths, release: () => this.#buffers.give(buffer) });
    }
  }
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
