/**
 * Takes whole files off the end of the log, at a start. Those that something was written to are kept beside it: that nothing in them counts
 * follows from what the checkpoint says and from what was found before them, and who has damaged either can still put them back.
 */
import { basename, join } from 'node:path';
import { counted } from '../base/counted.ts';
import { besideLog } from './beside-log.ts';
import { type Disk, isWritten, makeDurableDirectory } from './disk.ts';
import { type CommitLogFiles, segmentPath } from './segments.ts';

/** So much of a file is looked at. What was flushed begins with a record. */
const LOOK_BYTES = 64 * 1024;
/** Of the folder for what is kept. */
export const CUT_NAME = 'cut';

/**
 * `starts`: in order. The newest goes first, and durably before the next: where nobody says how far the log was flushed, a start refuses one
 * with a file missing, and a loss of power may keep any of the names that were not synced. Each is gone for good when this returns.
 */
export function takeOff(
  disk: Disk,
  files: CommitLogFiles,
  starts: readonly number[],
  log: { warn(message: string): void },
): void {
  const kept: string[] = [];
  const folders = new Set<string>();
  for (const start of starts.toReversed()) {
    const path = segmentPath(files, start);
    if (isWritten(disk, path, 0, LOOK_BYTES)) {
      const folder = besideOrInLog(disk, files, (place) => moveTo(disk, path, place));
      disk.syncDirectory(folder);
      folders.add(folder);
      kept.unshift(basename(path));
    } else {
      disk.unlink(path);
    }
    disk.syncDirectory(files.directory);
  }
  if (kept.length === 0) return;
  log.warn(
    `${counted(kept.length, 'file')} of the log from ${kept[0]} on, behind its end and with something written to it: kept in ${[...folders].join(', ')}`,
  );
}

/**
 * What `keep` returns of the folder for what a start takes off the log. It lies beside the log's; where there is no place, in it: a folder in
 * it does not keep Apache's broker from starting.
 */
export function besideOrInLog<T>(disk: Disk, files: CommitLogFiles, keep: (folder: string) => T): T {
  return besideLog(disk, files, CUT_NAME, keep) ?? keep(join(files.directory, CUT_NAME));
}

function moveTo(disk: Disk, path: string, folder: string): string {
  makeDurableDirectory(disk, folder);
  disk.rename(path, freePath(disk, folder, basename(path)));
  return folder;
}

/** An earlier start may have kept a file of the name. */
export function freePath(disk: Disk, folder: string, name: string): string {
  let path = join(folder, name);
  for (let n = 1; disk.stat(path) !== null; n++) path = join(folder, `${name}.${n}`);
  return path;
}
