/**
 * Open files of one thread, the least recently used one closed when there are too many. A broker may have tens of thousands of queue files
 * and its process fewer descriptors, which its connections need as well.
 */
import { assert } from '../base/assert.ts';
import { type Disk, type DiskFile, isMissing, isOutOfDescriptors, type OpenMode } from './disk.ts';

export class HandleCache<Key extends string | number> {
  readonly #disk: Disk;
  readonly #mode: OpenMode;
  #handlesMax: number;
  readonly #pathOf: (key: Key) => string;
  /** Oldest use first. */
  readonly #files = new Map<Key, DiskFile>();
  #newest: Key | undefined;
  #newestFile: DiskFile | undefined;

  constructor(disk: Disk, mode: OpenMode, handlesMax: number, pathOf: (key: Key) => string) {
    assert(handlesMax >= 1, 'a handle cache holds at least one file');
    this.#disk = disk;
    this.#mode = mode;
    this.#handlesMax = handlesMax;
    this.#pathOf = pathOf;
  }

  get size(): number {
    return this.#files.size;
  }

  /** The open file of `key`, or null when it does not exist. */
  get(key: Key): DiskFile | null {
    return this.#used(key) ?? this.#kept(key, this.#open(key));
  }

  /** The open file of `key`, which `make` makes and opens unless it is open already. */
  getOrMake(key: Key, make: () => DiskFile): DiskFile {
    const open = this.#used(key);
    if (open !== null) return open;
    if (this.#files.size >= this.#handlesMax) this.#closeOldest();
    return this.#kept(key, make());
  }

  /** Closes the files whose key `isGone` holds for, so that deleted ones give their room back. */
  dropWhere(isGone: (key: Key) => boolean): void {
    for (const [key, file] of this.#files) {
      if (!isGone(key)) continue;
      this.#files.delete(key);
      file.close();
    }
    this.#forgetNewest();
  }

  /** Descriptors are short: gives half of them back, for good, because the next connection needs one too. */
  shrink(): void {
    this.#handlesMax = Math.max(1, this.#files.size >> 1);
    while (this.#files.size >= this.#handlesMax && this.#files.size > 0) this.#closeOldest();
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
    this.#forgetNewest();
  }

  /** The file if it is open, which becomes the newest. */
  #used(key: Key): DiskFile | null {
    if (key === this.#newest && this.#newestFile !== undefined) return this.#newestFile;
    const file = this.#files.get(key);
    if (file === undefined) return null;
    this.#files.delete(key);
    return this.#kept(key, file);
  }

  #kept<File extends DiskFile | null>(key: Key, file: File): File {
    if (file === null) return file;
    this.#files.set(key, file);
    this.#newest = key;
    this.#newestFile = file;
    return file;
  }

  #open(key: Key): DiskFile | null {
    if (this.#files.size >= this.#handlesMax) this.#closeOldest();
    try {
      return this.#disk.open(this.#pathOf(key), this.#mode);
    } catch (error) {
      if (isMissing(error)) return null;
      if (!isOutOfDescriptors(error) || this.#files.size === 0) throw error;
    }
    this.shrink();
    return this.#open(key);
  }

  #closeOldest(): void {
    for (const [key, file] of this.#files) {
      this.#files.delete(key);
      file.close();
      if (key === this.#newest) this.#forgetNewest();
      return;
    }
  }

  #forgetNewest(): void {
    this.#newest = undefined;
    this.#newestFile = undefined;
  }
}
