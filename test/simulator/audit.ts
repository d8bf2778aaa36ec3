/**
 * Reads a simulated broker's store as clients would: the log record by record, each queue from its tail and its files as a pull does. What
 * does not fit together in itself is a violation; whether it is what was sent is the oracle's to say.
 */
import { asLogOffset, asQueueOffset, type QueueSlot } from '../../src/base/units.ts';
import { RecordCursor } from '../../src/layout/message-record.ts';
import { entryLogOffset, entrySize, QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import { ConsumeQueueReader } from '../../src/store/consume-queue.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { LogScanner, Scanned } from '../../src/store/log-scanner.ts';
import { type SimBroker, STORE_PATHS } from './sim-broker.ts';
import { insist } from './violation.ts';

export interface FoundMessage {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly logOffset: number;
  readonly size: number;
  readonly body: string;
}

const HANDLES = 4;
const READ_ENTRIES = 7;

export class StoreReader {
  readonly #broker: SimBroker;
  readonly #log: LogReader;
  readonly #files: ConsumeQueueReader;
  readonly #cursor = new RecordCursor();

  constructor(broker: SimBroker) {
    const { disk, settings } = broker;
    this.#broker = broker;
    this.#log = new LogReader(disk, {
      directory: STORE_PATHS.commitLog,
      segmentSizeBytes: settings.mappedFileSizeCommitLog,
    });
    this.#files = new ConsumeQueueReader(disk, STORE_PATHS.consumeQueue, settings.mappedFileSizeConsumeQueue, HANDLES);
  }

  /** Every record of the log, by the scanner that recovery uses. */
  log(): FoundMessage[] {
    const end = asLogOffset(this.#broker.written());
    const scanner = new LogScanner(this.#log, true);
    const found: FoundMessage[] = [];
    scanner.begin(asLogOffset(this.#broker.start.logStart), end);
    let code = scanner.next();
    for (; code === Scanned.record; code = scanner.next()) {
      found.push(messageAt(scanner.cursor, scanner.bytes));
    }
    insist(
      code === Scanned.end && scanner.position === end,
      () => `the log says that it ends at ${end}, but no record lies at ${scanner.position}`,
    );
    return found;
  }

  /** The messages of a queue that a consumer gets, from its minimum to its maximum. */
  queue(slot: QueueSlot): FoundMessage[] {
    const { table, directory } = this.#broker;
    const { topic, queueId } = directory.entry(slot);
    const max = table.max(slot);
    const logStart = this.#broker.logStart();
    const entries = new Uint8Array(READ_ENTRIES * QUEUE_ENTRY_BYTES);
    const view = new DataView(entries.buffer);
    const found: FoundMessage[] = [];
    for (let from: number = table.min(slot); from < max; ) {
      const count = Math.min(READ_ENTRIES, max - from);
      const offset = asQueueOffset(from);
      const read =
        table.readTail(slot, offset, count, entries, 0) ||
        this.#files.read(topic, queueId, offset, Math.min(count, table.filed(slot) - from), entries, 0);
      insist(
        read > 0,
        () => `entry ${from} of ${topic}/${queueId} is neither in the tail nor in a file; it ends at ${max}`,
      );
      for (let i = 0; i < read; i++) {
        const at = i * QUEUE_ENTRY_BYTES;
        const logOffset = entryLogOffset(view, at);
        // Its segment is deleted, or is being deleted.
        if (logOffset < logStart) continue;
        found.push(this.#record(topic, queueId, from + i, logOffset, entrySize(view, at)));
      }
      from += read;
    }
    return found;
  }

  close(): void {
    this.#log.close();
    this.#files.close();
  }

  #record(topic: string, queueId: number, queueOffset: number, logOffset: number, size: number): FoundMessage {
    const name = (): string => `entry ${queueOffset} of ${topic}/${queueId}`;
    const end = this.#broker.written();
    insist(
      size > 0 && logOffset + size <= end,
      () => `${name()} points at ${logOffset}, ${size} bytes; the log ends at ${end}`,
    );
    const bytes = Buffer.alloc(size);
    const read = this.#log.read(asLogOffset(logOffset), size, bytes, 0);
    const isWhole = read === size && this.#cursor.load(new DataView(bytes.buffer, bytes.byteOffset, size), 0);
    insist(isWhole, () => `${name()} points at ${logOffset}, where no record lies`);
    const message = messageAt(this.#cursor, bytes);
    insist(
      message.topic === topic && message.queueId === queueId && message.queueOffset === queueOffset,
      () => `${name()} points at message ${message.queueOffset} of ${message.topic}/${message.queueId}`,
    );
    return message;
  }
}

function messageAt(cursor: RecordCursor, bytes: Buffer): FoundMessage {
  const text = (start: number, length: number): string => bytes.toString('latin1', start, start + length);
  return {
    topic: text(cursor.topicStart, cursor.topicLength),
    queueId: cursor.queueId,
    queueOffset: cursor.queueOffset,
    logOffset: cursor.physicalOffset,
    size: cursor.totalSize,
    body: text(cursor.bodyStart, cursor.bodyLength),
  };
}

/** All that a broker holds: the log in order, and by queue the messages in it. */
export interface StoreContents {
  readonly logStart: number;
  readonly log: readonly FoundMessage[];
  readonly queues: readonly (readonly FoundMessage[])[];
}

export function contentsOf(broker: SimBroker): StoreContents {
  const reader = new StoreReader(broker);
  const log = reader.log();
  // In an order of their own: rows are given out as the queues are met.
  const nameOf = (slot: QueueSlot): string => Object.values(broker.directory.entry(slot)).join('/');
  const rows = broker.usedRows().sort((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
  const queues = rows.map((slot) => reader.queue(slot));
  reader.close();
  return { logStart: broker.start.logStart, log, queues };
}
