/**
 * Names of the files of the log and of the queues: the 20 digits of the byte at which the file starts (spec/store.md 1). Used by every
 * part of the store, on any thread.
 */

const NAME_DIGITS = 20;
const NAME_PATTERN = /^\d{20}$/;

/** The file system's own folder, where one of the store's is a mount: passed over by everybody, and closed to all but root. */
export const LOST_AND_FOUND = 'lost+found';

export function fileNameOf(startByte: number): string {
  return String(startByte).padStart(NAME_DIGITS, '0');
}

/** Where the file starts, or -1 for a name that is none of ours. */
export function startByteOf(name: string): number {
  if (!NAME_PATTERN.test(name)) return -1;
  const start = Number(name);
  return Number.isSafeInteger(start) ? start : -1;
}

/** Start of the file that holds byte `offset` of a run of files of `fileSizeBytes` each. */
export function fileStartOf(offset: number, fileSizeBytes: number): number {
  return offset - (offset % fileSizeBytes);
}
