/** What a worker of the cold read pool runs: reads runs of the log into a buffer of their own, which is handed over and not copied. */
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import { asLogOffset } from '../../base/units.ts';
import type { ColdBytes } from '../../broker/cold-reads.ts';
import { NodeDisk } from '../../store/disk.ts';
import { LogReader } from '../../store/log-reader.ts';
import type { CommitLogFiles } from '../../store/segments.ts';
import type { ColdReadTask } from './cold-read-pool.ts';

const log = new LogReader(new NodeDisk(), workerData as CommitLogFiles);

let seenLogStart = 0;

/** Returns {@link ColdBytes} in piscina's wrapping, which says what of it changes hands. */
export function readRuns({ runs, logStart }: ColdReadTask): object {
  if (logStart !== seenLogStart) log.dropBelow(asLogOffset(logStart));
  seenLogStart = logStart;
  const bytes = new Uint8Array(runs.reduce((sum, { length }) => sum + length, 0));
  const lengths: number[] = [];
  let at = 0;
  for (const { offset, length } of runs) {
    lengths.push(readRun(offset, length, bytes, at));
    at += length;
  }
  const result: ColdBytes = { bytes, lengths };
  return move({ [transferableSymbol]: [bytes.buffer], [valueSymbol]: result });
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
