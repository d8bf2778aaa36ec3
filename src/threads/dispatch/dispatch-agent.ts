/**
 * Builds the queues: reads the log up to what consumers may see, puts an entry for each record into its queue's tail, and tells the net
 * threads which queues grew. The records come from the files, live and after a restart alike. Runs on the dispatch thread.
 */
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import { DISPATCH_READ_BYTES, QUEUE_SLOTS_MAX, QUEUE_TAIL_UNPUBLISHED_MAX } from '../../base/limits.ts';
import { asLogOffset, asQueueOffset, type QueueSlot } from '../../base/units.ts';
import type { DelayLevels } from '../../broker/delay-levels.ts';
import { TagsCodes } from '../../broker/tags-code.ts';
import { IndexedProperties, scanIndexed } from '../../layout/message-properties.ts';
import {
  BLANK_HEAD_BYTES,
  BLANK_MAGIC,
  isInNoQueue,
  RECORD_MAGIC_V1,
  RECORD_MAGIC_V2,
  RecordAt,
  RecordCursor,
  SysFlag,
} from '../../layout/message-record.ts';
import { isTopicName } from '../../layout/topic-names.ts';
import { isOutOfDescriptors } from '../../store/disk.ts';
import type { LogReader } from '../../store/log-reader.ts';
import { queueName } from '../../store/queue-folders.ts';
import { segmentEnd } from '../../store/segments.ts';
import type { Agent } from '../agent.ts';
import type { DeletedFiles } from '../deleted-files.ts';
import type { StartedQueue } from '../thread-messages.ts';
import type { DispatchEnds } from '../topology.ts';
import type { IndexFiling } from './index-filing.ts';
import type { QueueFiling } from './queue-filing.ts';
import { NO_SLOT, QueueLookup } from './queue-lookup.ts';

const SLEEP_MAX_MS = 1000;
/** After room in the index or a descriptor for the log was short: it is tried again in each turn. */
const RETRY_MS = 500;

export interface DispatchOptions {
  readonly ends: DispatchEnds;
  readonly log: LogReader;
  readonly filing: QueueFiling;
  /** Null without a key index. */
  readonly index: IndexFiling | null;
  readonly delays: DelayLevels;
  /** Topics whose queues Apache's broker keeps in its batch format, which are not built here. */
  readonly batchTopics: ReadonlySet<string>;
  /** The queues have all records before this log offset, as far as these say their own queue. */
  readonly completeTo: number;
  readonly queues: readonly StartedQueue[];
  readonly clock: Clock;
  readonly deleted: DeletedFiles;
}

export class DispatchAgent implements Agent {
  readonly name = 'dispatch';
  readonly #ends: DispatchEnds;
  readonly #log: LogReader;
  readonly #filing: QueueFiling;
  readonly #index: IndexFiling | null;
  readonly #tagsCodes: TagsCodes;
  readonly #batchTopics: ReadonlySet<string>;
  readonly #completeTo: number;
  readonly #clock: Clock;
  readonly #deleted: DeletedFiles;
  readonly #queues: QueueLookup;
  readonly #record = new RecordCursor();
  readonly #indexed = new IndexedProperties();
  #buffer = Buffer.allocUnsafe(DISPATCH_READ_BYTES);
  #view = viewOf(this.#buffer);
  #position: number;
  /** Offset of each queue's next entry; -1 before the queue is met. */
  readonly #next = new Float64Array(QUEUE_SLOTS_MAX).fill(-1);
  readonly #published = new Float64Array(QUEUE_SLOTS_MAX);
  /**
   * Log offsets behind the newest entries that queues had at the start, by name and by row: what lies before is of a topic that was deleted and
   * made again. Only of those that reach beyond the place where dispatch begins.
   */
  readonly #filedTo: ReadonlyMap<string, number>;
  readonly #rowFiledTo = new Float64Array(QUEUE_SLOTS_MAX);
  /** Queues that grew in this round. */
  readonly #grown = new Int32Array(QUEUE_SLOTS_MAX);
  #grownCount = 0;
  readonly #isGrown = new Uint8Array(QUEUE_SLOTS_MAX);
  /** The index has refused a key of the record at the position, or the log could not be opened there. */
  #isShort = false;

  constructor({ ends, log, filing, index, delays, batchTopics, completeTo, queues, clock, deleted }: DispatchOptions) {
    this.#ends = ends;
    this.#log = log;
    this.#filing = filing;
    this.#index = index;
    this.#tagsCodes = new TagsCodes(delays);
    this.#batchTopics = batchTopics;
    this.#completeTo = completeTo;
    this.#clock = clock;
    this.#deleted = deleted;
    this.#queues = new QueueLookup(ends.directory, batchTopics);
    const position = ends.dispatched.read();
    this.#position = position;
    const ahead = queues.filter(({ filedTo }) => filedTo > position);
    this.#filedTo = new Map(ahead.map((queue) => [queueName(queue), queue.filedTo]));
  }

  hasWork(): boolean {
    if (this.#position < this.#ends.visible.read() && !this.#isFull) return true;
    return this.#filing.isDue(this.#clock.monotonicUs());
  }

  sleepMaxMs(): number {
    const longest = this.#isShort ? RETRY_MS : SLEEP_MAX_MS;
    return Math.min(longest, this.#filing.dueInMs(this.#clock.monotonicUs()));
  }

  doWork(): number {
    const records = this.#dispatch();
    const nowUs = this.#clock.monotonicUs();
    this.#deleted.look(nowUs);
    return records + this.#filing.doWork(nowUs);
  }

  /**
   * Builds the queues up to `logEnd` at start. That may take minutes: `alive` is called after each read. Throws when there is no room
   * for them, because a consumer who finds a queue shorter than it was is sent back.
   */
  catchUp(logEnd: number, alive: (position: number) => void = () => {}): void {
    this.#dispatchTo(logEnd, alive);
    if (this.#position >= logEnd) return;
    throw new Error(
      `the queues cannot be built from the log: they end at ${this.#position} of ${logEnd}, and the disk is full or too many ` +
        'files are open. The broker starts when there is room for them.',
    );
  }

  /** As far as the disk has room. */
  #dispatchTo(logEnd: number, alive: (position: number) => void): void {
    // A long record takes two rounds: the first one makes room for it.
    do {
      this.#dispatch();
      alive(this.#position);
    } while (this.#position < logEnd && !this.#isFull);
  }

  close(): void {
    this.#dispatchTo(this.#ends.visible.read(), () => {});
    this.#filing.close();
    this.#log.close();
  }

  /** Takes one read of the log. Returns how many records and fillers that were. */
  #dispatch(): number {
    const visible = this.#ends.visible.read();
    this.#isShort = false;
    if (this.#position >= visible) return 0;
    const wanted = Math.min(this.#buffer.length, visible - this.#position);
    const length = this.#read(wanted);
    let at = 0;
    let records = 0;
    while (length - at >= BLANK_HEAD_BYTES) {
      const size = this.#view.getInt32(at + RecordAt.totalSize);
      const magic = this.#view.getInt32(at + RecordAt.magic);
      if (magic === BLANK_MAGIC) {
        // Like upstream by the magic alone: a loss of power may have kept that and not the size.
        at = segmentEnd(this.#log.files, this.#position + at) - this.#position;
        this.#filing.passed(this.#position + at);
        records++;
        break;
      }
      assert(magic === RECORD_MAGIC_V1 || magic === RECORD_MAGIC_V2, 'the log holds records up to its end');
      if (at + size > length || !this.#take(at)) break;
      at += size;
      this.#filing.seen(this.#record.storeTimestamp, this.#position + at);
      records++;
    }
    // Keys of a record that has to wait for room are shown too: what is put and not shown would hold up a query.
    this.#index?.publish();
    if (records === 0) {
      if (!this.#isFull) this.#grow(length);
      return 0;
    }
    this.#position += at;
    this.#publish();
    this.#ends.dispatched.advance(this.#position);
    this.#ends.page.add('dispatchedRecords', records);
    return records;
  }

  /** Reads the log at the position. Returns 0 when there is no descriptor for its segment: what this thread had open went for it in vain. */
  #read(length: number): number {
    try {
      return this.#log.read(asLogOffset(this.#position), length, this.#buffer, 0);
    } catch (cause) {
      if (!isOutOfDescriptors(cause)) throw cause;
      this.#isShort = true;
      return 0;
    }
  }

  /** On a shortage the record at the position waits. */
  get #isFull(): boolean {
    return this.#isShort || this.#filing.isFull;
  }

  /** A record is longer than the buffer. */
  #grow(length: number): void {
    assert(length >= BLANK_HEAD_BYTES, 'what is visible can be read');
    const size = this.#view.getInt32(RecordAt.totalSize);
    assert(size > this.#buffer.length, 'a record that fits the buffer was read whole');
    this.#buffer = Buffer.allocUnsafe(size);
    this.#view = viewOf(this.#buffer);
  }

  /** False when the record has to wait for room, in the index or in its queue's tail. */
  #take(at: number): boolean {
    const record = this.#record;
    assert(record.load(this.#view, at), 'the parts of a record in the log add up');
    const { topicStart, propertiesStart, propertiesLength } = record;
    const topicEnd = topicStart + record.topicLength;
    // An inner batch is in a queue of another format.
    const isInQueue = !isInNoQueue(record.sysFlag) && (record.sysFlag & SysFlag.innerBatch) === 0;
    const slot = isInQueue ? this.#queues.find(this.#buffer, topicStart, topicEnd, record.queueId) : NO_SLOT;
    // Damaged since it was filed: nobody knows whose it is, and what its keys are.
    if (slot === NO_SLOT && !isTopicName(this.#buffer, topicStart, topicEnd)) return true;
    scanIndexed(this.#buffer, propertiesStart, propertiesStart + propertiesLength, this.#indexed);
    if (this.#index?.add(record, this.#buffer, this.#indexed) === false) {
      this.#isShort = true;
      return false;
    }
    if (slot === NO_SLOT) {
      if (isInQueue) this.#passOver(record);
      return true;
    }
    let next = this.#next[slot]!;
    if (next < 0) next = this.#learn(slot);
    // After a restart the walk begins before the newest entries of some queues.
    const { queueOffset, physicalOffset } = record;
    if (queueOffset < next || physicalOffset < this.#completeTo || physicalOffset < this.#rowFiledTo[slot]!)
      return true;
    assert(queueOffset === next, 'a queue has no gaps');
    if (!this.#filing.hasRoom(slot, next)) return false;
    const { queueTable } = this.#ends;
    queueTable.put(
      slot,
      asQueueOffset(next),
      asLogOffset(record.physicalOffset),
      record.totalSize,
      this.#tagsCodes.of(this.#buffer, record, this.#indexed.tagsHash),
    );
    this.#next[slot] = next + 1;
    if (this.#isGrown[slot] === 0) {
      this.#isGrown[slot] = 1;
      this.#grown[this.#grownCount++] = slot;
    }
    if (next + 1 - this.#published[slot]! >= QUEUE_TAIL_UNPUBLISHED_MAX) this.#publishQueue(slot);
    return true;
  }

  #passOver({ topicStart, topicLength, queueId, physicalOffset }: RecordCursor): void {
    if (physicalOffset < this.#completeTo) return;
    const topic = this.#buffer.toString('utf8', topicStart, topicStart + topicLength);
    assert(this.#batchTopics.has(topic), `the record at ${physicalOffset} has a queue: ${queueId} of ${topic}`);
  }

  #learn(slot: QueueSlot): number {
    const next = this.#ends.queueTable.max(slot);
    this.#next[slot] = next;
    this.#published[slot] = next;
    this.#filing.learn(slot, next);
    if (this.#filedTo.size > 0) {
      this.#rowFiledTo[slot] = this.#filedTo.get(queueName(this.#ends.directory.entry(slot))) ?? 0;
    }
    return next;
  }

  #publishQueue(slot: QueueSlot): void {
    const next = asQueueOffset(this.#next[slot]!);
    this.#ends.queueTable.publishMax(slot, next);
    this.#published[slot] = next;
    this.#filing.grown(slot, next);
  }

  /** Shows the round's entries to the readers and wakes those that wait for them. */
  #publish(): void {
    if (this.#grownCount === 0) return;
    for (let i = 0; i < this.#grownCount; i++) this.#publishQueue(this.#grown[i] as QueueSlot);
    const { nets, page } = this.#ends;
    for (let n = 0; n < nets.length; n++) {
      const { index, arrivals, bell } = nets[n]!;
      if (page.status.parked(index) === 0) continue;
      for (let i = 0; i < this.#grownCount; i++) arrivals.push(this.#grown[i] as QueueSlot);
      arrivals.publish();
      bell.ring();
    }
    for (let i = 0; i < this.#grownCount; i++) this.#isGrown[this.#grown[i]!] = 0;
    this.#grownCount = 0;
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}
