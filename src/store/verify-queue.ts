/**
 * Checks what the log cannot say of a queue: its files, and the entries before and behind those of the records in the log. Called by
 * verify-task.ts when the whole log was looked through.
 */
import { join } from 'node:path';
import { entryLogOffset, entrySize, FILLER_ENTRY_SIZE, QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { type Disk, type DiskFile, openUnlessGone } from './disk.ts';
import { EntryAdder, type EntrySum } from './entry-sum.ts';
import { fileNameOf, startByteOf } from './file-names.ts';
import { foundFiles, type JudgedRun, judgeRun } from './file-run.ts';
import { type QueueStop, queueRunOf } from './queue-files.ts';
import type { QueueFolder } from './queue-folders.ts';

/** A queue and where its records begin and end in the log: offsets of the queue, both -1 when the log has none of it. */
export interface QueueToCheck extends QueueFolder {
  readonly first: number;
  readonly next: number;
  /** Whether the entries from `first` to `next` are added up. */
  readonly isSummed: boolean;
  /** Its entries are passed over: nothing of them can be told. */
  readonly isLight: boolean;
}

/** The stop is as a start has it, which does with the files what is told of them. */
export interface QueueContext extends QueueStop {
  readonly fileSizeBytes: number;
  readonly logStart: number;
  readonly logEnd: number;
  /** Log offsets of records that say another queue than their own: a start may have taken them for that one's. */
  readonly healed: ReadonlySet<number>;
}

export interface UnclaimedEntry {
  readonly queueOffset: number;
  readonly logOffset: number;
}

export interface QueueResult {
  readonly queue: QueueToCheck;
  readonly files: JudgedRun;
  readonly strangers: readonly string[];
  /** Entries, before those of the log, that name deleted records; that name records in the log, which are not this queue's. */
  readonly deleted: number;
  readonly stray: number;
  readonly firstStray: number;
  /** Entries behind those of the log. */
  readonly ahead: number;
  readonly firstAhead: number;
  /** Places of the first of all these, which no record of this queue stands behind, and the log offsets that they name. */
  readonly unclaimed: readonly UnclaimedEntry[];
  /** Behind the last entry something is not zero: offset in the queue; -1 when all is. */
  readonly tailAt: number;
  /** Of the entries of records in the log; of none where that is not asked for. */
  readonly entries: EntrySum;
}

const CHUNK_ENTRIES = 3200;
const UNCLAIMED_KEPT = 100;
const ZEROS = Buffer.alloc(CHUNK_ENTRIES * QUEUE_ENTRY_BYTES);
/** So far behind the last entry is looked: thousands of queues have gigabytes of zeros there. */
const TAIL_ENTRIES = CHUNK_ENTRIES;

export function verifyQueue(disk: Disk, context: QueueContext, queue: QueueToCheck): QueueResult {
  return new QueueCheck(disk, context, queue).run();
}

class QueueCheck {
  readonly #disk: Disk;
  readonly #context: QueueContext;
  readonly #queue: QueueToCheck;
  readonly #bytes = Buffer.alloc(CHUNK_ENTRIES * QUEUE_ENTRY_BYTES);
  readonly #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
  readonly #sum = new EntryAdder();
  #deleted = 0;
  #stray = 0;
  #firstStray = -1;
  #ahead = 0;
  #firstAhead = -1;
  readonly #unclaimed: UnclaimedEntry[] = [];
  #tailAt = -1;
  #isBehindEnd = false;

  constructor(disk: Disk, context: QueueContext, queue: QueueToCheck) {
    this.#disk = disk;
    this.#context = context;
    this.#queue = queue;
  }

  run(): QueueResult {
    const { directory, isLight } = this.#queue;
    const files = judgeRun(
      foundFiles(this.#disk, directory),
      queueRunOf(this.#disk, this.#context, directory, this.#context),
    );
    if (!isLight) for (const start of [...files.starts, ...files.torn]) this.#checkFile(start);
    const strangers = this.#disk.list(directory).filter((name) => startByteOf(name) < 0);
    return {
      queue: this.#queue,
      files,
      strangers: strangers.map((name) => join(directory, name)),
      deleted: this.#deleted,
      stray: this.#stray,
      firstStray: this.#firstStray,
      ahead: this.#ahead,
      firstAhead: this.#firstAhead,
      unclaimed: this.#unclaimed,
      tailAt: this.#tailAt,
      entries: { count: this.#sum.count, sum: this.#sum.sum },
    };
  }

  /** The entries of the log's own records were compared before: they are passed over. */
  #checkFile(start: number): void {
    const { first, next, directory, isSummed } = this.#queue;
    const firstOffset = start / QUEUE_ENTRY_BYTES;
    const places = this.#context.fileSizeBytes / QUEUE_ENTRY_BYTES;
    const within = (offset: number): number => Math.min(Math.max(0, offset - firstOffset), places);
    const file = openUnlessGone(this.#disk, join(directory, fileNameOf(start)));
    if (file === null) return;
    try {
      this.#walk(file, firstOffset, 0, first < 0 ? places : within(first));
      if (isSummed) this.#addUp(file, firstOffset, within(first), within(next));
      if (next >= 0) this.#walk(file, firstOffset, within(next), Math.min(places, within(next) + TAIL_ENTRIES));
    } finally {
      file.close();
    }
  }

  /** Looks at the places from `from` to `to` of a file. Zeros up to the end of what is read are passed over: nearly every file ends so. */
  #walk(file: DiskFile, firstOffset: number, from: number, to: number): void {
    for (let chunk = from; chunk < to; chunk += CHUNK_ENTRIES) {
      const count = Math.min(CHUNK_ENTRIES, to - chunk);
      const read = file.read(this.#bytes, 0, count * QUEUE_ENTRY_BYTES, chunk * QUEUE_ENTRY_BYTES);
      for (let i = 0; (i + 1) * QUEUE_ENTRY_BYTES <= read; i++) {
        const at = i * QUEUE_ENTRY_BYTES;
        if (this.#bytes.compare(ZEROS, 0, read - at, at, read) === 0) {
          this.#isBehindEnd ||= firstOffset + chunk + i >= this.#queue.next;
          break;
        }
        this.#take(firstOffset + chunk + i, entryLogOffset(this.#view, at), entrySize(this.#view, at));
      }
    }
  }

  #addUp(file: DiskFile, firstOffset: number, from: number, to: number): void {
    for (let chunk = from; chunk < to; chunk += CHUNK_ENTRIES) {
      const length = Math.min(CHUNK_ENTRIES, to - chunk) * QUEUE_ENTRY_BYTES;
      const read = file.read(this.#bytes, 0, length, chunk * QUEUE_ENTRY_BYTES);
      for (let i = 0; (i + 1) * QUEUE_ENTRY_BYTES <= read; i++)
        this.#sum.addQueueEntry(this.#view, i * QUEUE_ENTRY_BYTES, firstOffset + chunk + i);
    }
  }

  #take(offset: number, logOffset: number, size: number): void {
    const { next } = this.#queue;
    const isEntry = logOffset >= 0 && size > 0;
    if (next >= 0 && offset >= next) this.#takeBehind(offset, logOffset, isEntry);
    else if (!isEntry || (size === FILLER_ENTRY_SIZE && logOffset === 0)) return;
    else if (this.#context.healed.has(logOffset)) return;
    else if (logOffset < this.#context.logStart) this.#deleted++;
    else if (next < 0 && logOffset >= this.#context.logEnd) this.#takeBehind(offset, logOffset, true);
    else {
      if (this.#stray++ === 0) this.#firstStray = offset;
      this.#disown(offset, logOffset);
    }
  }

  #takeBehind(offset: number, logOffset: number, isEntry: boolean): void {
    if (isEntry && !this.#isBehindEnd) {
      if (this.#ahead++ === 0) this.#firstAhead = offset;
      this.#disown(offset, logOffset);
    } else {
      this.#isBehindEnd = true;
      if (this.#tailAt < 0) this.#tailAt = offset;
    }
  }

  #disown(queueOffset: number, logOffset: number): void {
    if (this.#unclaimed.length < UNCLAIMED_KEPT) this.#unclaimed.push({ queueOffset, logOffset });
  }
}
