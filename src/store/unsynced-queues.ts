/**
 * Which queue files and folders must still be flushed before the checkpoint may name what was filed in them. Dispatch gathers them as it
 * files, flush makes them durable, one at a time: fdatasync through a descriptor of its own flushes the same pages, whoever wrote them.
 */
import { dirname } from 'node:path';
import { type Disk, isMissing } from './disk.ts';

/** Paths of what was written to since the last time, and of the folders in which names are new or gone. */
export interface UnsyncedPaths {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** Part of the queue writer. */
export class UnsyncedQueues {
  readonly #root: string;
  #files = new Set<string>();
  #folders = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Something was written to this file. */
  add(path: string): void {
    this.#files.add(path);
  }

  /** A file was made in this folder of a queue, and perhaps the folder and its topic's were made too. */
  addNames(queueDirectory: string): void {
    this.#folders.add(queueDirectory);
    this.#folders.add(dirname(queueDirectory));
    this.#folders.add(this.#root);
    this.#folders.add(dirname(this.#root));
  }

  /** Recovery has changed these. */
  addAll({ files, folders }: UnsyncedPaths): void {
    for (const path of files) this.#files.add(path);
    for (const path of folders) this.#folders.add(path);
  }

  /** Hands over what has gathered. */
  take(): UnsyncedPaths {
    const paths = { files: [...this.#files], folders: [...this.#folders] };
    this.#files = new Set();
    this.#folders = new Set();
    return paths;
  }
}

/** Makes paths durable, one per step: files first, then the folders that name them. */
export class QueueSync {
  readonly #disk: Disk;
  readonly #paths: UnsyncedPaths;
  #done = 0;

  constructor(disk: Disk, paths: UnsyncedPaths) {
    this.#disk = disk;
    this.#paths = paths;
  }

  /** True when everything is durable. */
  step(): boolean {
    const { files, folders } = this.#paths;
    const at = this.#done;
    if (at < files.length) this.#syncFile(files[at]!);
    else if (at < files.length + folders.length) this.#syncFolder(folders[at - files.length]!);
    // Not when it throws: what could not be opened for want of descriptors comes again.
    this.#done++;
    return this.#done >= files.length + folders.length;
  }

  #syncFile(path: string): void {
    ifThere(() => {
      const file = this.#disk.open(path, 'write');
      try {
        file.sync();
      } finally {
        file.close();
      }
    });
  }

  #syncFolder(path: string): void {
    ifThere(() => this.#disk.syncDirectory(path));
  }
}

/** What retention or a deleted topic has removed has nothing left to lose. */
function ifThere(sync: () => void): void {
  try {
    sync();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
