/** Small stores on a disk in memory, made by the store's own writers: for tests that damage one thing at a time. */

import { javaHashCode } from '../../src/base/java-hash.ts';
import { asLogOffset, asQueueOffset } from '../../src/base/units.ts';
import {
  encodeIndexHeader,
  FIRST_INDEX_ENTRY,
  type IndexFileShape,
  indexEntryPosition,
  indexFileBytes,
  indexKeyHashOf,
  indexSeconds,
  indexSlotPosition,
  writeIndexEntry,
} from '../../src/layout/index-file.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { CheckpointWriter } from '../../src/store/checkpoint.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { ConsumeQueueWriter } from '../../src/store/consume-queue.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import type { StoreSizes } from '../../src/store/store-sizes.ts';
import { MemoryDisk } from './memory-disk.ts';
import { encodeTestRecord, type TestRecord, testRecordSize } from './records.ts';

export const smallPaths = storePathsOf('/store');
export const SMALL_SIZES: StoreSizes = { segmentSizeBytes: 4096, queueFileSizeBytes: 400 };
export const SMALL_SHAPE: IndexFileShape = { slots: 7, entries: 1000 };
export const SMALL_INDEX = '/store/index/20260101000000000';
const STORED_MS = 1_700_000_000_000;
/** More than a checkpoint's slack between the files of the log. */
const STEP_MS = 1000;

export interface SmallMessage {
  readonly topic?: string;
  readonly queueId?: number;
  readonly body?: string | Uint8Array;
  readonly tag?: string;
  readonly key?: string;
  /** For offsets that are out of order. */
  readonly queueOffset?: number;
}

export interface SmallStore {
  readonly disk: MemoryDisk;
  readonly records: readonly (TestRecord & { readonly size: number })[];
  readonly logEnd: number;
}

/** `count` messages, alternating between two queues of T; what `fields` says of them counts. */
export function smallStore(
  count: number,
  fields: (i: number) => SmallMessage = () => ({}),
  { segmentSizeBytes, queueFileSizeBytes }: StoreSizes = SMALL_SIZES,
): SmallStore {
  const disk = new MemoryDisk();
  disk.makeDirectory('/store');
  const files = { directory: smallPaths.commitLog, segmentSizeBytes };
  const log = new CommitLogWriter(disk, files, asLogOffset(0));
  const queues = new ConsumeQueueWriter(disk, smallPaths.consumeQueue, queueFileSizeBytes, 16);
  const next = new Map<string, number>();
  const records: (TestRecord & { size: number })[] = [];
  for (let i = 0; i < count; i++) {
    const { topic = 'T', queueId = i % 2, body = `body ${i}`, tag = 'A', key = `key${i}`, queueOffset } = fields(i);
    const properties = `UNIQ_KEY\u0001unique${i}\u0002TAGS\u0001${tag}\u0002KEYS\u0001${key}\u0002`;
    const size = testRecordSize({ topic, body, properties });
    if (size > log.roomInSegment()) log.roll();
    const offset = queueOffset ?? next.get(`${topic}/${queueId}`) ?? 0;
    next.set(`${topic}/${queueId}`, offset + 1);
    const record = {
      topic,
      queueId,
      body,
      properties,
      queueOffset: offset,
      logOffset: log.end,
      storeTimestamp: STORED_MS + i * STEP_MS,
    };
    log.write(encodeTestRecord(record), 0, size);
    records.push({ ...record, size });
    if (queueOffset === undefined) {
      const entry = new Uint8Array(QUEUE_ENTRY_BYTES);
      writeQueueEntry(new DataView(entry.buffer), 0, record.logOffset, size, javaHashCode(tag));
      queues.append(topic, queueId, asQueueOffset(offset), entry, 0, QUEUE_ENTRY_BYTES);
    }
  }
  queues.close();
  log.close();
  disk.put(SMALL_INDEX, indexOf(records));
  const checkpoint = new CheckpointWriter(disk, smallPaths.checkpoint);
  const newest = STORED_MS + (count - 1) * STEP_MS;
  checkpoint.write({ logTimestamp: newest, queuesTimestamp: newest, indexTimestamp: newest }, null);
  checkpoint.close();
  const topics = Object.fromEntries(records.map(({ topic }) => [topic, { topicName: topic }]));
  disk.put('/store/config/topics.json', JSON.stringify({ topicConfigTable: topics }));
  return { disk, records, logEnd: log.end };
}

/** One index file with the keys of the records, as upstream would have it. */
function indexOf(records: readonly TestRecord[]): Uint8Array {
  const bytes = new Uint8Array(indexFileBytes(SMALL_SHAPE));
  const view = new DataView(bytes.buffer);
  const [first] = records;
  let entry = FIRST_INDEX_ENTRY;
  const newest = new Map<number, number>();
  for (const { topic, logOffset, properties = '', storeTimestamp } of records) {
    for (const key of keysOf(properties)) {
      const hash = indexKeyHashOf(topic, key);
      const slot = hash % SMALL_SHAPE.slots;
      const seconds = indexSeconds(first!.storeTimestamp, storeTimestamp);
      writeIndexEntry(view, indexEntryPosition(SMALL_SHAPE, entry), hash, logOffset, seconds, newest.get(slot) ?? 0);
      view.setInt32(indexSlotPosition(slot), entry);
      newest.set(slot, entry++);
    }
  }
  const last = records.at(-1);
  const header = {
    beginTimestamp: first?.storeTimestamp ?? 0,
    endTimestamp: last?.storeTimestamp ?? 0,
    beginLogOffset: first?.logOffset ?? 0,
    endLogOffset: last?.logOffset ?? 0,
    usedSlots: newest.size,
    nextEntry: entry,
  };
  bytes.set(encodeIndexHeader(header));
  return bytes;
}

function keysOf(properties: string): string[] {
  const value = (name: string): string => new RegExp(`${name}\u0001([^\u0002]*)\u0002`).exec(properties)?.[1] ?? '';
  return [value('UNIQ_KEY'), ...value('KEYS').split(' ')].filter((key) => key !== '');
}
