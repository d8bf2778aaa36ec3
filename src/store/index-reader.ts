/**
 * The files of the key index as queries find them: which there are, some of them open, and the headers of those that are complete, which
 * change no more. To list, open and close them for each query would be half of its time. Control's; the newest file is dispatch's to say.
 */
import type { IndexHeader } from '../layout/index-file.ts';
import { type Disk, type DiskFile, isOutOfDescriptors, openUnlessGone } from './disk.ts';
import { HandleCache } from './handle-cache.ts';
import { IndexFile } from './index-file.ts';
import { type IndexFiles, indexFileNames, indexFilePath } from './index-files.ts';

export interface ListedIndexFile {
  /** What it is called, as a number. */
  readonly name: bigint;
  readonly path: string;
}

export class IndexReader {
  readonly #disk: Disk;
  readonly #files: IndexFiles;
  /** By their paths. */
  readonly #handles: HandleCache<string>;
  #heads = new Map<string, IndexHeader>();
  #listed: readonly ListedIndexFile[] = [];
  /** The newest file when they were listed; null when they are to be listed again. */
  #newest: bigint | null = null;
  #logStart = 0;

  /** `handlesMax` files stay open. */
  constructor(disk: Disk, files: IndexFiles, handlesMax: number) {
    this.#disk = disk;
    this.#files = files;
    this.#handles = new HandleCache<string>(disk, 'read', handlesMax, (path) => path);
  }

  /** From the file `newest` back to the oldest. A newer one that is just being made is left out. */
  filesFrom(newest: bigint): readonly ListedIndexFile[] {
    if (newest !== this.#newest) this.#list(newest);
    return this.#listed;
  }

  /** The header of a file older than the newest; null when it has been removed, or is about to be because its messages are gone. */
  head({ path }: ListedIndexFile): IndexHeader | null {
    const head = this.#heads.get(path) ?? this.#readHead(path);
    return head !== null && head.endLogOffset >= this.#logStart ? head : null;
  }

  /** The file, until the next one is opened; null when it has been removed. */
  open({ path }: ListedIndexFile): IndexFile | null {
    const file = this.#handles.get(path);
    return file === null ? null : new IndexFile(file, this.#files.shape);
  }

  /**
   * Closes the files whose messages are all gone, and opens them no more. To be called before they are removed: the system gives the blocks
   * of a file back when nobody has it open, and whoever is the last waits for that.
   */
  dropBelow(logStart: number): void {
    this.#logStart = logStart;
    // The newest has no header here. It is opened again, if it has not just been removed as the newest but one.
    this.#handles.dropWhere((path) => (this.#heads.get(path)?.endLogOffset ?? -1) < logStart);
    this.#newest = null;
  }

  close(): void {
    this.#handles.close();
  }

  #list(newest: bigint): void {
    this.#listed = indexFileNames(this.#disk, this.#files)
      .map((name) => ({ name: BigInt(name), path: indexFilePath(this.#files, name) }))
      .filter(({ name }) => name <= newest)
      .reverse();
    this.#newest = newest;
    const paths = new Set(this.#listed.map(({ path }) => path));
    this.#handles.dropWhere((path) => !paths.has(path));
    this.#heads = new Map([...this.#heads].filter(([path]) => paths.has(path)));
  }

  #openForHead(path: string): DiskFile | null {
    try {
      return openUnlessGone(this.#disk, path);
    } catch (error) {
      if (!isOutOfDescriptors(error) || this.#handles.size === 0) throw error;
    }
    this.#handles.shrink();
    return openUnlessGone(this.#disk, path);
  }

  /** Not by a file that stays open: it may be one that is about to be removed. */
  #readHead(path: string): IndexHeader | null {
    const file = this.#openForHead(path);
    if (file === null) return null;
    try {
      const head = new IndexFile(file, this.#files.shape).readHeader();
      this.#heads.set(path, head);
      return head;
    } finally {
      file.close();
    }
  }
}
