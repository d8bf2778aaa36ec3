/**
 * Fills a store quickly, by the writers of the broker itself: records of one size, each with a unique key and a key, spread over the queues
 * of some topics in turn. The store is left as after a stop in order. The index is left to `ringmq repair`, which is timed by that.
 */

import { javaHashCode } from '../../src/base/java-hash.ts';
import { asLogOffset, asQueueOffset } from '../../src/base/units.ts';
import {
  completeRecord,
  encodeHost,
  RecordHead,
  recordSizeOf,
  writePropertiesLength,
  writeRecordHead,
  writeTopicLength,
} from '../../src/layout/message-record.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { CheckpointWriter } from '../../src/store/checkpoint.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { ConsumeQueueWriter } from '../../src/store/consume-queue.ts';
import { NodeDisk, writeWhole } from '../../src/store/disk.ts';
import { type StorePaths, storePathsOf } from '../../src/store/store-paths.ts';
import type { StoreSizes } from '../../src/store/store-sizes.ts';

export interface StorePlan {
  readonly root: string;
  readonly logBytes: number;
  readonly queues: number;
  readonly bodyBytes: number;
  readonly sizes: StoreSizes;
  /** Every record has it besides its own. */
  readonly sharedKey?: string;
  readonly recordsPerMs?: number;
}

const QUEUES_PER_TOPIC = 8;
const RUN_BYTES = 1024 * 1024;
const FILE_ENTRIES = 256;
/** Store time of the first record. */
export const FIRST_STORED_MS = 1_700_000_000_000;
const RECORDS_PER_MS = 100;
const HANDLES = 2048;
const TAGS_CODE = javaHashCode('TagA');

interface Queue {
  readonly topic: string;
  readonly topicBytes: Buffer;
  readonly queueId: number;
  readonly entries: Buffer;
  readonly view: DataView;
  filed: number;
  next: number;
}

export function makeStore(plan: StorePlan): { readonly records: number; readonly logBytes: number } {
  const disk = new NodeDisk();
  const paths = storePathsOf(plan.root);
  const maker = new StoreMaker(disk, paths, plan);
  while (maker.logEnd < plan.logBytes) maker.addRun();
  maker.close();
  return { records: maker.records, logBytes: maker.logEnd };
}

class StoreMaker {
  readonly #disk: NodeDisk;
  readonly #paths: StorePaths;
  readonly #queues: Queue[];
  readonly #log: CommitLogWriter;
  readonly #files: ConsumeQueueWriter;
  readonly #body: Buffer;
  readonly #moreKeys: string;
  readonly #recordsPerMs: number;
  readonly #run = Buffer.allocUnsafeSlow(RUN_BYTES);
  readonly #view = new DataView(this.#run.buffer);
  readonly #head = new RecordHead();
  records = 0;

  constructor(disk: NodeDisk, paths: StorePaths, { queues, bodyBytes, sizes, sharedKey, recordsPerMs }: StorePlan) {
    this.#disk = disk;
    this.#paths = paths;
    this.#queues = Array.from({ length: queues }, (_, i) => newQueue(i));
    const files = { directory: paths.commitLog, segmentSizeBytes: sizes.segmentSizeBytes };
    this.#log = new CommitLogWriter(disk, files, asLogOffset(0));
    this.#files = new ConsumeQueueWriter(disk, paths.consumeQueue, sizes.queueFileSizeBytes, HANDLES);
    this.#recordsPerMs = recordsPerMs ?? RECORDS_PER_MS;
    this.#moreKeys = sharedKey === undefined ? '' : ` ${sharedKey}`;
    this.#body = Buffer.alloc(bodyBytes, 'what a message says ');
    this.#head.bornHost = encodeHost('127.0.0.1', 40_000);
    this.#head.storeHost = encodeHost('127.0.0.1', 10_911);
  }

  get logEnd(): number {
    return this.#log.end;
  }

  /** Some hundred records with one write. */
  addRun(): void {
    let at = 0;
    const room = Math.min(RUN_BYTES, this.#log.roomInSegment());
    for (;;) {
      const size = this.#encode(at, room);
      if (size === 0) break;
      at += size;
    }
    if (at === 0) this.#log.roll();
    else this.#log.write(this.#run, 0, at);
  }

  close(): void {
    for (const queue of this.#queues) this.#file(queue);
    this.#files.close();
    this.#log.close();
    const storedMs = this.#storedMs();
    const checkpoint = new CheckpointWriter(this.#disk, this.#paths.checkpoint);
    checkpoint.write({ logTimestamp: storedMs, queuesTimestamp: storedMs }, null);
    checkpoint.close();
    const topics = Object.fromEntries(this.#queues.map(({ topic }) => [topic, { topicName: topic }]));
    this.#disk.makeDirectory(this.#paths.config);
    writeWhole(
      this.#disk,
      `${this.#paths.config}/topics.json`,
      Buffer.from(JSON.stringify({ topicConfigTable: topics })),
    );
  }

  #storedMs(): number {
    return FIRST_STORED_MS + Math.floor(this.records / this.#recordsPerMs);
  }

  /** 0 when it does not fit. */
  #encode(at: number, room: number): number {
    const queue = this.#queues[this.records % this.#queues.length]!;
    const number = digitsOf(this.records);
    const properties = `UNIQ_KEY\u0001FD0000000000000000000000000000020000${number}\u0002TAGS\u0001TagA\u0002KEYS\u0001${keyOf(this.records)}${this.#moreKeys}\u0002`;
    const size = recordSizeOf(this.#body.length, queue.topicBytes.length, properties.length, false, false);
    if (at + size > room) return 0;
    const head = this.#head;
    Object.assign(head, { totalSize: size, queueId: queue.queueId, topicLength: queue.topicBytes.length });
    Object.assign(head, { bodyLength: this.#body.length, bornTimestamp: this.#storedMs() });
    let next = writeRecordHead(this.#view, this.#run, at, head);
    this.#body.copy(this.#run, next);
    next = writeTopicLength(this.#view, next + this.#body.length, queue.topicBytes.length);
    queue.topicBytes.copy(this.#run, next);
    next = writePropertiesLength(this.#view, next + queue.topicBytes.length, properties.length);
    this.#run.write(properties, next, 'latin1');
    const logOffset = this.#log.end + at;
    completeRecord(this.#view, this.#run, at, queue.next, logOffset, this.#storedMs());
    this.#enter(queue, logOffset, size, TAGS_CODE);
    this.records++;
    return size;
  }

  #enter(queue: Queue, logOffset: number, size: number, tagsCode: number): void {
    writeQueueEntry(queue.view, (queue.next - queue.filed) * QUEUE_ENTRY_BYTES, logOffset, size, tagsCode);
    queue.next++;
    if (queue.next - queue.filed === FILE_ENTRIES) this.#file(queue);
  }

  #file(queue: Queue): void {
    const length = (queue.next - queue.filed) * QUEUE_ENTRY_BYTES;
    this.#files.append(queue.topic, queue.queueId, asQueueOffset(queue.filed), queue.entries, 0, length);
    queue.filed = queue.next;
  }
}

/** The key of a record, by its number. */
export function keyOf(record: number): string {
  return `key-${digitsOf(record)}`;
}

export function topicOf(queue: number): string {
  return `topic-${Math.floor(queue / QUEUES_PER_TOPIC)}`;
}

function digitsOf(record: number): string {
  return record.toString(16).toUpperCase().padStart(16, '0');
}

function newQueue(i: number): Queue {
  const topic = topicOf(i);
  const entries = Buffer.alloc(FILE_ENTRIES * QUEUE_ENTRY_BYTES);
  const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
  return { topic, topicBytes: Buffer.from(topic), queueId: i % QUEUES_PER_TOPIC, entries, view, filed: 0, next: 0 };
}
