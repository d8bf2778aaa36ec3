/**
 * What control does for the store while it is open: old segments of the log go, queues and index follow, files that are gone are closed, and the
 * disks are watched. Opened with control, runs in its turns.
 */
import type { CleaningPort, ControlLog } from '../../broker/control-ports.ts';
import { readVouched } from '../../store/checkpoint.ts';
import type { ConsumeQueueReader } from '../../store/consume-queue.ts';
import type { IndexReader } from '../../store/index-reader.ts';
import type { LogReader } from '../../store/log-reader.ts';
import { StoreTimes } from '../../store/offset-search.ts';
import { DeletedFiles } from '../deleted-files.ts';
import type { ControlEnds } from '../topology.ts';
import type { WorkerContext } from '../worker-context.ts';
import { diskFigures } from './disk-figures.ts';
import type { EntryReads } from './entry-reads.ts';
import { IndexExpiry } from './index-expiry.ts';
import { LogRetention } from './log-retention.ts';
import { QueueFileRemoval } from './queue-file-removal.ts';
import { QueueTrimming } from './queue-trimming.ts';

/** Control's readers. */
export interface StoreReaders {
  readonly log: LogReader;
  readonly queueFiles: ConsumeQueueReader;
  readonly entries: EntryReads;
  /** Null without a key index. */
  readonly index: IndexReader | null;
}

export class StoreUpkeep implements CleaningPort {
  readonly #context: WorkerContext;
  readonly #ends: ControlEnds;
  readonly #times: StoreTimes;
  readonly #retention: LogRetention;
  readonly #trimming: QueueTrimming;
  readonly #removal: QueueFileRemoval;
  /** Null without a key index. */
  readonly #index: IndexExpiry | null;
  readonly #deleted: DeletedFiles;

  constructor(context: WorkerContext, ends: ControlEnds, readers: StoreReaders, log: ControlLog) {
    const { disk, paths, settings, clock, wake, logFiles, indexFiles } = context;
    this.#context = context;
    this.#ends = ends;
    this.#times = new StoreTimes(readers.log);
    this.#retention = new LogRetention({
      ends,
      disk,
      files: logFiles,
      queuesFolder: paths.consumeQueue,
      root: paths.root,
      settings,
      clock,
      log,
      filedTo: () => readVouched(disk, paths.checkpoint)?.filedTo ?? null,
      storeTime: (logOffset) => this.#times.at(logOffset),
      wake,
    });
    this.#removal = new QueueFileRemoval({
      ends,
      disk,
      folder: paths.consumeQueue,
      fileSizeBytes: settings.mappedFileSizeConsumeQueue,
      intervalMs: settings.deleteConsumeQueueFilesInterval,
      clock,
      log,
      wake,
    });
    this.#trimming = new QueueTrimming({ ends, entries: readers.entries, removal: this.#removal, clock, log });
    const { index: reader } = readers;
    const isIndexed = indexFiles !== null && reader !== null;
    this.#index = isIndexed ? new IndexExpiry({ ends, disk, files: indexFiles, reader, log, wake }) : null;
    this.#deleted = new DeletedFiles(ends, readers.log, readers.queueFiles);
  }

  doWork(): number {
    this.#deleted.look(this.#context.clock.monotonicUs());
    return this.#retention.doWork() + this.#trimming.doWork() + this.#removal.doWork() + (this.#index?.doWork() ?? 0);
  }

  dueInMs(): number {
    const index = this.#index?.dueInMs() ?? Number.POSITIVE_INFINITY;
    return Math.min(this.#retention.dueInMs(), this.#trimming.dueInMs(), this.#removal.dueInMs(), index);
  }

  deleteExpiredFiles(): void {
    this.#retention.deleteNow();
    this.#context.wake();
  }

  cleanQueues(): void {
    this.#trimming.cleanNow();
    this.#context.wake();
  }

  /** For request 28. */
  figures(): Record<string, string> {
    const { disk, logFiles, log } = this.#context;
    const earliest = this.#times.at(this.#ends.logStart.read());
    return {
      earliestMessageTimeStamp: String(earliest),
      ...diskFigures(disk, logFiles.directory, this.#retention, log),
    };
  }

  /** Before the store is given up: resolves when no file is on its way out. */
  async finish(): Promise<void> {
    await Promise.all([this.#retention.finish(), this.#removal.finish(), this.#index?.finish()]);
  }
}
