/**
 * Chooses the records of a pull from the queue's entries: bounds, tag filter and batch limits (spec/api.md 8.3, 8.5). Entries come from
 * the shared tail or, when it does not hold them any more, from the ConsumeQueue file. Called on net for each pull that has passed its
 * checks; allocates nothing.
 */
import { FRAME_SIZE_MAX_BYTES, QUEUE_TAIL_ENTRIES } from '../base/limits.ts';
import { asLogOffset, asQueueOffset, type LogOffset, type QueueOffset } from '../base/units.ts';
import { tagsMatch } from '../filter/tag-filter.ts';
import { entryLogOffset, entrySize, entryTagsHash, QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { NO_SLOT, type PullTarget } from './pull-checks.ts';
import { isForAll } from './pull-filters.ts';
import type { PullPorts } from './pull-ports.ts';
import type { PullSelection } from './pull-selection.ts';

/** Entries that one pull may look at, whatever it and the settings ask for: 0.1 ms of the net thread. */
const SCAN_MAX_ENTRIES = 16_384;
/** Records of one pull, whatever the settings allow. */
const RECORDS_MAX = 16_384;
/** A client refuses a frame above FRAME_SIZE_MAX_BYTES; a first record may be larger than this and is sent. */
const BODY_MAX_BYTES = FRAME_SIZE_MAX_BYTES / 2;
/** A larger record fits no frame, and the size of what is no message's entry (layout/queue-entry) is larger: both are passed over. */
const RECORD_MAX_BYTES = FRAME_SIZE_MAX_BYTES - 64 * 1024;
/** Entries that are read at once when a filter may drop most of them. */
const FILTERED_CHUNK_ENTRIES = 256;

export class PullScan {
  readonly #ports: PullPorts;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  /** Records further than this from the log's end count as on disk. */
  readonly memoryBytes: number;
  readonly #entriesPerFile: number;

  constructor(ports: PullPorts) {
    const { settings } = ports;
    this.#ports = ports;
    const entries = Math.max(FILTERED_CHUNK_ENTRIES, QUEUE_TAIL_ENTRIES, this.recordsMax);
    this.#bytes = Buffer.alloc(entries * QUEUE_ENTRY_BYTES);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    this.memoryBytes = (ports.memoryLimitBytes * settings.accessMessageInMemoryMaxRatio) / 100;
    this.#entriesPerFile = Math.floor(settings.mappedFileSizeConsumeQueue / QUEUE_ENTRY_BYTES);
  }

  get recordsMax(): number {
    const { maxTransferCountOnMessageInMemory: memory, maxTransferCountOnMessageInDisk: disk } = this.#ports.settings;
    return Math.min(RECORDS_MAX, Math.max(1, memory, disk));
  }

  /** Fills `into` with what is to be sent from `offset` on. */
  scan(target: PullTarget, queueId: number, offset: QueueOffset, recordsMax: number, into: PullSelection): void {
    const { queues } = this.#ports;
    const { slot } = target;
    if (slot === NO_SLOT) {
      into.begin(offset, asQueueOffset(0), asQueueOffset(0));
      into.end('NO_MATCHED_LOGIC_QUEUE', 0);
      return;
    }
    const min = queues.min(slot);
    const max = queues.max(slot);
    into.begin(offset, min, max);
    if (max === 0) into.end('NO_MESSAGE_IN_QUEUE', 0);
    else if (offset < min) into.end('OFFSET_TOO_SMALL', min);
    else if (offset === max) into.end('OFFSET_OVERFLOW_ONE', offset);
    else if (offset > max) into.end('OFFSET_OVERFLOW_BADLY', max);
    else this.#walk(target, queueId, recordsMax, into);
  }

  #walk(target: PullTarget, queueId: number, recordsMax: number, into: PullSelection): void {
    const { settings } = this.#ports;
    const { offset, maxOffset } = into;
    const logEnd = this.#ports.logEnd();
    const filter = target.filter;
    const isAll = isForAll(filter);
    const scanMax = Math.min(
      SCAN_MAX_ENTRIES,
      maxOffset - offset,
      Math.ceil(Math.max(settings.maxFilterMessageSize, recordsMax * QUEUE_ENTRY_BYTES) / QUEUE_ENTRY_BYTES),
    );
    const countMax = Math.min(into.recordsMax, Math.max(1, recordsMax));
    const chunkMax = isAll ? countMax : FILTERED_CHUNK_ENTRIES;
    const view = this.#view;
    let step = 0;
    let isFull = false;
    while (step < scanMax && !isFull && into.count < countMax) {
      const count = this.#entries(target, queueId, asQueueOffset(offset + step), Math.min(chunkMax, scanMax - step));
      if (count === 0) break;
      for (let i = 0; i < count; i++) {
        const at = i * QUEUE_ENTRY_BYTES;
        const logOffset = asLogOffset(entryLogOffset(view, at));
        const size = entrySize(view, at);
        if (into.count > 0 && this.#isFull(into, logEnd - logOffset, size, recordsMax)) {
          isFull = true;
          break;
        }
        step++;
        into.lastScanned = logOffset;
        if (size > 0 && size <= RECORD_MAX_BYTES && (isAll || tagsMatch(filter, entryTagsHash(view, at))))
          into.add(logOffset, size, step - 1);
      }
    }
    if (step === 0) this.#foundNothing(target, into);
    else into.end(into.count > 0 ? 'FOUND' : 'NO_MATCHED_MESSAGE', offset + step);
  }

  /** The entry is in no file: it may have been deleted while this looked for it, and then the queue begins later by now. */
  #foundNothing({ slot }: PullTarget, into: PullSelection): void {
    const min = this.#ports.queues.min(slot);
    if (into.offset < min) {
      into.begin(into.offset, min, into.maxOffset);
      into.end('OFFSET_TOO_SMALL', min);
    } else into.end('OFFSET_FOUND_NULL', this.#nextFile(into.offset));
  }

  /** Looked at before the filter, as upstream does: an entry that would not fit ends the batch even when it does not match. */
  #isFull(into: PullSelection, distance: number, size: number, recordsMax: number): boolean {
    const { settings } = this.#ports;
    if (into.count >= recordsMax || into.count >= into.recordsMax) return true;
    const bytes = into.bodyLength + size;
    if (bytes > BODY_MAX_BYTES) return true;
    if (distance <= this.memoryBytes) {
      return (
        bytes > settings.maxTransferBytesOnMessageInMemory || into.count >= settings.maxTransferCountOnMessageInMemory
      );
    }
    return bytes > settings.maxTransferBytesOnMessageInDisk || into.count >= settings.maxTransferCountOnMessageInDisk;
  }

  /** Reads up to `count` entries to the front of the scratch memory; 0 when neither tail nor file has them. */
  #entries(target: PullTarget, queueId: number, from: QueueOffset, count: number): number {
    const { queues, entries } = this.#ports;
    const inTail = queues.readTail(target.slot, from, count, this.#bytes, 0);
    if (inTail > 0) return inTail;
    // What has left the tail was filed before, so `filed` is read after the tail.
    const filed = queues.filed(target.slot) - from;
    return filed <= 0 ? 0 : entries.read(target.topic.name, queueId, from, Math.min(count, filed), this.#bytes, 0);
  }

  #nextFile(offset: QueueOffset): number {
    return (Math.floor(offset / this.#entriesPerFile) + 1) * this.#entriesPerFile;
  }

  /** Is a reader at `lastScanned` so far behind that a slave should serve it? */
  isFarBehind(lastScanned: LogOffset): boolean {
    return lastScanned >= 0 && this.#ports.logEnd() - lastScanned > this.memoryBytes;
  }
}
