import { execFile, execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import workerThreads from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asLogOffset } from '../../../src/base/units.ts';
import type { ColdBytes, ColdReads, LogRun } from '../../../src/broker/cold-reads.ts';
import { type CommitLogFiles, segmentPath } from '../../../src/store/segments.ts';
import { coldReadPool } from '../../../src/threads/pool/cold-read-pool.ts';
import { openFilesUnder } from '../../support/open-files.ts';
import { until } from '../node-client.ts';

const SEGMENT_BYTES = 4096;
/** More than Node needs for itself. */
const DESCRIPTORS = 80;
/** Reads that have memory, and those that wait for it. */
const READS_MAX = 4;
const WAITING_MAX = 16_384;
/** The number of a thread that is no more. */
const ENDED = -1;
let files: CommitLogFiles;
let reads: ColdReads;
let logStart: number;
let thrown: unknown[];
let workers: InstanceType<typeof Worker>[];

const { Worker } = workerThreads;
class SeenWorker extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args);
    workers.push(this);
  }
}

/** A log whose byte at offset n is n % 251. */
beforeEach(() => {
  files = { directory: mkdtempSync(join(tmpdir(), 'cold-reads-')), segmentSizeBytes: SEGMENT_BYTES };
  for (let segment = 0; segment < 3; segment++) {
    const start = segment * SEGMENT_BYTES;
    writeFileSync(segmentPath(files, start), expected(start, SEGMENT_BYTES));
  }
  logStart = 0;
  thrown = [];
  workers = [];
  workerThreads.Worker = SeenWorker;
  reads = coldReadPool(files, () => logStart, guard);
});

afterEach(async () => {
  await reads.close();
  workerThreads.Worker = Worker;
  rmSync(files.directory, { recursive: true });
});

function expected(offset: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (offset + i) % 251);
}

function guard(callback: () => void): void {
  try {
    callback();
  } catch (cause) {
    thrown.push(cause);
  }
}

function run(offset: number, length: number): LogRun {
  return { offset: asLogOffset(offset), length };
}

function read(...runs: [offset: number, length: number][]): Promise<ColdBytes | Error> {
  const list = runs.map(([offset, length]) => run(offset, length));
  return new Promise((resolve) => reads.read(list, resolve));
}

/** Nobody gets further than the open of the segment that begins there, until the function that it returns is called. */
function hang(segment: number): () => void {
  const path = segmentPath(files, segment);
  rmSync(path);
  // A reader waits in the system call for somebody who writes.
  execFileSync('mkfifo', [path]);
  return () => closeSync(openSync(path, 'r+'));
}

function running(): number[] {
  return workers.map(({ threadId }) => threadId).filter((threadId) => threadId !== ENDED);
}

/** What waits for the library, or for nothing at all, has gone on before. */
async function runningSoon(): Promise<number[]> {
  await import('piscina');
  await new Promise(setImmediate);
  return running();
}

describe('the cold read pool', () => {
  it('reads runs one behind the other, over the ends of segments too', async () => {
    const result = (await read([100, 50], [SEGMENT_BYTES - 10, 2 * SEGMENT_BYTES])) as ColdBytes;
    expect(result.lengths).toEqual([50, 2 * SEGMENT_BYTES]);
    expect(Buffer.from(result.bytes)).toEqual(
      Buffer.concat([expected(100, 50), expected(SEGMENT_BYTES - 10, 2 * SEGMENT_BYTES)]),
    );
  });

  it('says how much of a run is not there', async () => {
    const result = (await read([3 * SEGMENT_BYTES - 10, 100], [5, 5], [7 * SEGMENT_BYTES, 5])) as ColdBytes;
    expect(result.lengths).toEqual([10, 5, 0]);
    expect(result.bytes.subarray(100, 105)).toEqual(expected(5, 5));
  });

  it('hands the disk’s refusal on and goes on reading', async () => {
    const refused = coldReadPool({ ...files, directory: segmentPath(files, 0) }, () => 0, guard);
    const error = await new Promise((resolve) => refused.read([run(0, 5)], resolve));
    await refused.close();
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toContain('ENOTDIR');
    expect((await read([0, 1])) as ColdBytes).toMatchObject({ lengths: [1] });
  });

  it('lets go of segments that are deleted', async () => {
    // Both workers have it open.
    await Promise.all([read([0, 1]), read([0, 1]), read([0, 1])]);
    expect(openFilesUnder(files.directory)).toContain(segmentPath(files, 0));
    rmSync(segmentPath(files, 0));
    logStart = SEGMENT_BYTES;
    await until(async () => {
      await Promise.all([read([SEGMENT_BYTES, 1]), read([SEGMENT_BYTES, 1])]);
      return !openFilesUnder(files.directory).some((path) => path.endsWith('(deleted)'));
    }, 'the close');
    expect(((await read([0, 1])) as ColdBytes).lengths).toEqual([0]);
  });

  it('uses memory again that was given back, and no other', async () => {
    const first = (await read([0, 100])) as ColdBytes;
    const second = (await read([100, 100])) as ColdBytes;
    expect(first.bytes.buffer).not.toBe(second.bytes.buffer);
    first.release();
    const third = (await read([200, 50])) as ColdBytes;
    expect(third.bytes.buffer).toBe(first.bytes.buffer);
    expect(Buffer.from(third.bytes)).toEqual(Buffer.from(expected(200, 50)));
    expect(Buffer.from(second.bytes)).toEqual(Buffer.from(expected(100, 100)));
  });

  // With none left not even a module could be loaded, with a few a worker cannot start.
  it.each([0, 4])('refuses reads with %i descriptors left, and reads again when there are more', async (left) => {
    const script = fileURLToPath(new URL('./reads-without-descriptors.js', import.meta.url));
    const command = `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`;
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-c', command, process.execPath, script, files.directory, String(left)],
      { timeout: 15_000 },
    );
    const { short, afterwards } = JSON.parse(stdout) as { short: string[]; afterwards: string };
    expect(short).toHaveLength(6);
    for (const answer of short) expect(answer).toContain('EMFILE');
    expect(afterwards).toBe('10');
  });

  it('refuses reads while the system has no thread for a worker', async () => {
    // As Node does when pthread_create fails: at once, and not by an event.
    workerThreads.Worker = class {
      constructor() {
        throw new Error('EAGAIN');
      }
    } as unknown as typeof Worker;
    try {
      const refused = await Promise.all(Array.from({ length: 6 }, () => read([0, 10])));
      expect(refused).toEqual(Array(6).fill(new Error('EAGAIN')));
    } finally {
      workerThreads.Worker = SeenWorker;
    }
    expect((await read([0, 10])) as ColdBytes).toMatchObject({ lengths: [10] });
  });

  it('refuses a read for which there is no memory, and goes on reading', async () => {
    // More than a processor can address, and more reads than the pool takes at a time.
    const refused = await Promise.all(Array.from({ length: 6 }, () => read([0, 2 ** 50])));
    expect(refused).toEqual(Array(6).fill(new RangeError('Array buffer allocation failed')));
    expect((await read([0, 10])) as ColdBytes).toMatchObject({ lengths: [10] });
  });

  it('refuses a read when very many wait for the disk', async () => {
    const letGo = hang(SEGMENT_BYTES);
    const answers: unknown[] = [];
    for (let i = 0; i < READS_MAX + WAITING_MAX; i++) {
      reads.read([run(SEGMENT_BYTES, 1)], (result) => answers.push(result));
    }
    expect(await read([SEGMENT_BYTES, 1])).toEqual(new Error(`${WAITING_MAX} reads wait for the disk`));
    expect(answers).toEqual([]);
    letGo();
  });

  it('leaves it to its thread what becomes of an answer that cannot be taken', async () => {
    const broken = new Error('a broken invariant');
    reads.read([run(0, 1)], () => {
      throw broken;
    });
    await until(() => thrown.length > 0, 'the answer');
    expect(thrown).toEqual([broken]);
  });

  it('drops what is under way when it is closed, and what comes later, and leaves no worker', async () => {
    const called: unknown[] = [];
    const ask = (): void => reads.read([run(0, 5)], (result) => called.push(result));
    ask();
    await reads.close();
    expect(await runningSoon()).toEqual([]);
    ask();
    expect(await runningSoon()).toEqual([]);
    expect(openFilesUnder(files.directory)).toEqual([]);
    expect(called).toEqual([]);
  });

  it('refuses what a worker had that has died, reads again, and is closed when all its workers have ended', async () => {
    const [letFirstGo, letSecondGo] = [hang(SEGMENT_BYTES), hang(2 * SEGMENT_BYTES)];
    await read([0, 1]);
    const stuck = Promise.all([read([SEGMENT_BYTES, 1]), read([0, 1], [2 * SEGMENT_BYTES, 1])]);
    await until(() => openFilesUnder(files.directory).length === 2, 'both workers');
    void workers[0]!.terminate();
    letFirstGo();
    const died = new Error('worker exited with code: 1');
    expect(await stuck).toEqual([died, died]);
    expect((await read([0, 1])) as ColdBytes).toMatchObject({ lengths: [1] });
    // The second was given up with the first, but the disk has it.
    expect(running()).toHaveLength(2);
    setTimeout(letSecondGo, 50);
    await reads.close();
    expect(running()).toEqual([]);
  });

  it('is closed in a while although the disk hangs', async () => {
    const letGo = hang(SEGMENT_BYTES);
    reads.read([run(0, 1), run(SEGMENT_BYTES, 1)], () => {});
    await until(() => openFilesUnder(files.directory).length > 0, 'the first run');
    await reads.close();
    expect(running()).toHaveLength(1);
    letGo();
    await until(() => running().length === 0, 'the end of the worker');
  });
});
