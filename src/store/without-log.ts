/**
 * What a start does with queues and an index where there is no log, and nothing tells that there was one (log-at-start.ts): they name
 * nothing (spec/store.md 12.5). Only they go. Their folders may be mounts, where others have put something: the file system its `lost+found`.
 */
import { dirname, join } from 'node:path';
import { counted } from '../base/counted.ts';
import type { Disk } from './disk.ts';
import { indexFileNames } from './index-files.ts';
import { queueFolders } from './queue-folders.ts';
import type { StorePaths } from './store-paths.ts';

/** Durable when this returns: their entries would name records of the next log. */
export function dropWithoutLog(disk: Disk, paths: StorePaths, log: { warn(message: string): void }): void {
  const queues = queueFolders(disk, paths.consumeQueue).map(({ directory }) => directory);
  const indexFiles = indexFileNames(disk, { directory: paths.index }).map((name) => join(paths.index, name));
  if (queues.length + indexFiles.length === 0) return;
  log.warn(
    `${paths.commitLog} holds no log: ${counted(queues.length, 'queue')} and ${counted(indexFiles.length, 'index file')} name nothing, ` +
      'and are removed',
  );
  for (const directory of queues) disk.removeTree(directory);
  for (const path of indexFiles) disk.unlink(path);
  for (const folder of new Set([...queues, ...indexFiles].map(dirname))) disk.syncDirectory(folder);
}
