/** What a worker of the cold read pool runs: reads runs of the log into the memory that comes with the task. */
import { workerData } from 'node:worker_threads';
import { asLogOffset } from '../../base/units.ts';
import { DiskFailedError, NodeDisk } from '../../store/disk.ts';
import { LogReader } from '../../store/log-reader.ts';
import type { CommitLogFiles } from '../../store/segments.ts';
import type { ColdReadAnswer, ColdReadTask } from './cold-read-pool.ts';

const log = new LogReader(new NodeDisk(), workerData as CommitLogFiles);

let seenLogStart = 0;

/** The runs lie one behind the other, each at the place that its whole length gives it. What it throws is an error of the pool. */
export function readRuns(task: ColdReadTask): ColdReadAnswer {
  try {
    return lengthsOf(task);
  } catch (cause) {
    if (cause instanceof DiskFailedError) return cause.message;
    throw cause;
  }
}

function lengthsOf({ runs, logStart, buffer }: ColdReadTask): number[] {
  if (logStart !== seenLogStart) log.dropBelow(asLogOffset(logStart));
  seenLogStart = logStart;
  const bytes = new Uint8Array(buffer);
  const lengths: number[] = [];
  let at = 0;
  for (const { offset, length } of runs) {
    lengths.push(readRun(offset, length, bytes, at));
    at += length;
  }
  return lengths;
}

/** Goes on over the end of a segment; less than `length` where the log does not go on. */
function readRun(offset: number, length: number, into: Uint8Array, at: number): number {
  let done = 0;
  while (done < length) {
    const read = log.read(asLogOffset(offset + done), length - done, into, at + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}
