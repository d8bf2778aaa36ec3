/**
 * Checks one slice of the log: its records, their entries in the queues and their keys in the index. Slices are independent of each other,
 * so they are checked side by side (threads/pool); verify-log.ts puts their results together. A slice begins anywhere: its first record is
 * searched for, and it ends with the record that begins in it last.
 */
import { bodyCrc32 } from '../base/crc32.ts';
import { asLogOffset } from '../base/units.ts';
import { IndexedProperties, scanIndexed } from '../layout/message-properties.ts';
import { BLANK_HEAD_BYTES, BLANK_MAGIC, RecordAt } from '../layout/message-record.ts';
import type { Disk } from './disk.ts';
import { ExpectedEntries, type RowBreak, type TagsCodeOf } from './expected-entries.ts';
import { LogReader } from './log-reader.ts';
import { type HealedTopic, LogScanner, Scanned } from './log-scanner.ts';
import { DamageGatherer, type RecordDamage, type RecordFault } from './record-damage.ts';
import { type Hole, RecordSearch } from './record-search.ts';
import { logFilesOf, segmentEnd } from './segments.ts';
import type { StorePaths } from './store-paths.ts';
import type { StoreSizes } from './store-sizes.ts';
import { type EntryFaults, QueueComparison } from './verify-entries.ts';
import { type IndexFileHead, KeyComparison, type KeyFaults } from './verify-keys.ts';

export interface LogSlice {
  readonly from: number;
  readonly to: number;
  /** A record begins at `from`, or one ought to. */
  readonly isExact: boolean;
  /** Topics of its records that are known to be others than these say. */
  readonly healed: readonly HealedTopic[];
}

/** The same for all slices. */
export interface SliceContext {
  readonly paths: StorePaths;
  readonly sizes: StoreSizes;
  readonly batchTopics: ReadonlySet<string>;
  readonly indexFiles: readonly IndexFileHead[];
  /** Log offsets: entries of records from the first on, keys of records behind the second may be in memory only. Infinite for a store that nobody has open. */
  readonly settledTo: number;
  readonly indexedTo: number;
  readonly checksBodies: boolean;
  readonly tagsCodeOf: TagsCodeOf;
}

/** A record whose topic is none, and is not known either. */
export interface NamelessRecord {
  readonly at: number;
  readonly queueId: number;
  readonly queueOffset: number;
  /** In bytes, which are as many as they were: the record would not be one otherwise. */
  readonly topicLength: number;
}

/** A row of records without anything between them; the filler at the end of a segment belongs to it. */
export interface RecordRun {
  readonly from: number;
  readonly to: number;
}

/** What a slice holds of a queue. */
export interface SliceQueue {
  readonly topic: string;
  readonly queueId: number;
  /** Queue offsets: of its first record, behind its last. */
  readonly first: number;
  readonly next: number;
  /** Behind its last record in the log, which is `next` where they are in a row. */
  readonly rowEnd: number;
  readonly firstLogOffset: number;
  readonly lastLogOffset: number;
  readonly breaks: number;
  readonly firstBreakLogOffset: number;
  /** The first of them. */
  readonly rowBreaks: readonly RowBreak[];
  /** What the slice held of it before is of a queue that was deleted. */
  readonly isRestarted: boolean;
  readonly faults: EntryFaults;
}

export interface SliceResult {
  readonly slice: LogSlice;
  readonly records: number;
  readonly runs: readonly RecordRun[];
  readonly holes: readonly Hole[];
  readonly damage: RecordDamage;
  readonly nameless: readonly NamelessRecord[];
  /** Fillers whose size is not what is left of their segment: where they are. */
  readonly wrongFillers: readonly number[];
  readonly oldestStoreMs: number;
  readonly newestStoreMs: number;
  readonly queues: readonly SliceQueue[];
  readonly keys: KeyFaults;
}

export function verifySlice(disk: Disk, context: SliceContext, slice: LogSlice): SliceResult {
  const files = logFilesOf(context.paths, context.sizes);
  const reader = new LogReader(disk, files);
  const check = new SliceCheck(disk, reader, context, slice);
  try {
    return check.run();
  } finally {
    check.close();
    reader.close();
  }
}

class SliceCheck {
  readonly #reader: LogReader;
  readonly #slice: LogSlice;
  readonly #segmentEnd: number;
  readonly #checksBodies: boolean;
  readonly #scanner: LogScanner;
  readonly #search: RecordSearch;
  readonly #entries: ExpectedEntries;
  readonly #comparison: QueueComparison;
  readonly #keys: KeyComparison;
  readonly #properties = new IndexedProperties();
  readonly #runs: RecordRun[] = [];
  readonly #holes: Hole[] = [];
  readonly #damage = new DamageGatherer();
  readonly #nameless: NamelessRecord[] = [];
  readonly #healed: ReadonlyMap<number, string>;
  readonly #wrongFillers: number[] = [];
  #records = 0;
  #oldestStoreMs = Number.POSITIVE_INFINITY;
  #newestStoreMs = 0;

  constructor(disk: Disk, reader: LogReader, context: SliceContext, slice: LogSlice) {
    this.#reader = reader;
    this.#slice = slice;
    this.#healed = new Map(slice.healed.map(({ at, topic }) => [at, topic]));
    this.#checksBodies = context.checksBodies;
    this.#segmentEnd = segmentEnd(reader.files, slice.from);
    this.#scanner = new LogScanner(reader, false);
    this.#search = new RecordSearch(reader);
    this.#comparison = new QueueComparison(disk, context);
    this.#entries = new ExpectedEntries(
      context.batchTopics,
      context.tagsCodeOf,
      (queue) => this.#comparison.take(queue),
      (queue) => this.#comparison.forget(queue),
    );
    this.#keys = new KeyComparison(disk, context);
  }

  run(): SliceResult {
    const { from, to, isExact } = this.#slice;
    let at = isExact ? from : this.#search.find(from, to, this.#segmentEnd);
    // Nothing begins here: a record that goes over the whole slice, or bytes that are none.
    if (at < 0) {
      this.#holes.push(this.#search.hole(from, to));
      at = to;
    }
    while (at < to) at = this.#afterHole(this.#walk(at));
    this.#entries.finish();
    this.#keys.finish(this.#runs.at(-1)?.to ?? from);
    return this.#result();
  }

  close(): void {
    this.#comparison.close();
    this.#keys.close();
  }

  /** Walks records from `from` on, which may be none. Returns where that ends: at or behind the end of the slice, or where there is none. */
  #walk(from: number): number {
    const scanner = this.#scanner;
    let end = from;
    scanner.begin(asLogOffset(from), asLogOffset(this.#segmentEnd));
    while (end < this.#slice.to) {
      const found = scanner.next();
      if (found !== Scanned.record) break;
      this.#take();
      end = scanner.nextPosition;
    }
    // The filler belongs to the record before it, also when it begins with the next slice.
    if (this.#isFiller(end)) end = this.#segmentEnd;
    if (end > from) this.#runs.push({ from, to: end });
    return end;
  }

  /** Where to go on, when no record lies at `at`. */
  #afterHole(at: number): number {
    const { to } = this.#slice;
    if (at >= to) return at;
    const next = this.#search.find(at + 1, to, this.#segmentEnd);
    this.#holes.push(this.#search.hole(at, next < 0 ? to : next));
    return next < 0 ? to : next;
  }

  #take(): void {
    const { cursor, position } = this.#scanner;
    this.#records++;
    const { storeTimestamp, propertiesStart, propertiesLength } = cursor;
    if (storeTimestamp < this.#oldestStoreMs) this.#oldestStoreMs = storeTimestamp;
    if (storeTimestamp > this.#newestStoreMs) this.#newestStoreMs = storeTimestamp;
    this.#heal(position);
    const fault = this.#faultOf();
    if (fault !== null) this.#addDamaged(fault, null);
    // Nobody knows whose record it is, and what its keys are.
    if (fault === 'topic') {
      const { queueId, queueOffset, topicLength } = cursor;
      this.#nameless.push({ at: position, queueId, queueOffset, topicLength });
      this.#keys.pass(this.#scanner);
      return;
    }
    scanIndexed(this.#scanner.bytes, propertiesStart, propertiesStart + propertiesLength, this.#properties);
    const areWhole = fault !== 'properties' && fault !== 'sector';
    this.#entries.add(this.#scanner, this.#properties, areWhole);
    if (areWhole) this.#keys.add(this.#scanner, this.#properties);
    else this.#keys.pass(this.#scanner);
  }

  #heal(position: number): void {
    const topic = this.#healed.size > 0 ? this.#healed.get(position) : undefined;
    if (topic === undefined) return;
    this.#addDamaged(this.#scanner.isTopicWhole() ? 'name' : 'topic', topic);
    this.#scanner.healTopic(topic);
  }

  #addDamaged(fault: RecordFault, ownTopic: string | null): void {
    const { cursor, position: at, topicText: topic } = this.#scanner;
    const { totalSize: size, queueId, queueOffset } = cursor;
    this.#damage.add({ at, size, topic, queueId, queueOffset, fault, ownTopic });
  }

  /** What recovery would end the log at, and properties that begin or end with zeros: nothing else looks at those. */
  #faultOf(): RecordFault | null {
    if (!this.#checksBodies) return this.#scanner.isTopicWhole() ? null : 'topic';
    const { cursor, bytes } = this.#scanner;
    if (!this.#scanner.areContentsWhole()) return this.#kindOfFault();
    const { propertiesStart, propertiesLength } = cursor;
    if (propertiesLength === 0) return null;
    return bytes[propertiesStart] === 0 || bytes[propertiesStart + propertiesLength - 1] === 0 ? 'properties' : null;
  }

  #kindOfFault(): RecordFault {
    const { cursor, bytes, view, recordAt } = this.#scanner;
    const { bodyStart, bodyLength } = cursor;
    if (!this.#scanner.isTopicWhole()) return 'topic';
    const crc = bodyCrc32(bytes.subarray(bodyStart, bodyStart + bodyLength));
    return crc === view.getInt32(recordAt + RecordAt.bodyCrc) ? 'sector' : 'body';
  }

  /** One that does not say its size is told, and is one all the same: its magic number ends the file for every reader. */
  #isFiller(at: number): boolean {
    const bytes = new Uint8Array(BLANK_HEAD_BYTES);
    const view = new DataView(bytes.buffer);
    if (at + BLANK_HEAD_BYTES > this.#segmentEnd) return false;
    const read = this.#reader.read(asLogOffset(at), BLANK_HEAD_BYTES, bytes, 0);
    if (read < BLANK_HEAD_BYTES || view.getInt32(RecordAt.magic) !== BLANK_MAGIC) return false;
    if (view.getInt32(RecordAt.totalSize) !== this.#segmentEnd - at) this.#wrongFillers.push(at);
    return true;
  }

  #result(): SliceResult {
    return {
      slice: this.#slice,
      records: this.#records,
      runs: this.#runs,
      holes: this.#holes,
      damage: this.#damage.damage(),
      nameless: this.#nameless,
      wrongFillers: this.#wrongFillers,
      oldestStoreMs: this.#oldestStoreMs,
      newestStoreMs: this.#newestStoreMs,
      queues: this.#entries.queues.map((queue) => {
        const { topic, queueId, first, next, firstLogOffset, lastLogOffset, isRestarted } = queue;
        const { breaks, firstBreakLogOffset, rowBreaks } = queue;
        const offsets = { first, next, rowEnd: next, firstLogOffset, lastLogOffset, isRestarted };
        const faults = this.#comparison.faultsOf(queue);
        return { topic, queueId, ...offsets, breaks, firstBreakLogOffset, rowBreaks, faults };
      }),
      keys: this.#keys.faults,
    };
  }
}
