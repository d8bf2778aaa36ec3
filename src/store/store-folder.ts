/** Whether a folder is a store, may become one, or is something else. Asked by whoever opens it, before anything is made there. */
import type { Disk } from './disk.ts';
import { LOST_AND_FOUND } from './file-names.ts';
import { StoreDamagedError } from './store-errors.ts';
import type { StorePaths } from './store-paths.ts';

/** What a store has beside its log and queues, also after a crash at its first start, and what people put there before. */
const BESIDE =
  /^(\.|abort|checkpoint|commitlog|config|cut-|index|lock|namesrv|repair-settings)|\.(conf|log|properties)$/;

export function isStore(disk: Disk, paths: StorePaths): boolean {
  return (
    disk.stat(paths.commitLog) !== null ||
    disk.stat(paths.consumeQueue) !== null ||
    disk.stat(paths.checkpoint) !== null
  );
}

/** Throws for a folder of something else: nobody wants a store's files among those. */
export function refuseOtherFolder(disk: Disk, paths: StorePaths): void {
  if (isStore(disk, paths)) return;
  const other = disk.list(paths.root).find((name) => name !== LOST_AND_FOUND && !BESIDE.test(name));
  if (other === undefined) return;
  throw new StoreDamagedError(
    `${paths.root} is no store, and has ${other} in it: nothing was changed. Give the store a folder of its own (storePathRootDir, --store)`,
  );
}
