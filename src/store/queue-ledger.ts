/**
 * Counts, while recovery looks through the log, which offset each queue has reached in it, and where the first record lies that a queue
 * does not have. Called once per record of the last segments, so topics are looked up by their bytes.
 */
import { ByteKeyedMap } from '../base/byte-keyed-map.ts';
import { asLogOffset, type LogOffset, type QueueOffset } from '../base/units.ts';
import { isInNoQueue, SysFlag } from '../layout/message-record.ts';
import type { LogScanner } from './log-scanner.ts';
import { StoreDamagedError } from './store-errors.ts';

export interface LedgerQueue {
  readonly topic: string;
  readonly queueId: number;
  /** Offset behind the last entry in files; -1 for a queue without files. */
  filedEnd: number;
  /** Log offset behind the record of the last entry in files; -1 without. */
  filedTo: number;
  /** First record that the files do not have: -1 when they have all. */
  firstUnfiled: number;
  /** Offset behind the last record seen; 0 when none was. */
  next: number;
}

/** Dispatch would refuse to file what comes behind it. */
function holeAt({ topic, queueId, next }: LedgerQueue, { position, cursor }: LogScanner): StoreDamagedError {
  return new StoreDamagedError(
    `the log has a hole: at ${position} queue ${topic}/${queueId} goes on with ${cursor.queueOffset} after ${next - 1}. ` +
      '`ringmq verify` says what is wrong, `ringmq repair` builds the queue, or says why it cannot and where the log can be cut',
  );
}

/** A queue with files: offset behind its last entry, and log offset behind that one's record, -1 without. */
interface FiledEnd {
  readonly topic: string;
  readonly queueId: number;
  readonly end: QueueOffset;
  readonly logEnd: number;
}

export class QueueLedger {
  readonly #topics = new ByteKeyedMap<Map<number, LedgerQueue>>();
  readonly #queues: LedgerQueue[] = [];
  readonly #batchTopics: ReadonlySet<string>;
  readonly #completeTo: number;
  #firstUnfiledAt = -1;
  #newestStoreTimestamp = 0;

  /**
   * Queues of `batchTopics` are kept in another format and are not counted. `completeTo`: the queues have all records before this log
   * offset, so one that is in none does not say its own queue and offset any more.
   */
  constructor(batchTopics: ReadonlySet<string>, completeTo = 0) {
    this.#batchTopics = batchTopics;
    this.#completeTo = completeTo;
  }

  get queues(): readonly LedgerQueue[] {
    return this.#queues;
  }

  /** Log offset of the first record that some queue does not have, or null. */
  get firstUnfiledAt(): LogOffset | null {
    return this.#firstUnfiledAt < 0 ? null : asLogOffset(this.#firstUnfiledAt);
  }

  /** In ms; 0 when there was no record. */
  get newestStoreTimestamp(): number {
    return this.#newestStoreTimestamp;
  }

  /** What the files of a queue hold. */
  addFiled({ topic, queueId, end, logEnd }: FiledEnd): void {
    if (this.#batchTopics.has(topic)) return;
    const name = Buffer.from(topic);
    const queue = this.#queue(name, 0, name.length, queueId);
    queue.filedEnd = end;
    queue.filedTo = logEnd;
  }

  /** The scanner is on a record. False when that does not say its own queue and offset any more: it is passed over. */
  add(scanner: LogScanner): boolean {
    const { cursor } = scanner;
    if (cursor.storeTimestamp > this.#newestStoreTimestamp) this.#newestStoreTimestamp = cursor.storeTimestamp;
    // An inner batch is in a queue of another format.
    if (isInNoQueue(cursor.sysFlag) || (cursor.sysFlag & SysFlag.innerBatch) !== 0) return true;
    const { topicStart, topicLength, queueId } = cursor;
    const topicEnd = topicStart + topicLength;
    let queue = this.#topics.get(scanner.bytes, topicStart, topicEnd)?.get(queueId);
    if (queue === undefined) {
      if (this.#isBatchTopic(scanner.bytes, topicStart, topicEnd)) return true;
      if (scanner.position < this.#completeTo || !scanner.isTopicWhole()) return false;
      queue = this.#queue(scanner.bytes, topicStart, topicEnd, queueId);
    }
    // A record before the newest that the queue has is in it, or of a topic that was deleted and made again (spec/store.md 5.2).
    if (scanner.position < queue.filedTo || cursor.queueOffset < queue.filedEnd) return true;
    if (scanner.position < this.#completeTo) return false;
    if (queue.firstUnfiled >= 0 && cursor.queueOffset > queue.next) throw holeAt(queue, scanner);
    queue.next = Math.max(queue.next, cursor.queueOffset + 1);
    if (queue.firstUnfiled < 0) queue.firstUnfiled = cursor.queueOffset;
    if (this.#firstUnfiledAt < 0) this.#firstUnfiledAt = scanner.position;
    return true;
  }

  /**
   * Queues that lack more than was seen: what comes first does not follow their files, or they have no files and do not begin with it. The
   * rest is further back in the log, or gone with its oldest segments.
   */
  get incomplete(): readonly LedgerQueue[] {
    return this.#queues.filter(({ filedEnd, firstUnfiled }) => firstUnfiled > Math.max(0, filedEnd));
  }

  #isBatchTopic(bytes: Buffer, topicStart: number, topicEnd: number): boolean {
    return this.#batchTopics.size > 0 && this.#batchTopics.has(bytes.toString('utf8', topicStart, topicEnd));
  }

  #queue(bytes: Buffer, topicStart: number, topicEnd: number, queueId: number): LedgerQueue {
    let queues = this.#topics.get(bytes, topicStart, topicEnd);
    if (queues === undefined) {
      queues = new Map();
      this.#topics.set(bytes.subarray(topicStart, topicEnd), queues);
    }
    let queue = queues.get(queueId);
    if (queue === undefined) {
      const topic = bytes.toString('utf8', topicStart, topicEnd);
      queue = { topic, queueId, filedEnd: -1, filedTo: -1, firstUnfiled: -1, next: 0 };
      queues.set(queueId, queue);
      this.#queues.push(queue);
    }
    return queue;
  }
}
