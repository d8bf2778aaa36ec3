/**
 * Where the files of a ConsumeQueue lie, and where its entries end. Used by the writer, the readers and recovery.
 *
 * Entry n of a queue is at byte n * 20 of the run of its files, each of which has its full size from the beginning; behind the last entry
 * there are zeros (spec/store.md 5).
 */
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { partition } from '../base/partition.ts';
import { asQueueOffset, type QueueOffset } from '../base/units.ts';
import { entryLogOffset, entrySize, QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { type Disk, type DiskFile, openUnlessGone } from './disk.ts';
import { fileNameOf } from './file-names.ts';
import { type FileRun, foundFiles } from './file-run.ts';
import type { StorePaths } from './store-paths.ts';

/** The folder of all queues and the size of each file in it. */
export interface QueueFiles {
  readonly root: string;
  readonly fileSizeBytes: number;
}

export function queueFilesOf(
  { consumeQueue }: StorePaths,
  { queueFileSizeBytes }: { readonly queueFileSizeBytes: number },
): QueueFiles {
  return { root: consumeQueue, fileSizeBytes: queueFileSizeBytes };
}

export function queueDirectory(root: string, topic: string, queueId: number): string {
  return join(root, topic, String(queueId));
}

export function queueFilePath(directory: string, startByte: number): string {
  return join(directory, fileNameOf(startByte));
}

/** Starts of the queue's files in order, those of foreign names left out. */
export function queueFileStarts(disk: Disk, directory: string): number[] {
  return foundFiles(disk, directory).flatMap(({ start, isFolder }) => (isFolder === true ? [] : start));
}

export interface QueueStop {
  readonly cleanStop: boolean;
  /** After a crash: entries of records from here on are built again. */
  readonly limit: number;
}

/** What a start asks of the files of a queue. */
export function queueRunOf(
  disk: Disk,
  { fileSizeBytes }: Pick<QueueFiles, 'fileSizeBytes'>,
  directory: string,
  { cleanStop, limit }: QueueStop,
): FileRun {
  const isBuiltAgain = (start: number): boolean => {
    const file = openUnlessGone(disk, queueFilePath(directory, start));
    if (file === null) return true;
    try {
      const probe = new EntryProbe(file);
      return !probe.load(0) || probe.logOffset >= limit;
    } finally {
      file.close();
    }
  };
  return {
    directory,
    sizeBytes: fileSizeBytes,
    setting: 'mappedFileSizeConsumeQueue',
    remedy: '`ringmq repair` builds the queue',
    cleanStop,
    wasFlushed: (_, behind) => !behind.every(isBuiltAgain),
  };
}

/** Of those that begin where a file of the size may. */
export function placedFileStarts(disk: Disk, directory: string, fileSizeBytes: number): number[] {
  return queueFileStarts(disk, directory).filter((start) => start % fileSizeBytes === 0);
}

/** Looks at single entries of one file through one small buffer. */
export class EntryProbe {
  readonly #file: DiskFile;
  readonly #bytes = new Uint8Array(QUEUE_ENTRY_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Loads entry `index` of the file; false when there is none: no entry has the size 0. */
  load(index: number): boolean {
    const read = this.#file.read(this.#bytes, 0, QUEUE_ENTRY_BYTES, index * QUEUE_ENTRY_BYTES);
    return read === QUEUE_ENTRY_BYTES && this.logOffset >= 0 && this.size > 0;
  }

  get logOffset(): number {
    return entryLogOffset(this.#view, 0);
  }

  get size(): number {
    return entrySize(this.#view, 0);
  }
}

/** Offset of the entry that the queue's next message gets: 0 for a queue without files. */
export function findQueueEnd(disk: Disk, directory: string, fileSizeBytes: number): QueueOffset {
  return endOfFiles(disk, directory, queueFileStarts(disk, directory), fileSizeBytes);
}

/** The same of the files that start at `starts`. */
export function endOfFiles(
  disk: Disk,
  directory: string,
  starts: readonly number[],
  fileSizeBytes: number,
): QueueOffset {
  assert(fileSizeBytes % QUEUE_ENTRY_BYTES === 0, 'a queue file holds whole entries');
  const perFile = fileSizeBytes / QUEUE_ENTRY_BYTES;
  for (let i = starts.length - 1; i >= 0; i--) {
    const start = starts[i]!;
    const file = disk.open(queueFilePath(directory, start), 'read');
    try {
      const probe = new EntryProbe(file);
      const entries = partition(0, perFile, (index) => probe.load(index));
      // A file without an entry was made just before the crash: the queue ends with the file before it.
      if (entries > 0 || i === 0) return asQueueOffset(start / QUEUE_ENTRY_BYTES + entries);
    } finally {
      file.close();
    }
  }
  return asQueueOffset(0);
}
