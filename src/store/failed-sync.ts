/**
 * Remembers that an fdatasync of the log has failed. After that the system may take pages for clean that are not on the disk: they read
 * well as long as the machine runs, and the next fdatasync has nothing to do. A broker that went on from there would lose what it has
 * acknowledged since, when the power goes and leaves a hole before it. So the next start writes the log anew where it may be meant, and
 * only then flushes it. The mark lies beside the log's folder and is not flushed itself: it has to last as long as the page cache.
 */
import { type Disk, type DiskFile, isMissing, writeFully } from './disk.ts';
import { type CommitLogFiles, segmentPath } from './segments.ts';

const CHUNK_BYTES = 1024 * 1024;

type LogFolder = Pick<CommitLogFiles, 'directory'>;

export function failedSyncMark(files: LogFolder): string {
  return `${files.directory}.sync-failed`;
}

/** fdatasync of a segment. Throws as that does, with the mark set. */
export function syncSegment(disk: Disk, files: CommitLogFiles, file: DiskFile): void {
  try {
    file.sync();
  } catch (cause) {
    try {
      disk.open(failedSyncMark(files), 'create').close();
    } catch {
      // The failure itself is what has to be told.
    }
    throw cause;
  }
}

/** {@link syncSegment} of one that nobody has open. */
export function flushSegment(disk: Disk, files: CommitLogFiles, start: number): void {
  const file = disk.open(segmentPath(files, start), 'write');
  try {
    syncSegment(disk, files, file);
  } finally {
    file.close();
  }
}

export function hasFailedSync(disk: Disk, files: LogFolder): boolean {
  return disk.stat(failedSyncMark(files)) !== null;
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
export function forgetFailedSync(disk: Disk, files: CommitLogFiles): void {
  try {
    disk.unlink(failedSyncMark(files));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
