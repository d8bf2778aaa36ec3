/**
 * Deletes the segments of the log that are not kept any longer, and watches how full the disks are (spec/store.md 15). Part of control:
 * runs in its turns, and lets go of its thread while a file is being removed.
 *
 * The order keeps readers and the next start right: first `logStart` moves beyond the segment, so that nobody looks for it; then its name
 * goes; then its folder is synced, before the name of the next one goes. So whatever is left after a loss of power is one row of files.
 */
import type { Clock } from '../../base/clock.ts';
import { asLogOffset } from '../../base/units.ts';
import type { ControlLog } from '../../broker/control-ports.ts';
import { type Disk, DiskFailedError, isMissing } from '../../store/disk.ts';
import { fileNameOf, startByteOf } from '../../store/file-names.ts';
import {
  type DiskLevel,
  decideRetention,
  levelOf,
  type RetentionDecision,
  type RetentionSettings,
  usedPercent,
  worseLevel,
} from '../../store/retention.ts';
import { type CommitLogFiles, segmentPath } from '../../store/segments.ts';
import type { ControlEnds } from '../topology.ts';

/** Upstream's: a broker that has just started has better things to do. */
const FIRST_LOOK_US = 60_000_000;
/** Looks that follow a request to delete, as upstream has it: one batch may not be enough. */
const MANUAL_RUNS = 20;
const US_PER_MS = 1000;
const HOUR_MS = 3_600_000;

export interface LogRetentionSettings extends RetentionSettings {
  readonly cleanResourceInterval: number;
  readonly deleteCommitLogFilesInterval: number;
}

export interface LogRetentionParts {
  readonly ends: Pick<ControlEnds, 'page' | 'logStart' | 'flushed' | 'queuesSyncedAt' | 'queuesSyncedTo'>;
  readonly disk: Disk;
  readonly files: CommitLogFiles;
  /** Folder of the ConsumeQueues, which may lie on another disk. */
  readonly queuesFolder: string;
  /** Folder that both are in when they are not there yet. */
  readonly root: string;
  readonly settings: LogRetentionSettings;
  readonly clock: Clock;
  readonly log: ControlLog;
  /** Up to here the checkpoint says that all is durable, in the log and in every queue; null when RingMQ has not written it. */
  readonly filedTo: () => number | null;
  /** Store time of the record at a log offset, -1 when there is none. */
  readonly storeTime: (logOffset: number) => number;
  /** Asks for a turn: a file is gone. */
  readonly wake: () => void;
}

/** Percents used; -1 where the system does not say. */
export interface DiskPercents {
  readonly log: number;
  readonly queues: number;
}

/** A file that is going. */
interface Removal {
  readonly start: number;
  readonly why: string;
}

export class LogRetention {
  readonly #parts: LogRetentionParts;
  #lookAtUs: number;
  #manualRuns = 0;
  #level: DiskLevel = 'normal';
  /** The last look found too little room and nothing to delete. */
  #isStuck = false;
  /** To be deleted, one at a time. */
  #due: Removal[] = [];
  #nextAtUs = 0;
  #isRemoving = false;
  #whenIdle: (() => void) | null = null;

  constructor(parts: LogRetentionParts) {
    this.#parts = parts;
    this.#lookAtUs = parts.clock.monotonicUs() + FIRST_LOOK_US;
  }

  get level(): DiskLevel {
    return this.#level;
  }

  /** An operator wants what has expired to go, whatever the hour: at once, and a few more times. */
  deleteNow(): void {
    this.#manualRuns = MANUAL_RUNS;
    this.#lookAtUs = this.#parts.clock.monotonicUs();
  }

  /** Returns 0 when there is nothing to do now. */
  doWork(): number {
    if (this.#isRemoving) return 0;
    const nowUs = this.#parts.clock.monotonicUs();
    if (this.#due.length > 0) {
      if (nowUs < this.#nextAtUs) return 0;
      this.#remove(this.#due.shift()!);
      return 1;
    }
    if (nowUs < this.#lookAtUs) return 0;
    this.#lookAtUs = nowUs + this.#parts.settings.cleanResourceInterval * US_PER_MS;
    this.#look();
    return 1;
  }

  dueInMs(): number {
    if (this.#isRemoving) return Number.POSITIVE_INFINITY;
    const dueUs = this.#due.length > 0 ? this.#nextAtUs : this.#lookAtUs;
    return Math.max(0, Math.ceil((dueUs - this.#parts.clock.monotonicUs()) / US_PER_MS));
  }

  /** Nothing more goes; resolves when the file that is going is gone: the next owner of the store shall not meet half of that. */
  finish(): Promise<void> {
    this.#due = [];
    this.#lookAtUs = Number.POSITIVE_INFINITY;
    if (!this.#isRemoving) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /** What the system says of the disks now. */
  percents(): DiskPercents {
    const { disk, files, queuesFolder, root } = this.#parts;
    const percentOf = (path: string): number => usedPercent(disk.usage(path) ?? disk.usage(root));
    return { log: percentOf(files.directory), queues: percentOf(queuesFolder) };
  }

  /** What the disk refuses is tried again at the next look: nothing depends on it but room. */
  #look(): void {
    try {
      const percents = this.percents();
      this.#setLevel(percents);
      this.#decide(percents);
    } catch (cause) {
      if (!(cause instanceof DiskFailedError)) throw cause;
      this.#parts.log.warn(`the log was not looked through for files to delete: ${cause.message}`);
    }
  }

  #setLevel(percents: DiskPercents): void {
    const { settings, log, ends } = this.#parts;
    const before = this.#level;
    const level = worseLevel(levelOf(percents.log, settings), levelOf(percents.queues, settings));
    this.#level = level;
    ends.page.status.setDiskFull(level === 'refuse' ? percents : null);
    if (level === before) return;
    const line = `the disk is ${percents.log} % full under the log, ${percents.queues} % under the queues: ${meaningOf(level, settings)}`;
    if (worseLevel(level, before) === level) log.warn(line);
    else log.info(line);
  }

  #decide(percents: DiskPercents): void {
    const { disk, files, settings, clock, ends, log } = this.#parts;
    const logStart = ends.logStart.read();
    const starts = disk
      .list(files.directory)
      .map(startByteOf)
      .filter((start) => start >= 0);
    // Files that the disk has refused to remove before: nobody reads them any more.
    const left = starts.filter((start) => start < logStart);
    this.#due = left.map((start) => ({ start, why: 'it could not be deleted before' }));
    const nowMs = clock.nowMs();
    const look = { nowMs, hour: new Date(nowMs).getHours(), level: this.#level, manualRuns: this.#manualRuns };
    const retained = {
      starts: starts.slice(left.length),
      modifiedMs: (start: number) => disk.stat(segmentPath(files, start))?.modifiedMs ?? nowMs,
      mayGo: (start: number) => this.#keptFor(start) === null,
    };
    const decision = decideRetention(retained, settings, look);
    if (this.#manualRuns > 0) this.#manualRuns--;
    if (decision === null) return;
    for (const start of decision.starts) {
      const hours = Math.floor((nowMs - retained.modifiedMs(start)) / HOUR_MS);
      this.#due.push({ start, why: `written ${hours} h ago, ${reasonOf(decision, settings, percents)}` });
    }
    const isStuck = decision.cause === 'space' && decision.starts.length === 0;
    if (isStuck && !this.#isStuck) {
      const full = Math.max(percents.log, percents.queues);
      log.warn(`the disk is ${full} % full and no file of the log can be deleted: ${this.#keptText(retained.starts)}`);
    }
    this.#isStuck = isStuck;
  }

  /**
   * Returns why a segment may not go, null when it may.
   *
   * What is not in the files of every queue, and durable there, is built from the log after a crash: without it a queue would have a gap.
   * A start builds it from where the checkpoint says; one that Apache's broker has written names a store time, and then all queues have
   * to be durable up to a later one than that of the first record behind the segment. Flushed it has to be, too: flush opens by name
   * what it syncs. And some record has to follow, so that the log is not without one.
   */
  #keptFor(start: number): string | null {
    const { ends, files, storeTime, filedTo } = this.#parts;
    const end = start + files.segmentSizeBytes;
    if (end > ends.flushed.read()) return 'it is written to, or not flushed';
    const nextTime = storeTime(asLogOffset(end));
    if (nextTime < 0) return `no record lies at ${end}, behind it`;
    const durableTo = filedTo();
    const isVouched = durableTo !== null && durableTo >= ends.logStart.read();
    const isNamed = end <= ends.queuesSyncedTo.read() && nextTime < ends.queuesSyncedAt.read();
    const areQueuesDurable = isVouched ? end <= durableTo : isNamed;
    return areQueuesDurable ? null : 'its messages are not yet on the disk in all queues';
  }

  /** Why the oldest file stays, for a disk that has no room. */
  #keptText([oldest]: readonly number[]): string {
    if (oldest === undefined) return 'there is none';
    return `${fileNameOf(oldest)}: ${this.#keptFor(oldest) ?? 'it is the newest, or has not expired'}`;
  }

  #remove({ start, why }: Removal): void {
    const { ends, files, disk } = this.#parts;
    const end = start + files.segmentSizeBytes;
    if (ends.logStart.read() < end) ends.logStart.advance(end);
    this.#isRemoving = true;
    disk.unlinkAside(segmentPath(files, start), (failure) => this.#removed(start, why, failure));
  }

  #removed(start: number, why: string, failure: Error | null): void {
    const { ends, files, log, clock, settings, wake } = this.#parts;
    this.#isRemoving = false;
    this.#nextAtUs = clock.monotonicUs() + settings.deleteCommitLogFilesInterval * US_PER_MS;
    const name = fileNameOf(start);
    if (failure === null || isMissing(failure)) {
      ends.page.add('segmentsDeleted', 1);
      const begins = `the log begins at ${ends.logStart.read()}`;
      log.info(`deleted ${name} of the log, ${files.segmentSizeBytes} bytes (${why}): ${begins}`);
    } else {
      // Those behind it have to wait: without it they would be a row with a hole.
      this.#due = [];
      log.warn(`${name} of the log could not be deleted and will be tried again: ${failure.message}`);
    }
    this.#whenIdle?.();
    wake();
  }
}

function meaningOf(level: DiskLevel, settings: RetentionSettings): string {
  switch (level) {
    case 'refuse':
      return `more than diskSpaceWarningLevelRatio = ${settings.diskSpaceWarningLevelRatio}, sends are refused${forcedText(settings)}`;
    case 'clean':
      return `more than diskSpaceCleanForciblyRatio = ${settings.diskSpaceCleanForciblyRatio}${forcedText(settings)}`;
    case 'warn':
      return `more than diskMaxUsedSpaceRatio = ${settings.diskMaxUsedSpaceRatio}, files that have expired are deleted at any hour`;
    case 'normal':
      return 'there is room again';
  }
}

function forcedText({ cleanFileForciblyEnable }: RetentionSettings): string {
  return cleanFileForciblyEnable
    ? ', the oldest files are deleted whether they have expired or not'
    : ', files that have expired are deleted (cleanFileForciblyEnable is false)';
}

function reasonOf({ cause, isForced }: RetentionDecision, settings: RetentionSettings, percents: DiskPercents): string {
  const full = `the disk is ${Math.max(percents.log, percents.queues)} % full`;
  if (isForced) return `${full}, more than diskSpaceCleanForciblyRatio = ${settings.diskSpaceCleanForciblyRatio}`;
  const expired = `kept for fileReservedTime = ${settings.fileReservedTime} h`;
  if (cause === 'space') return `${expired}, ${full}`;
  return cause === 'manual' ? `${expired}, asked for` : `${expired}, deleteWhen = ${settings.deleteWhen}`;
}
