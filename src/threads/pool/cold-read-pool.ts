/**
 * Cold reads by a piscina pool: the disk keeps a pool's thread waiting and not a net thread with all its connections. Opened by each net
 * thread for itself. Piscina is loaded (20 ms of the net thread, 1 MB) and workers start (10 MB each) with the first reads, so that a broker
 * whose consumers keep up pays for neither; workers end again when nothing is read for a while.
 */
import { createRequire } from 'node:module';
import type { ArrayTaskQueue, Piscina } from 'piscina';
import { after, soon } from '../../base/clock.ts';
import type { ColdBytes, ColdReads, LogRun } from '../../broker/cold-reads.ts';
import { SharedBuffers } from '../../ring/shared-buffers.ts';
import type { CommitLogFiles } from '../../store/segments.ts';

/** Reads that the disk gets at the same time. */
const WORKERS_MAX = 2;
/** Reads that have memory: a worker finds its next one when it ends one. */
const READS_MAX = 2 * WORKERS_MAX;
/** Reads that wait for it: a consumer has one, but comes anew with each connection, also while the disk hangs. */
const WAITING_MAX = 16_384;
const WORKER_IDLE_MS = 30_000;
/** A stop waits so long for workers, which do not end before the disk has answered. */
const ENDING_MAX_MS = 1000;
/** As much as consumers may keep read ahead (broker/cold-pulls.ts). */
const KEPT_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Not by `import`: one that finds no descriptor fails for as long as its thread lives, because Node remembers it. A `require` is tried
 * again, but for the look into package.json, which is remembered too: so the path is found here, where a failure is one of the start.
 */
const requireHere = createRequire(import.meta.url);
const LIBRARY_PATH = requireHere.resolve('piscina');

interface Pool {
  readonly workers: Piscina<ColdReadTask, ColdReadAnswer>;
  /** Tasks for which no worker is free. */
  readonly waiting: ArrayTaskQueue;
  /** Why it was given up. */
  failure: Error | null;
}

type Library = Pick<typeof import('piscina'), 'ArrayTaskQueue' | 'Piscina'>;
type Then = (result: ColdBytes | Error) => void;
type Guard = (callback: () => void) => void;

/** What a worker is asked for. */
export interface ColdReadTask {
  readonly runs: readonly LogRun[];
  /** Workers close what lies below it, whose blocks the system keeps as long as it is open; idle ones end anyway. */
  readonly logStart: number;
  /** Takes all runs. */
  readonly buffer: SharedArrayBuffer;
}

/** How much of each run was read, or in words why the disk has refused. */
export type ColdReadAnswer = readonly number[] | string;

/** `guard` runs what takes an answer: what that throws is the thread's matter. */
export function coldReadPool(files: CommitLogFiles, logStart: () => number, guard: Guard): ColdReads {
  return new ColdReadPool(files, logStart, guard);
}

class ColdReadPool implements ColdReads {
  readonly #files: CommitLogFiles;
  readonly #logStart: () => number;
  readonly #guard: Guard;
  readonly #buffers = new SharedBuffers(KEPT_MAX_BYTES);
  /** Reads for which there is no memory yet. */
  readonly #waiting: { readonly runs: readonly LogRun[]; readonly then: Then }[] = [];
  #reading = 0;
  #pool: Pool | null = null;
  /** Of pools with workers that have not ended yet. */
  readonly #endings = new Set<Promise<void>>();
  #isClosed = false;

  constructor(files: CommitLogFiles, logStart: () => number, guard: Guard) {
    this.#files = files;
    this.#logStart = logStart;
    this.#guard = guard;
  }

  read(runs: readonly LogRun[], then: Then): void {
    if (this.#isClosed) return;
    if (this.#waiting.length === WAITING_MAX) {
      soon(() => this.#answer(then, new Error(`${WAITING_MAX} reads wait for the disk`)));
      return;
    }
    this.#waiting.push({ runs, then });
    this.#begin();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.length = 0;
    if (this.#pool !== null) this.#giveUp(this.#pool, new Error('the pool is closed'));
    const tooLong = new Promise<void>((resolve) => {
      after(ENDING_MAX_MS, resolve, false);
    });
    await Promise.race([Promise.all(this.#endings), tooLong]);
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
    const result = await this.#bytesOf(runs);
    this.#reading--;
    // Before `then`, which may ask for more: who came first is read first.
    this.#begin();
    this.#answer(then, result);
  }

  #answer(then: Then, result: ColdBytes | Error): void {
    if (!this.#isClosed) this.#guard(() => then(result));
  }

  async #bytesOf(runs: readonly LogRun[]): Promise<ColdBytes | Error> {
    const span = runs.reduce((sum, { length }) => sum + length, 0);
    const buffer = attempt(() => this.#buffers.take(span));
    if (buffer instanceof Error) return buffer;
    const answer = await this.#ask({ runs, logStart: this.#logStart(), buffer });
    // The buffer is not used again: a worker that is being ended may still write to it.
    if (answer instanceof Error) return answer;
    const release = (): void => this.#buffers.give(buffer);
    if (typeof answer !== 'string') return { bytes: new Uint8Array(buffer, 0, span), lengths: answer, release };
    release();
    return new Error(answer);
  }

  /** An error is one of the pool, which has been given up or could not be loaded. */
  async #ask(task: ColdReadTask): Promise<ColdReadAnswer | Error> {
    if (this.#pool === null) {
      const library = attempt(() => requireHere(LIBRARY_PATH) as Library);
      if (library instanceof Error) return library;
      this.#pool = this.#startPool(library);
    }
    const pool = this.#pool;
    try {
      return await run(pool, task);
    } catch (cause) {
      return this.#giveUp(pool, cause);
    }
  }

  #startPool({ ArrayTaskQueue, Piscina }: Library): Pool {
    const waiting = new ArrayTaskQueue();
    const workers = new Piscina<ColdReadTask, ColdReadAnswer>({
      filename: new URL('./cold-read-worker.js', import.meta.url).href,
      name: 'readRuns',
      workerData: this.#files,
      execArgv: [],
      minThreads: 0,
      maxThreads: WORKERS_MAX,
      idleTimeout: WORKER_IDLE_MS,
      taskQueue: waiting,
    });
    const pool: Pool = { workers, waiting, failure: null };
    workers.on('error', (cause) => this.#giveUp(pool, cause));
    return pool;
  }

  /**
   * A worker could not start, where descriptors or threads are short, or has ended. The pool would keep what waits for it until the next
   * read comes: it is refused instead, and that read starts another pool. Returns the first cause.
   */
  #giveUp(pool: Pool, cause: unknown): Error {
    if (pool.failure !== null) return pool.failure;
    pool.failure = errorOf(cause);
    this.#pool = null;
    const ending = pool.workers.destroy().then(() => void this.#endings.delete(ending));
    this.#endings.add(ending);
    return pool.failure;
  }
}

/**
 * Piscina throws where the system has no thread for another worker, and has the task in its queue by then: it is taken out, because nobody
 * would hear when it is refused with the others, which ends a thread.
 */
function run({ workers, waiting }: Pool, task: ColdReadTask): Promise<ColdReadAnswer> {
  const { size } = waiting;
  try {
    return workers.run(task);
  } catch (cause) {
    if (waiting.size > size) waiting.tasks.pop();
    throw cause;
  }
}

function attempt<T>(action: () => T): T | Error {
  try {
    return action();
  } catch (cause) {
    return errorOf(cause);
  }
}

function errorOf(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
