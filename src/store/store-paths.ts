/** Where the parts of a store lie under its root (spec/store.md 1). */
import { join } from 'node:path';

export interface StorePaths {
  readonly root: string;
  readonly commitLog: string;
  readonly consumeQueue: string;
  /** Queues of batch topics, which Apache's broker keeps in a format of its own. */
  readonly batchConsumeQueue: string;
  /** Files of the key index. */
  readonly index: string;
  readonly config: string;
  readonly checkpoint: string;
  /** See failed-sync.ts. */
  readonly failedSyncMark: string;
  readonly abort: string;
  /** See unfinished-repair.ts. */
  readonly repairSettings: string;
}

/** `commitLog` may lie elsewhere (`storePathCommitLog`). */
export function storePathsOf(root: string, commitLog = join(root, 'commitlog')): StorePaths {
  return {
    root,
    commitLog,
    consumeQueue: join(root, 'consumequeue'),
    batchConsumeQueue: join(root, 'batchconsumequeue'),
    index: join(root, 'index'),
    config: join(root, 'config'),
    checkpoint: join(root, 'checkpoint'),
    failedSyncMark: join(root, 'commitlog.sync-failed'),
    abort: join(root, 'abort'),
    repairSettings: join(root, 'repair-settings.json'),
  };
}
