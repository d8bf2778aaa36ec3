/**
 * Remembers that an fdatasync of the log has failed. After that the system may take pages for clean that are not on the disk: they read
 * well as long as the machine runs, and the next fdatasync has nothing to do. A broker that went on from there would lose what it has
 * acknowledged since, when the power goes and leaves a hole before it. So the next start writes the log anew where it may be meant, and
 * only then flushes it. The mark lies in the store's folder, in which the start of this broker has made its lock: beside the log's there may be
 * no place (beside-log.ts), and on the disk that has failed perhaps no room. It is not flushed itself: it has to last as long as the page cache.
 */
import { type Disk, DiskFailedError, type DiskFile, DiskFullError, removeIfThere, writeFully } from './disk.ts';
import { type CommitLogFiles, type FlushedLogFiles, segmentPath } from './segments.ts';

const CHUNK_BYTES = 1024 * 1024;

type Mark = Pick<FlushedLogFiles, 'failedSyncMark'>;

/** fdatasync of a segment. Throws as that does, with the mark set, or with what to do where it cannot be set. */
export function syncSegment(disk: Disk, { failedSyncMark }: Mark, file: DiskFile): void {
  try {
    file.sync();
  } catch (cause) {
    if (!(cause instanceof DiskFailedError)) throw cause;
    try {
      disk.open(failedSyncMark, 'create').close();
    } catch (error) {
      if (!(error instanceof DiskFailedError || error instanceof DiskFullError)) throw error;
      const what = `${cause.code}; and ${error.message}: make that file before the broker is started again, or it will not know of this`;
      throw new DiskFailedError(file.path, 'fdatasync', what, cause);
    }
    throw cause;
  }
}

/** {@link syncSegment} of one that nobody has open. */
export function flushSegment(disk: Disk, files: FlushedLogFiles, start: number): void {
  const file = disk.open(segmentPath(files, start), 'write');
  try {
    syncSegment(disk, files, file);
  } finally {
    file.close();
  }
}

export function hasFailedSync(disk: Disk, { failedSyncMark }: Mark): boolean {
  return disk.stat(failedSyncMark) !== null;
}

/** Writes the bytes `[from, to)` of a segment over themselves, so that its next fdatasync has all of them to write. */
export function rewriteSegment(disk: Disk, files: CommitLogFiles, start: number, from: number, to: number): void {
  const file = disk.open(segmentPath(files, start), 'write');
  try {
    const bytes = new Uint8Array(Math.min(CHUNK_BYTES, files.segmentSizeBytes));
    for (let at = from; at < to; ) {
      const read = file.read(bytes, 0, Math.min(bytes.length, to - at), at);
      if (read === 0) return;
      writeFully(file, bytes, 0, read, at);
      at += read;
    }
  } finally {
    file.close();
  }
}

/** Everything is on the disk now. */
export function forgetFailedSync(disk: Disk, { failedSyncMark }: Mark): void {
  removeIfThere(disk, failedSyncMark);
}
