/**
 * The entries that a queue ought to have for the records of a part of the log, in runs of neighbours. Verify compares each run with the
 * queue's file, repair writes it there: an entry's place follows from its queue offset, so parts of the log can be worked on side by
 * side, in any order.
 */
import { ByteKeyedMap } from '../base/byte-keyed-map.ts';
import type { IndexedProperties } from '../layout/message-properties.ts';
import { isInNoQueue, SysFlag } from '../layout/message-record.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../layout/queue-entry.ts';
import type { LogScanner } from './log-scanner.ts';

/** The tags code of the scanner's record (spec/store.md 3.10). The broker knows the rules: delay levels are a setting of it. */
export type TagsCodeOf = (scanner: LogScanner, properties: IndexedProperties) => number;

const RUN_ENTRIES_MAX = 4096;
const RUN_ENTRIES_MIN = 16;
/** So many places of a queue are told apart, in a part of the log and in all of it. */
export const ROW_BREAKS_MAX = 100;

/** Where the records of a queue are not in a row. */
export interface RowBreak {
  /** Log offset of the record before, and the queue offset behind it. */
  readonly behind: number;
  readonly expected: number;
  /** Of the record that comes then. */
  readonly at: number;
  readonly found: number;
}

/** A queue as a part of the log shows it. */
export class ExpectedQueue {
  readonly topic: string;
  readonly queueId: number;
  /** Of its first record; -1 before there is one. */
  first = -1;
  /** Behind its last record. */
  next = -1;
  firstLogOffset = -1;
  lastLogOffset = -1;
  /** Records whose offset is not the one behind the record before. */
  breaks = 0;
  firstBreakLogOffset = -1;
  /** The first of them. */
  rowBreaks: RowBreak[] = [];
  /** Its offsets began anew at 0: it was deleted in between. */
  isRestarted = false;
  /** Offsets of records whose properties are damaged: nobody knows their tags. */
  readonly withoutTag = new Set<number>();
  /** The run that is being gathered: `count` entries from offset `runFirst` on. */
  runFirst = 0;
  count = 0;
  entries: Buffer = Buffer.allocUnsafeSlow(RUN_ENTRIES_MIN * QUEUE_ENTRY_BYTES);
  view = viewOf(this.entries);

  constructor(topic: string, queueId: number) {
    this.topic = topic;
    this.queueId = queueId;
  }

  add(scanner: LogScanner, tagsCode: number): void {
    const { cursor, position } = scanner;
    if (this.first < 0) {
      this.first = cursor.queueOffset;
      this.firstLogOffset = position;
    }
    if (this.count === 0) this.runFirst = cursor.queueOffset;
    if ((this.count + 1) * QUEUE_ENTRY_BYTES > this.entries.length) this.#grow();
    writeQueueEntry(this.view, this.count * QUEUE_ENTRY_BYTES, position, cursor.totalSize, tagsCode);
    this.count++;
    this.next = cursor.queueOffset + 1;
    this.lastLogOffset = position;
  }

  #grow(): void {
    const grown = Buffer.allocUnsafeSlow(this.entries.length * 4);
    this.entries.copy(grown, 0, 0, this.count * QUEUE_ENTRY_BYTES);
    this.entries = grown;
    this.view = viewOf(grown);
  }
}

/** Called with each run when it is complete. */
export type TakeRun = (queue: ExpectedQueue) => void;

export class ExpectedEntries {
  readonly #topics = new ByteKeyedMap<(ExpectedQueue | undefined)[]>();
  readonly #batchTopics: ReadonlySet<string>;
  readonly #tagsCodeOf: TagsCodeOf;
  readonly #take: TakeRun;
  readonly #forget: (queue: ExpectedQueue) => void;
  readonly queues: ExpectedQueue[] = [];

  /** `forget`: the runs of a queue that were taken before do not count. */
  constructor(
    batchTopics: ReadonlySet<string>,
    tagsCodeOf: TagsCodeOf,
    take: TakeRun,
    forget: (queue: ExpectedQueue) => void,
  ) {
    this.#forget = forget;
    this.#batchTopics = batchTopics;
    this.#tagsCodeOf = tagsCodeOf;
    this.#take = take;
  }

  /** The scanner is on a record, which has these properties; false: which are damaged. */
  add(scanner: LogScanner, properties: IndexedProperties, areWhole = true): void {
    const { cursor } = scanner;
    // An inner batch is in a queue of another format.
    if (isInNoQueue(cursor.sysFlag) || (cursor.sysFlag & SysFlag.innerBatch) !== 0) return;
    const queue = this.#queue(scanner);
    if (this.#batchTopics.size > 0 && this.#batchTopics.has(queue.topic)) return;
    if (queue.next > 0 && cursor.queueOffset === 0) {
      this.#restart(queue);
    } else if (queue.next >= 0 && cursor.queueOffset !== queue.next) {
      if (queue.breaks++ === 0) queue.firstBreakLogOffset = scanner.position;
      if (queue.breaks <= ROW_BREAKS_MAX) queue.rowBreaks.push(breakAt(queue, scanner));
      this.#flush(queue);
    } else if (queue.count === RUN_ENTRIES_MAX) {
      this.#flush(queue);
    }
    if (!areWhole) queue.withoutTag.add(cursor.queueOffset);
    queue.add(scanner, this.#tagsCodeOf(scanner, properties));
  }

  /** The part of the log is at its end. */
  finish(): void {
    for (const queue of this.queues) this.#flush(queue);
  }

  /** A topic that was deleted and made anew: what was before is in no queue any more. */
  #restart(queue: ExpectedQueue): void {
    this.#forget(queue);
    queue.count = 0;
    queue.first = -1;
    queue.next = -1;
    queue.breaks = 0;
    queue.firstBreakLogOffset = -1;
    queue.rowBreaks = [];
    queue.isRestarted = true;
    queue.withoutTag.clear();
  }

  #flush(queue: ExpectedQueue): void {
    if (queue.count > 0) this.#take(queue);
    queue.count = 0;
  }

  #queue({ cursor, bytes }: LogScanner): ExpectedQueue {
    const topicEnd = cursor.topicStart + cursor.topicLength;
    const known = this.#topics.get(bytes, cursor.topicStart, topicEnd)?.[cursor.queueId];
    if (known !== undefined) return known;
    const name = Uint8Array.from(bytes.subarray(cursor.topicStart, topicEnd));
    const queues = this.#topics.get(name, 0, name.length) ?? [];
    const queue = new ExpectedQueue(Buffer.from(name).toString(), cursor.queueId);
    queues[cursor.queueId] = queue;
    this.#topics.set(name, queues);
    if (!this.#batchTopics.has(queue.topic)) this.queues.push(queue);
    return queue;
  }
}

function breakAt({ lastLogOffset, next }: ExpectedQueue, { cursor, position }: LogScanner): RowBreak {
  return { behind: lastLogOffset, expected: next, at: position, found: cursor.queueOffset };
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}
