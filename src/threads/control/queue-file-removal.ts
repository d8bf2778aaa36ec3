/**
 * Deletes ConsumeQueue files whose messages are all gone (spec/store.md 5.7), but for the file of the newest of these: entries of deleted
 * records are durable, those behind them need not be, and after a crash the queue's offsets go on from what is left. Part of control, which
 * waits for the disk elsewhere than dispatch and the net threads. One file at a time and each durably, so that a loss of power leaves a row
 * of files without a hole.
 */
import type { Clock } from '../../base/clock.ts';
import { QUEUE_SLOTS_MAX } from '../../base/limits.ts';
import type { QueueSlot } from '../../base/units.ts';
import type { ControlLog } from '../../broker/control-ports.ts';
import { QUEUE_ENTRY_BYTES } from '../../layout/queue-entry.ts';
import { type Disk, DiskFailedError, isMissing } from '../../store/disk.ts';
import { fileStartOf } from '../../store/file-names.ts';
import { queueDirectory, queueFilePath, queueFileStarts } from '../../store/queue-files.ts';
import type { ControlEnds } from '../topology.ts';

const US_PER_MS = 1000;
const UNKNOWN = -1;

export interface QueueFileRemovalParts {
  readonly ends: Pick<ControlEnds, 'queueTable' | 'directory' | 'queueFilesDeleted'>;
  readonly disk: Disk;
  /** Folder of the ConsumeQueues. */
  readonly folder: string;
  readonly fileSizeBytes: number;
  /** `deleteConsumeQueueFilesInterval`. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: ControlLog;
  /** Asks for a turn: a file is gone. */
  readonly wake: () => void;
}

export class QueueFileRemoval {
  readonly #parts: QueueFileRemovalParts;
  /** Byte at which each queue's first file starts, as far as its folder was looked into. */
  readonly #firstFile = new Float64Array(QUEUE_SLOTS_MAX).fill(UNKNOWN);
  /** Queues that may have files to lose, in order. */
  readonly #waiting = new Set<QueueSlot>();
  /** Files of one queue that go now, the oldest first. */
  #paths: string[] = [];
  #deleted = 0;
  #slot: QueueSlot | null = null;
  #nextAtUs = 0;
  #isRemoving = false;
  #isFinished = false;
  #whenIdle: (() => void) | null = null;

  constructor(parts: QueueFileRemovalParts) {
    this.#parts = parts;
  }

  /** Forgets what was seen of the folders: they are looked into again. */
  lookAgain(): void {
    this.#firstFile.fill(UNKNOWN);
  }

  /** The queue begins at `min`. */
  consider(slot: QueueSlot, min: number): void {
    if (this.#isFinished) return;
    if (this.#firstKept(min) > Math.max(0, this.#firstFile[slot]!)) this.#waiting.add(slot);
  }

  /** Start of the file of the entry before `min`. */
  #firstKept(min: number): number {
    return fileStartOf(Math.max(0, min - 1) * QUEUE_ENTRY_BYTES, this.#parts.fileSizeBytes);
  }

  get isDone(): boolean {
    return !this.#isRemoving && this.#slot === null && this.#waiting.size === 0;
  }

  /** Returns 0 when nothing is to be done now. */
  doWork(): number {
    if (this.#isRemoving || this.isDone) return 0;
    if (this.#slot !== null) {
      this.#removeNext();
      return 1;
    }
    if (this.#parts.clock.monotonicUs() < this.#nextAtUs) return 0;
    const [slot] = this.#waiting;
    this.#waiting.delete(slot!);
    this.#begin(slot!);
    return 1;
  }

  dueInMs(): number {
    if (this.#isRemoving || this.isDone) return Number.POSITIVE_INFINITY;
    return Math.max(0, Math.ceil((this.#nextAtUs - this.#parts.clock.monotonicUs()) / US_PER_MS));
  }

  /** Nothing more goes; resolves when the file that is going is gone. */
  finish(): Promise<void> {
    this.#isFinished = true;
    this.#waiting.clear();
    this.#paths = [];
    if (!this.#isRemoving) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  #begin(slot: QueueSlot): void {
    const { ends, folder } = this.#parts;
    const { topic, queueId } = ends.directory.entry(slot);
    const directory = queueDirectory(folder, topic, queueId);
    const starts = this.#filesOf(directory);
    const firstKept = this.#firstKept(ends.queueTable.min(slot));
    const gone = starts.slice(0, -1).filter((start) => start < firstKept);
    this.#firstFile[slot] = starts[gone.length] ?? UNKNOWN;
    if (gone.length === 0) return;
    this.#slot = slot;
    this.#deleted = 0;
    this.#paths = gone.map((start) => queueFilePath(directory, start));
  }

  #filesOf(directory: string): number[] {
    try {
      return queueFileStarts(this.#parts.disk, directory);
    } catch (cause) {
      if (!(cause instanceof DiskFailedError)) throw cause;
      this.#parts.log.warn(`${directory} was not looked through for files to delete: ${cause.message}`);
      return [];
    }
  }

  #removeNext(): void {
    const path = this.#paths.shift();
    if (path === undefined) {
      this.#end();
      return;
    }
    this.#isRemoving = true;
    this.#parts.disk.unlinkAside(path, (failure) => {
      this.#isRemoving = false;
      if (failure === null || isMissing(failure)) this.#deleted++;
      else this.#failed(path, failure);
      this.#whenIdle?.();
      this.#parts.wake();
    });
  }

  /** Tried again when the log's start moves the next time, or somebody asks. */
  #failed(path: string, failure: Error): void {
    this.#parts.log.warn(`${path} could not be deleted and will be tried again: ${failure.message}`);
    this.#paths = [];
    this.#firstFile[this.#slot!] = UNKNOWN;
  }

  #end(): void {
    const { ends, log, clock, intervalMs, fileSizeBytes } = this.#parts;
    const slot = this.#slot!;
    this.#slot = null;
    if (this.#deleted === 0) return;
    this.#nextAtUs = clock.monotonicUs() + intervalMs * US_PER_MS;
    ends.queueFilesDeleted.advance(ends.queueFilesDeleted.read() + this.#deleted);
    const { topic, queueId } = ends.directory.entry(slot);
    const first = ends.queueTable.min(slot);
    log.info(
      `deleted ${this.#deleted} files of queue ${topic}/${queueId}, ${this.#deleted * fileSizeBytes} bytes: it begins at ${first}`,
    );
  }
}
