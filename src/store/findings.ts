/**
 * What `ringmq verify` can find, what each means, and a list that stays short whatever the store looks like. Written by the verify-*.ts
 * files, printed by the command line, and listed in docs/operations.md, which a test compares.
 */
import { basename } from 'node:path';
import { LOST_AND_FOUND } from './file-names.ts';

/**
 * What an operator should do. `nothing`: it is harmless, or the next start puts it right. `move`: no start and no repair goes on as long as it
 * is there.
 */
export type Advice = 'nothing' | 'repair' | 'restore' | 'settings' | 'move';

export const FINDING_KINDS = {
  'log-missing': {
    means: 'There is no log, but queues, or a checkpoint that tells of one',
    todo: 'put the log back before a broker is started: RingMQ refuses where the checkpoint tells of a log, else it removes the queues, as Apache does always',
  },
  'segment-size': {
    means: 'A file of the log has another size than the rest',
    todo: 'restore it; the newest one after a crash grows by itself',
  },
  'size-guessed': {
    means: 'The files of the log, or of the queues, do not tell for sure of which size they are to be',
    todo: 'give mappedFileSizeCommitLog and mappedFileSizeConsumeQueue with --set, or -c: repair changes nothing by a guess',
  },
  'segment-missing': {
    means: 'Between two files of the log one is missing',
    todo: 'restore it: no broker starts like that, unless nobody knows that something of what lies behind was flushed',
  },
  'segments-gone': {
    means: 'The log begins later than when the broker was stopped in order: its oldest files are missing',
    todo: 'put them back before a broker is started. Where somebody has removed them to make room nothing: the next start goes on without them, and they are not told of again',
  },
  'filler-wrong': {
    means: 'The filler at the end of a file of the log does not say the size that it has',
    todo: 'repair writes the right size',
  },
  'record-damaged': {
    means:
      'A body does not have its checksum, a topic or properties are not whole, or a record says a topic that is not its own',
    todo: 'restore the file from a copy. Repair leaves the record as it is, or cuts the log there with --cut-at',
  },
  'record-offset': {
    means: 'The offsets of the records of a queue are not in a row',
    todo: 'restore the log: the queue cannot be built from it',
  },
  'log-foreign': {
    means: 'The log begins with what is no record of Apache RocketMQ, or one in another byte order',
    todo: 'put the file back that was there: no start and no repair changes anything of such a log',
  },
  'log-hole': {
    means: 'Bytes in the middle of the log are no records, good ones follow',
    todo: 'restore the file from a copy, or repair --cut-at',
  },
  'sync-failed': {
    means: 'An fdatasync of the log has failed: what was written before it may be in memory only',
    todo: 'leave the machine on and see to the disk; the next start, or repair, writes that part of the log anew',
  },
  'torn-tail': {
    means: 'The last record is torn',
    todo: 'after a crash nothing: the next start cuts it off. After a stop in order repair does',
  },
  'stale-bytes': {
    means: 'Bytes that are no record lie behind the end of the log',
    todo: 'nothing: a start or repair wipes them',
  },
  'queue-missing': {
    means: 'A queue that has records in the log has no files',
    todo: 'repair builds it. Of a topic that was deleted nothing',
  },
  'queue-behind': {
    means: 'The newest records of a queue have no entry',
    todo: 'after a crash nothing: the next start builds them; else repair',
  },
  'queue-wrong': {
    means: 'Entries of a queue do not say where their records are, or are missing in the middle',
    todo: 'repair builds the queue again',
  },
  'queue-ahead': {
    means: 'Entries of a queue name records behind the end of the log',
    todo: 'after a crash nothing; else repair. Records that were there are gone',
  },
  'queue-stray': {
    means: 'Entries of a queue, older than its records in the log, name something else',
    todo: 'repair builds the queue again; where the log has nothing of it, its files are kept and taken away',
  },
  'queue-tail': { means: 'Bytes lie behind the last entry of a queue', todo: 'after a crash nothing; else repair' },
  'queue-files': {
    means: 'Files of a queue have another size than the rest, begin where none does, or one between them is missing',
    todo: 'repair builds the queue again; where the log has nothing of it, its files are kept and taken away. One that begins where none does: move it away, or set mappedFileSizeConsumeQueue as it was',
  },
  'queue-deleted': {
    means: 'Entries of queues name records whose files were deleted',
    todo: 'nothing: retention leaves them',
  },
  'index-missing': {
    means: 'There is no key index, where one is to be',
    todo: 'nothing: the next start puts the keys in, and repair does it on all cores',
  },
  'index-shape': {
    means: 'Nothing tells how many slots and entries an index file has',
    todo: 'give maxHashSlotNum and maxIndexNum with --set, or -c',
  },
  'index-keys': { means: 'Keys of records are not in the index', todo: 'after a crash nothing; else repair' },
  'index-wrong': {
    means: 'Entries of the index name no record with such a key',
    todo: 'after a crash nothing; else repair. Of a log without a record it keeps the index and takes it away',
  },
  'index-header': {
    means: 'The header or the size of an index file does not fit its entries or the other files',
    todo: 'repair builds the index again',
  },
  'index-chain': {
    means: 'The slots and chains of an index file do not lead to all of its entries',
    todo: 'repair builds the index again',
  },
  'checkpoint-missing': {
    means: 'There is no checkpoint, or it is too short, empty or damaged',
    todo: 'nothing where the log is not damaged: a start after a crash takes longer. A damaged log it cuts, or refuses: repair first, which writes a checkpoint',
  },
  'checkpoint-damaged': {
    means: 'The checkpoint names times that no broker has written',
    todo: 'as where it is missing',
  },
  'checkpoint-ahead': {
    means: 'The checkpoint names a later time, or another place of the log, than any record has',
    todo: 'records are gone that it vouched for, or it is of another store: put back what is missing, or accept the loss; repair writes it anew. After a crash under Apache they may be messages that were not flushed',
  },
  'repair-unfinished': {
    means: 'A repair has been interrupted',
    todo: 'run it again before a broker is started: that would build also what a repair leaves as it is. It goes by the settings that the first one has kept, where no broker was started since (repair-settings.json)',
  },
  'repair-settings': {
    means: 'What an interrupted repair has kept of the settings that it went by is not readable, or others are given',
    todo: 'given ones count. Where none can be read give those that are not the defaults with --set, or -c: the files that told them may be gone',
  },
  'settings-damaged': {
    means:
      'A settings file is empty, or not what a broker reads, or gone while its .bak is there; or a folder has its name',
    todo: 'nothing where its .bak can be read; move a folder away; else restore it',
  },
  'offset-ahead': {
    means: 'Groups have offsets beyond the end of their queue, whose last messages are gone',
    todo: 'nothing: a start moves them back to it',
  },
  'topic-missing': {
    means: 'Queues have files, and their topic is not in config/topics.json',
    todo: 'nothing where the topic was deleted; else restore the file, or create the topic again with as many queues (mqadmin updateTopic)',
  },
  'foreign-file': {
    means: 'A file that does not belong there, or a folder where a file is to be',
    todo: "move the folder away: RingMQ refuses to start. A file it passes over; in log, queues and index Apache's broker may refuse to start with it",
  },
  'not-checked': { means: 'What was left out', todo: 'nothing' },
} as const;
export type FindingKind = keyof typeof FINDING_KINDS;

export interface Finding {
  readonly kind: FindingKind;
  readonly file: string;
  /** In the log, the queue or the file, as `what` says; null for the whole. */
  readonly offset: number | null;
  readonly what: string;
  /** Messages are lost, or wrong, or a broker would behave badly. */
  readonly matters: boolean;
  readonly advice: Advice;
}

/** So many of one kind with one advice are kept; the rest is counted. */
const KEPT_PER_KIND = 100;

const FOREIGN = "does not belong there: RingMQ passes it over, Apache's broker may refuse to start";

export class Findings {
  readonly #kept: Finding[] = [];
  readonly #keptCounts = new Map<string, number>();
  readonly #counts = new Map<FindingKind, number>();
  #matter = 0;

  add(finding: Finding): void {
    this.#count(finding.kind, 1);
    if (finding.matters) this.#matter++;
    const name = `${finding.kind} ${finding.advice}`;
    const kept = this.#keptCounts.get(name) ?? 0;
    if (kept === KEPT_PER_KIND) return;
    this.#keptCounts.set(name, kept + 1);
    this.#kept.push(finding);
  }

  /** Of a file or folder that neither a start nor a repair looks at. */
  addForeign(path: string, what = FOREIGN): void {
    if (basename(path) === LOST_AND_FOUND) return;
    this.add({ kind: 'foreign-file', file: path, offset: null, what, matters: false, advice: 'nothing' });
  }

  /** Of a folder that has the name of a file. */
  addFolder(path: string): void {
    const what = 'is a folder, where a file is to be: a broker refuses to start';
    this.add({ kind: 'foreign-file', file: path, offset: null, what, matters: true, advice: 'move' });
  }

  /** So many more, which matter, and of which nothing else is known. */
  addUntold(kind: FindingKind, more: number): void {
    if (more === 0) return;
    this.#count(kind, more);
    this.#matter += more;
  }

  #count(kind: FindingKind, more: number): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + more);
  }

  get kept(): readonly Finding[] {
    return this.#kept;
  }

  get counts(): ReadonlyMap<FindingKind, number> {
    return this.#counts;
  }

  /** How many matter. */
  get matter(): number {
    return this.#matter;
  }
}
