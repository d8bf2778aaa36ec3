/**
 * Keeps whole records that lie behind the end of the log in its file, before a start wipes them: a loss of power leaves pages that were not
 * flushed in any order, and a record that is damaged on the disk may have good ones behind it. Upstream overwrites them. Part of recovery.ts.
 */
import { join } from 'node:path';
import { counted } from '../base/counted.ts';
import { asLogOffset } from '../base/units.ts';
import { type Disk, DiskFullError, makeDurableDirectory, removeIfThere } from './disk.ts';
import type { LogReader } from './log-reader.ts';
import { LogScanner, Scanned } from './log-scanner.ts';
import { RecordSearch } from './record-search.ts';
import { keepPart } from './repair-kept.ts';
import { segmentEnd, segmentPath, segmentStart } from './segments.ts';
import { besideOrInLog, freePath } from './segments-aside.ts';

/** The search ends behind so many zeros: twice the largest record, and no more than a start can read in passing. */
const ZEROS_MAX = 8 * 1024 * 1024;
const COMPARED_BYTES = 1024 * 1024;

export interface RecordsBehind {
  /** Those that are whole. */
  readonly count: number;
  /** Behind the last record, and the last byte that is not zero. */
  readonly dataEnd: number;
}

/** What lies behind `end` in its segment. */
export function findRecordsBehind(reader: LogReader, end: number): RecordsBehind {
  const to = segmentEnd(reader.files, end);
  const search = new RecordSearch(reader);
  const scanner = new LogScanner(reader, false);
  let count = 0;
  let dataEnd = end;
  for (let at = end + 1; at < to; ) {
    const found = search.find(at, to, to, ZEROS_MAX);
    if (found < 0) break;
    scanner.begin(asLogOffset(found), to);
    while (scanner.next() === Scanned.record) {
      if (scanner.areContentsWhole()) count++;
      dataEnd = scanner.nextPosition;
    }
    at = scanner.position + 1;
  }
  return { count, dataEnd: count === 0 ? end : Math.max(dataEnd, search.hole(dataEnd, to).dataTo) };
}

/** `starts`: of the segments. Whether there are some; what is kept is on the disk when this returns. */
export function keepRecordsBehind(
  disk: Disk,
  reader: LogReader,
  starts: readonly number[],
  end: number,
  log: { warn(message: string): void },
): boolean {
  const { files } = reader;
  const start = segmentStart(files, end);
  if (!starts.includes(start)) return false;
  const { count, dataEnd } = findRecordsBehind(reader, end);
  if (count === 0) return false;
  const bytes = { path: segmentPath(files, start), from: end - start, length: dataEnd - end };
  const what = `${counted(count, 'whole record')} behind the end of the log at ${end}, in its file and up to ${dataEnd}`;
  try {
    const kept = besideOrInLog(disk, files, (folder) => keepBytes(disk, bytes, folder, `bytes-from-${end}`));
    log.warn(`${what}: kept in ${kept}`);
  } catch (error) {
    if (error instanceof DiskFullError)
      log.warn(`${what}: no room for a copy of ${bytes.length} bytes. Make room and start again: nothing was wiped`);
    throw error;
  }
  return true;
}

interface FileBytes {
  readonly path: string;
  /** The first one, in the file. */
  readonly from: number;
  /** In bytes. */
  readonly length: number;
}

/** Returns the file that holds them: one that a start which was interrupted has made, or a new one. */
function keepBytes(disk: Disk, bytes: FileBytes, folder: string, name: string): string {
  makeDurableDirectory(disk, folder);
  const fresh = join(folder, `${name}.tmp`);
  removeIfThere(disk, fresh);
  const earlier = disk.list(folder).filter((file) => file === name || file.startsWith(`${name}.`));
  const same = earlier.map((file) => join(folder, file)).find((path) => holds(disk, path, bytes));
  if (same !== undefined) {
    // Its name may be in the page cache only, as the start that made it may have been killed.
    disk.syncDirectory(folder);
    return same;
  }
  try {
    keepPart(disk, bytes.path, bytes.from, bytes.length, fresh);
  } catch (error) {
    // The room that it takes is missing to the next attempt.
    removeIfThere(disk, fresh);
    throw error;
  }
  const path = freePath(disk, folder, name);
  disk.rename(fresh, path);
  disk.syncDirectory(folder);
  return path;
}

function holds(disk: Disk, path: string, { path: source, from, length }: FileBytes): boolean {
  if (disk.stat(path)?.size !== length) return false;
  const kept = disk.open(path, 'read');
  const original = disk.open(source, 'read');
  try {
    const [left, right] = [Buffer.alloc(COMPARED_BYTES), Buffer.alloc(COMPARED_BYTES)];
    for (let at = 0; at < length; at += COMPARED_BYTES) {
      const part = Math.min(COMPARED_BYTES, length - at);
      const read = kept.read(left, 0, part, at);
      if (original.read(right, 0, part, from + at) !== read || !left.subarray(0, part).equals(right.subarray(0, part)))
        return false;
    }
    return true;
  } finally {
    original.close();
    kept.close();
  }
}
