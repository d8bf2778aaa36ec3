/**
 * Which queue files and folders must still be flushed before the checkpoint may name what was filed in them. A file stays on the list
 * when its handle is closed meanwhile: fdatasync through a new one flushes the same pages. Used by dispatch through the queue writer.
 */
import { dirname } from 'node:path';
import { type Disk, isMissing } from './disk.ts';

export class QueueSyncList {
  readonly #disk: Disk;
  readonly #root: string;
  #files = new Set<string>();
  #folders = new Set<string>();
  /** What the round that is under way has still to do. */
  #roundFiles = new Set<string>();
  #roundFolders = new Set<string>();

  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
  }

  /** Something was written to this file. */
  add(path: string): void {
    this.#files.add(path);
  }

  /** A file was made in this folder of a queue, and perhaps the folder and its topic's were made too. */
  addNames(queueDirectory: string): void {
    const topicDirectory = dirname(queueDirectory);
    this.#folders.add(queueDirectory);
    this.#folders.add(topicDirectory);
    this.#folders.add(this.#root);
  }

  /** Begins a round with what is on the list now; what a former round has not done stays in it. */
  begin(): void {
    this.#roundFiles = merged(this.#roundFiles, this.#files);
    this.#roundFolders = merged(this.#roundFolders, this.#folders);
    this.#files = new Set();
    this.#folders = new Set();
  }

  /** Flushes up to `filesMax` files of the round, at its end the folders. True when the round is done. */
  step(filesMax: number): boolean {
    let left = filesMax;
    for (const path of this.#roundFiles) {
      if (left-- === 0) return false;
      this.#sync(path);
      this.#roundFiles.delete(path);
    }
    for (const folder of this.#roundFolders) this.#disk.syncDirectory(folder);
    this.#roundFolders.clear();
    return true;
  }

  /** The files under this folder are going away. */
  dropBelow(queueDirectory: string): void {
    for (const set of [this.#files, this.#roundFiles]) {
      for (const path of set) if (dirname(path) === queueDirectory) set.delete(path);
    }
    this.#folders.delete(queueDirectory);
    this.#roundFolders.delete(queueDirectory);
  }

  #sync(path: string): void {
    try {
      const file = this.#disk.open(path, 'write');
      try {
        file.sync();
      } finally {
        file.close();
      }
    } catch (error) {
      // A file that retention has removed has nothing left to lose.
      if (!isMissing(error)) throw error;
    }
  }
}

function merged(left: Set<string>, right: Set<string>): Set<string> {
  if (left.size === 0) return right;
  for (const path of right) left.add(path);
  return left;
}
