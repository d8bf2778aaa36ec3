/**
 * The place beside the log's folder, `<folder>.<name>`, for what belongs to a log and is no file of it: a foreign file in the folder keeps
 * Apache's broker from starting. There is no such place where the folder is a mount, or the one above it cannot be written to: then some do
 * without (segment-preparation.ts) and some go elsewhere (segments-aside.ts, repair-kept.ts).
 */
import { dirname } from 'node:path';
import { type Disk, DiskFailedError } from './disk.ts';
import type { CommitLogFiles } from './segments.ts';

/** EXDEV on one device too: where a folder of it is mounted once more. */
const REFUSALS: readonly string[] = ['EXDEV', 'EROFS', 'EACCES', 'EPERM'];

/** What `action` returns of the place; null where there is none. */
export function besideLog<T>(
  disk: Disk,
  { directory }: Pick<CommitLogFiles, 'directory'>,
  name: string,
  action: (path: string) => T,
): T | null {
  try {
    // Another file system would only be filled in vain.
    if (disk.stat(directory)?.device !== disk.stat(dirname(directory))?.device) return null;
    return action(`${directory}.${name}`);
  } catch (error) {
    if (error instanceof DiskFailedError && REFUSALS.includes(error.code)) return null;
    throw error;
  }
}
