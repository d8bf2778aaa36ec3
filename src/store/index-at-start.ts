/**
 * The key index as a start finds it, before anything is changed: where it ends, what of it goes, and from where on it lacks messages. Part of
 * recovery.ts.
 */
import { counted } from '../base/counted.ts';
import { asLogOffset, type LogOffset } from '../base/units.ts';
import { INDEX_UNKNOWN, NO_INDEX_KEPT } from '../layout/checkpoint-file.ts';
import type { Disk } from './disk.ts';
import { type IndexFiles, indexFileNames, refuseFolders } from './index-files.ts';
import { findIndexCut, type IndexCut, type IndexRecoverySettings, indexEnd } from './index-recovery.ts';
import { isIndexKept, type LogAtStart, type StartPoint } from './log-at-start.ts';
import type { RecoveryLog } from './log-recovery.ts';
import { StoreTimes } from './offset-search.ts';
import type { StorePaths } from './store-paths.ts';

const EVERYTHING = asLogOffset(Number.MAX_SAFE_INTEGER);

/** The key index as a start leaves it. */
export interface FoundIndex {
  /** Null when nothing is cut. */
  readonly cut: IndexCut | null;
  /** Log offset of its newest message: -1 when it is empty. */
  readonly end: number;
  /** From here on messages may be missing in it; null when none is. */
  readonly from: LogOffset | null;
}

export class IndexAtStart {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #files: IndexFiles | null;
  readonly #logFound: LogAtStart;
  readonly #log: RecoveryLog;

  /** `files`: null where no index is to be kept. */
  constructor(
    disk: Disk,
    { index: directory }: StorePaths,
    files: IndexFiles | null,
    logFound: LogAtStart,
    log: RecoveryLog,
  ) {
    this.#disk = disk;
    this.#directory = directory;
    this.#files = files;
    this.#logFound = logFound;
    this.#log = log;
  }

  /** Null when none is kept. Throws for files of another size. */
  find(start: StartPoint): FoundIndex | null {
    const { isMissing, cleanStop, vouched } = this.#logFound;
    // The files go, also of an index that is not kept.
    if (isMissing) refuseFolders(this.#disk, { directory: this.#directory });
    if (this.#files === null) return null;
    if (isMissing) return { cut: null, end: -1, from: null };
    const isKept = isIndexKept(vouched);
    if (cleanStop && isKept) {
      const end = indexEnd(this.#disk, this.#files);
      // One that says less is damaged: what its file holds may not be what a new one would.
      if (end >= (vouched?.indexEnd ?? 0)) return { cut: null, end, from: this.#from(start, end) };
    }
    const limits = this.#settings(cleanStop ? EVERYTHING : start.limit);
    const isBelieved = isKept && !cleanStop;
    if (!isBelieved) this.#tellWholeRead(this.#files);
    const cut = findIndexCut(this.#disk, this.#files, isBelieved ? limits : { ...limits, believedTo: -1 });
    return { cut, end: cut.end, from: this.#from(start, cut.end) };
  }

  /** It takes a second for each few million messages, and nobody is served meanwhile. */
  #tellWholeRead(files: IndexFiles): void {
    const count = indexFileNames(this.#disk, files).length;
    if (count > 0) this.#log.info(`the key index may lack messages: ${counted(count, 'file')} to be read whole`);
  }

  /** After a stop in order, of an index that names records beyond the end of the log. */
  before(logEnd: LogOffset): FoundIndex {
    this.#log.warn(
      `the key index names records beyond the end of the log at ${logEnd}: these entries go, what is missing is put in again`,
    );
    const settings = { ...this.#settings(logEnd), believedTo: Number.POSITIVE_INFINITY };
    const cut = findIndexCut(this.#disk, this.#files!, settings);
    return { cut, end: cut.end, from: this.#logFound.behind(cut.end) };
  }

  #from({ limit, lookFrom }: StartPoint, end: number): LogOffset | null {
    const { cleanStop, vouched } = this.#logFound;
    const known = vouched?.indexEnd ?? INDEX_UNKNOWN;
    const isComplete = known >= -1 && end >= known;
    if (isComplete) return cleanStop ? null : limit;
    const behind = this.#logFound.behind(end);
    if (!cleanStop && behind < limit && !this.#logFound.hasRecordIn(behind, limit)) return limit;
    if (vouched !== null || behind < lookFrom) {
      this.#log.warn(`the key index lacks messages from ${behind} on: they are put in again`);
    }
    return cleanStop ? behind : asLogOffset(Math.min(behind, limit));
  }

  #settings(limit: LogOffset): IndexRecoverySettings {
    const times = new StoreTimes(this.#logFound.reader);
    return {
      limit,
      believedTo: this.#logFound.checkpoint.indexTimestamp,
      storeTimeAt: (logOffset) => times.at(logOffset),
    };
  }

  /** Its newest message before `limit`, as the checkpoint is to say it. */
  endBefore(index: FoundIndex | null, limit: LogOffset): number {
    if (index === null) return NO_INDEX_KEPT;
    if (index.end < limit) return index.end;
    const settings = { ...this.#settings(limit), believedTo: Number.POSITIVE_INFINITY };
    return findIndexCut(this.#disk, this.#files!, settings).end;
  }
}
