/** Compares the entries that a part of the log asks for with those in the queues' files. Part of verify-slice.ts. */
import { QUEUE_HANDLES_READ_MAX } from '../base/limits.ts';
import { asQueueOffset } from '../base/units.ts';
import { entryLogOffset, entrySize, entryTagsCode, QUEUE_ENTRY_BYTES, QueueEntryAt } from '../layout/queue-entry.ts';
import { SCHEDULE_TOPIC } from '../layout/topic-names.ts';
import { ConsumeQueueReader } from './consume-queue.ts';
import { type Disk, isFolderError } from './disk.ts';
import type { ExpectedQueue } from './expected-entries.ts';
import type { StorePaths } from './store-paths.ts';
import type { StoreSizes } from './store-sizes.ts';

/** What is wrong with a queue's entries for a part of the log. Offsets are -1 where there are none. */
export interface EntryFaults {
  /** Records without an entry: zeros, or no file. */
  readonly missing: number;
  readonly firstMissing: number;
  readonly firstMissingLogOffset: number;
  readonly lastMissing: number;
  /** Entries that say something else. */
  readonly wrong: number;
  readonly firstWrong: number;
  readonly firstWrongLogOffset: number;
  /** What the first wrong entry says and what it ought to say. */
  readonly example: string;
}

export const NO_ENTRY_FAULTS: EntryFaults = {
  missing: 0,
  firstMissing: -1,
  firstMissingLogOffset: -1,
  lastMissing: -1,
  wrong: 0,
  firstWrong: -1,
  firstWrongLogOffset: -1,
  example: '',
};

interface ComparisonContext {
  readonly paths: StorePaths;
  readonly sizes: StoreSizes;
  readonly settledTo: number;
}

export class QueueComparison {
  readonly #reader: ConsumeQueueReader;
  readonly #entriesPerFile: number;
  readonly #settledTo: number;
  readonly #faults = new Map<ExpectedQueue, EntryFaults>();
  #found: Buffer = Buffer.alloc(0);

  constructor(disk: Disk, { paths, sizes, settledTo }: ComparisonContext) {
    this.#settledTo = settledTo;
    this.#entriesPerFile = sizes.queueFileSizeBytes / QUEUE_ENTRY_BYTES;
    this.#reader = new ConsumeQueueReader(disk, paths.consumeQueue, sizes.queueFileSizeBytes, QUEUE_HANDLES_READ_MAX);
  }

  faultsOf(queue: ExpectedQueue): EntryFaults {
    return this.#faults.get(queue) ?? NO_ENTRY_FAULTS;
  }

  forget(queue: ExpectedQueue): void {
    this.#faults.delete(queue);
  }

  /** Compares a run. Records that are too new to be in a file of a broker that runs are passed over. */
  take(queue: ExpectedQueue): void {
    const { entries } = queue;
    // Compared even where everything is going to be built: these are built only when they are damaged.
    const isAll = this.#settledTo < 0 && queue.topic === SCHEDULE_TOPIC;
    const count = isAll ? queue.count : this.#settled(queue);
    const length = count * QUEUE_ENTRY_BYTES;
    if (this.#found.length < length) this.#found = Buffer.alloc(Math.max(length, entries.length));
    this.#read(queue, count);
    if (this.#found.compare(entries, 0, length, 0, length) !== 0) this.#faults.set(queue, this.#compare(queue, count));
  }

  /** File by file: behind one that is missing or short others may be whole. Zeros where there is no entry. */
  #read(queue: ExpectedQueue, count: number): void {
    for (let done = 0; done < count; ) {
      const inFile = this.#entriesPerFile - ((queue.runFirst + done) % this.#entriesPerFile);
      const wanted = Math.min(count - done, inFile);
      const read = this.#readFile(queue, done, wanted);
      this.#found.fill(0, (done + read) * QUEUE_ENTRY_BYTES, (done + wanted) * QUEUE_ENTRY_BYTES);
      done += wanted;
    }
  }

  /** `wanted` entries of the run from its entry `done` on, which are in one file. Returns how many there were. */
  #readFile({ topic, queueId, runFirst }: ExpectedQueue, done: number, wanted: number): number {
    const from = asQueueOffset(runFirst + done);
    try {
      return this.#reader.read(topic, queueId, from, wanted, this.#found, done * QUEUE_ENTRY_BYTES);
    } catch (error) {
      // That is told, and no entries are there.
      if (isFolderError(error)) return 0;
      throw error;
    }
  }

  /** How many entries of the run are of records before the place up to which all are filed. */
  #settled({ view, count }: ExpectedQueue): number {
    let settled = count;
    while (settled > 0 && entryLogOffset(view, (settled - 1) * QUEUE_ENTRY_BYTES) >= this.#settledTo) settled--;
    return settled;
  }

  close(): void {
    this.#reader.close();
  }

  #compare(queue: ExpectedQueue, count: number): EntryFaults {
    const faults = { ...this.faultsOf(queue) };
    const found = new DataView(this.#found.buffer, this.#found.byteOffset, this.#found.length);
    // Which times its entries hold is the business of a setting (messageDelayLevel) that a store does not tell.
    const isSchedule = queue.topic === SCHEDULE_TOPIC;
    for (let i = 0; i < count; i++) {
      const at = i * QUEUE_ENTRY_BYTES;
      const isTagUnknown = isSchedule || queue.withoutTag.has(queue.runFirst + i);
      const judged = isTagUnknown ? QueueEntryAt.tagsCode : QUEUE_ENTRY_BYTES;
      if (this.#found.compare(queue.entries, at, at + judged, at, at + judged) === 0) continue;
      const offset = queue.runFirst + i;
      const logOffset = entryLogOffset(queue.view, at);
      if (entrySize(found, at) === 0 && entryLogOffset(found, at) === 0) {
        if (faults.missing++ === 0) Object.assign(faults, { firstMissing: offset, firstMissingLogOffset: logOffset });
        faults.lastMissing = offset;
      } else if (faults.wrong++ === 0) {
        const example = `it says ${entryText(found, at)}; the record is ${entryText(queue.view, at)}`;
        Object.assign(faults, { firstWrong: offset, firstWrongLogOffset: logOffset, example });
      }
    }
    return faults;
  }
}

function entryText(view: DataView, at: number): string {
  return `at ${entryLogOffset(view, at)}, ${entrySize(view, at)} bytes, tags code ${entryTagsCode(view, at)}`;
}

/** Of two neighbouring parts of the log. */
export function joinFaults(earlier: EntryFaults, later: EntryFaults): EntryFaults {
  const ofMissing = earlier.missing > 0 ? earlier : later;
  const ofWrong = earlier.wrong > 0 ? earlier : later;
  return {
    missing: earlier.missing + later.missing,
    firstMissing: ofMissing.firstMissing,
    firstMissingLogOffset: ofMissing.firstMissingLogOffset,
    lastMissing: later.missing > 0 ? later.lastMissing : earlier.lastMissing,
    wrong: earlier.wrong + later.wrong,
    firstWrong: ofWrong.firstWrong,
    firstWrongLogOffset: ofWrong.firstWrongLogOffset,
    example: ofWrong.example,
  };
}
