/**
 * Deletes files of the key index whose messages are all gone, never the newest (spec/store.md 9.5). Follows the log's start; part of
 * control, so that neither dispatch nor queries wait for a file of 420 MB to go.
 */
import type { ControlLog } from '../../broker/control-ports.ts';
import { type Disk, DiskFailedError, isMissing } from '../../store/disk.ts';
import { IndexFile } from '../../store/index-file.ts';
import { type IndexFiles, indexFileNames, indexFilePath } from '../../store/index-files.ts';
import type { IndexReader } from '../../store/index-reader.ts';
import type { ControlEnds } from '../topology.ts';

export interface IndexExpiryParts {
  readonly ends: Pick<ControlEnds, 'logStart'>;
  readonly disk: Disk;
  readonly files: IndexFiles;
  /** Has files open for queries. */
  readonly reader: Pick<IndexReader, 'dropBelow'>;
  readonly log: ControlLog;
  /** Asks for a turn: a file is gone. */
  readonly wake: () => void;
}

export class IndexExpiry {
  readonly #parts: IndexExpiryParts;
  /** For this start of the log all files that can go are gone. */
  #doneFor = -1;
  #isRemoving = false;
  #whenIdle: (() => void) | null = null;

  constructor(parts: IndexExpiryParts) {
    this.#parts = parts;
  }

  /** Returns 0 when there is nothing to do now. */
  doWork(): number {
    const logStart = this.#parts.ends.logStart.read();
    if (this.#isRemoving || logStart <= this.#doneFor) return 0;
    this.#parts.reader.dropBelow(logStart);
    try {
      const name = this.#oldestGone(logStart);
      if (name === null) this.#doneFor = logStart;
      else this.#remove(name, logStart);
    } catch (cause) {
      if (!(cause instanceof DiskFailedError)) throw cause;
      this.#doneFor = logStart;
      this.#parts.log.warn(`the key index was not looked through for files to delete: ${cause.message}`);
    }
    return 1;
  }

  dueInMs(): number {
    const isDone = this.#isRemoving || this.#parts.ends.logStart.read() <= this.#doneFor;
    return isDone ? Number.POSITIVE_INFINITY : 0;
  }

  /** Nothing more goes; resolves when the file that is going is gone. */
  finish(): Promise<void> {
    this.#doneFor = Number.POSITIVE_INFINITY;
    if (!this.#isRemoving) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /** Name of the oldest file, if all of its messages are gone and it is not the newest too. */
  #oldestGone(logStart: number): string | null {
    const { disk, files } = this.#parts;
    const [oldest, ...newer] = indexFileNames(disk, files);
    if (oldest === undefined || newer.length === 0) return null;
    const file = IndexFile.open(disk, indexFilePath(files, oldest), files.shape, 'read');
    try {
      return file.readHeader().endLogOffset < logStart ? oldest : null;
    } finally {
      file.close();
    }
  }

  #remove(name: string, logStart: number): void {
    const { disk, files, log, wake } = this.#parts;
    const path = indexFilePath(files, name);
    this.#isRemoving = true;
    disk.unlinkAside(path, (failure) => {
      this.#isRemoving = false;
      if (failure === null || isMissing(failure)) {
        log.info(`deleted ${name} of the key index: its messages are gone, the log begins at ${logStart}`);
      } else {
        // Tried again when the log's start moves the next time.
        this.#doneFor = Math.max(this.#doneFor, logStart);
        log.warn(`${path} could not be deleted and will be tried again: ${failure.message}`);
      }
      this.#whenIdle?.();
      wake();
    });
  }
}
