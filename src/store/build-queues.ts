/**
 * Builds queues again from the log, a slice at a time and several side by side: where an entry goes follows from its record, so slices need
 * not wait for each other. The broker's dispatch, which builds queues live, goes through the log in one thread at half the speed that a
 * repair is to have. The keys for the index are gathered on the way. Run by verify-task.ts for repair-store.ts, which has removed the old
 * files before and makes the new ones durable.
 */
import { QUEUE_HANDLES_READ_MAX } from '../base/limits.ts';
import { asLogOffset } from '../base/units.ts';
import { IndexedProperties, scanIndexed } from '../layout/message-properties.ts';
import { entryLogOffset, fillerEntries, QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { type Disk, type DiskFile, openSized, writeFully } from './disk.ts';
import { EntryAdder, type EntrySum } from './entry-sum.ts';
import { ExpectedEntries, type ExpectedQueue, type TagsCodeOf } from './expected-entries.ts';
import { fileStartOf } from './file-names.ts';
import { HandleCache } from './handle-cache.ts';
import { type KeyBatch, KeyGatherer } from './key-batch.ts';
import { LogReader } from './log-reader.ts';
import { type HealedTopic, LogScanner, Scanned } from './log-scanner.ts';
import { queueDirectory, queueFilePath } from './queue-files.ts';
import { queueName } from './queue-folders.ts';
import { logFilesOf, segmentEnd } from './segments.ts';
import type { StorePaths } from './store-paths.ts';
import type { StoreSizes } from './store-sizes.ts';

/** A queue to build: `first` is the queue offset of its first record in the log, which lies at `fromLogOffset`. */
export interface QueueToBuild {
  readonly topic: string;
  readonly queueId: number;
  readonly first: number;
  readonly fromLogOffset: number;
}

/** Records that begin in `[from, to)`; one begins at `from`, and all are whole. */
export interface BuildSlice {
  readonly from: number;
  readonly to: number;
  /** Topics of its records that are known to be others than these say. */
  readonly healed: readonly HealedTopic[];
}

export interface BuildContext {
  readonly paths: StorePaths;
  readonly sizes: StoreSizes;
  readonly batchTopics: ReadonlySet<string>;
  readonly tagsCodeOf: TagsCodeOf;
}

export interface BuiltSlice {
  readonly records: number;
  readonly parts: readonly BuiltPart[];
  /** Null where nobody has asked for them. */
  readonly keys: KeyBatch | null;
}

/** What a slice has written of a queue. */
export interface BuiltPart {
  readonly topic: string;
  readonly queueId: number;
  readonly entries: EntrySum;
}

export function buildQueues(
  disk: Disk,
  context: BuildContext,
  slice: BuildSlice,
  queues: readonly QueueToBuild[],
  withKeys: boolean,
): BuiltSlice {
  const { paths, sizes, batchTopics, tagsCodeOf } = context;
  const reader = new LogReader(disk, logFilesOf(paths, sizes));
  const files = new QueueFileWriter(disk, paths.consumeQueue, sizes.queueFileSizeBytes);
  const wanted = new Map(queues.map((queue) => [queueName(queue), queue]));
  const take = (expected: ExpectedQueue): void => {
    const queue = wanted.get(queueName(expected));
    if (queue !== undefined) files.write(expected, queue.fromLogOffset);
  };
  const entries = new ExpectedEntries(batchTopics, tagsCodeOf, take, () => {});
  const properties = new IndexedProperties();
  const keys = withKeys ? new KeyGatherer() : null;
  const healed = new Map(slice.healed.map(({ at, topic }) => [at, topic]));
  const scanner = new LogScanner(reader, false);
  let records = 0;
  try {
    scanner.begin(asLogOffset(slice.from), segmentEnd(reader.files, slice.from));
    while (scanner.nextPosition < slice.to && scanner.next() === Scanned.record && scanner.position < slice.to) {
      records++;
      const topic = healed.size > 0 ? healed.get(scanner.position) : undefined;
      if (topic !== undefined) scanner.healTopic(topic);
      if (!scanner.isTopicWhole()) continue;
      const { propertiesStart, propertiesLength } = scanner.cursor;
      scanIndexed(scanner.bytes, propertiesStart, propertiesStart + propertiesLength, properties);
      entries.add(scanner, properties);
      keys?.add(scanner, properties);
    }
    entries.finish();
    return { records, parts: files.parts(), keys: keys?.batch() ?? null };
  } finally {
    files.close();
    reader.close();
  }
}

/** Writes entries where they belong; makes files that are not there. Another thread may make the same ones at the same time. */
class QueueFileWriter {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #fileSize: number;
  readonly #handles: HandleCache<string>;
  readonly #sums = new Map<ExpectedQueue, EntryAdder>();

  constructor(disk: Disk, root: string, fileSizeBytes: number) {
    this.#disk = disk;
    this.#root = root;
    this.#fileSize = fileSizeBytes;
    this.#handles = new HandleCache<string>(disk, 'create', QUEUE_HANDLES_READ_MAX, (path) => path);
  }

  /** Entries of records before `fromLogOffset` are of a queue that was deleted, and are left out. */
  write(queue: ExpectedQueue, fromLogOffset: number): void {
    const { topic, queueId, runFirst, count, entries, view } = queue;
    let skipped = 0;
    while (skipped < count && entryLogOffset(view, skipped * QUEUE_ENTRY_BYTES) < fromLogOffset) skipped++;
    const directory = queueDirectory(this.#root, topic, queueId);
    const end = (runFirst + count) * QUEUE_ENTRY_BYTES;
    for (let byte = (runFirst + skipped) * QUEUE_ENTRY_BYTES; byte < end; ) {
      const start = fileStartOf(byte, this.#fileSize);
      const length = Math.min(end, start + this.#fileSize) - byte;
      writeFully(this.#file(directory, start), entries, byte - runFirst * QUEUE_ENTRY_BYTES, length, byte - start);
      byte += length;
    }
    const sum = this.#sumOf(queue);
    for (let i = skipped; i < count; i++) sum.addQueueEntry(view, i * QUEUE_ENTRY_BYTES, runFirst + i);
  }

  parts(): BuiltPart[] {
    return [...this.#sums].map(([{ topic, queueId }, { count, sum }]) => ({ topic, queueId, entries: { count, sum } }));
  }

  #sumOf(queue: ExpectedQueue): EntryAdder {
    const known = this.#sums.get(queue);
    if (known !== undefined) return known;
    const sum = new EntryAdder();
    this.#sums.set(queue, sum);
    return sum;
  }

  close(): void {
    this.#handles.close();
  }

  #file(directory: string, start: number): DiskFile {
    const path = queueFilePath(directory, start);
    return this.#handles.getOrMake(path, () => makeQueueFile(this.#disk, directory, path, this.#fileSize));
  }
}

function makeQueueFile(disk: Disk, directory: string, path: string, sizeBytes: number): DiskFile {
  disk.makeDirectory(directory);
  return openSized(disk, path, 'create', sizeBytes);
}

/** What stands before the first entry of a queue that does not begin at the start of a file (spec/store.md 5.2). */
export function fillBefore(
  disk: Disk,
  root: string,
  fileSizeBytes: number,
  { topic, queueId, first }: QueueToBuild,
): void {
  const firstByte = first * QUEUE_ENTRY_BYTES;
  const start = fileStartOf(firstByte, fileSizeBytes);
  if (firstByte === start) return;
  const directory = queueDirectory(root, topic, queueId);
  const filler = fillerEntries((firstByte - start) / QUEUE_ENTRY_BYTES);
  const file = makeQueueFile(disk, directory, queueFilePath(directory, start), fileSizeBytes);
  try {
    writeFully(file, filler, 0, filler.length, 0);
  } finally {
    file.close();
  }
}
