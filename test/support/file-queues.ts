/** What dispatch does after a start, as simply as possible: files the entries of the log that the queues do not have yet. */
import { assert } from '../../src/base/assert.ts';
import { javaHashCode } from '../../src/base/java-hash.ts';
import { asQueueOffset } from '../../src/base/units.ts';
import { parsePropertiesAt } from '../../src/layout/message-properties.ts';
import { SysFlag } from '../../src/layout/message-record.ts';
import { PropertyName } from '../../src/layout/property-names.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { ConsumeQueueWriter } from '../../src/store/consume-queue.ts';
import type { Disk } from '../../src/store/disk.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { LogScanner, Scanned } from '../../src/store/log-scanner.ts';
import type { RecoveredStore } from '../../src/store/recovery.ts';
import type { StorePaths } from '../../src/store/store-paths.ts';

const DELAY_LEVELS_S = [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200];

export function fileQueues(
  disk: Disk,
  paths: StorePaths,
  sizes: { readonly segmentSizeBytes: number; readonly queueFileSizeBytes: number },
  store: RecoveredStore,
): ConsumeQueueWriter {
  const reader = new LogReader(disk, { directory: paths.commitLog, segmentSizeBytes: sizes.segmentSizeBytes });
  const writer = new ConsumeQueueWriter(disk, paths.consumeQueue, sizes.queueFileSizeBytes, 16);
  const scanner = new LogScanner(reader, false);
  scanner.begin(store.dispatchFrom, store.logEnd);
  let found = scanner.next();
  for (; found === Scanned.record; found = scanner.next()) {
    if (scanner.position >= store.queuesCompleteTo && scanner.isTopicWhole())
      fileOne(writer, scanner, store.batchTopics);
  }
  assert(found === Scanned.end, 'the recovered log is whole up to its end');
  reader.close();
  return writer;
}

function fileOne(writer: ConsumeQueueWriter, scanner: LogScanner, batchTopics: ReadonlySet<string>): void {
  const { cursor, bytes } = scanner;
  const kind = cursor.sysFlag & SysFlag.transactionRollback;
  if (kind === SysFlag.transactionPrepared || kind === SysFlag.transactionRollback) return;
  const topic = bytes.toString('utf8', cursor.topicStart, cursor.topicStart + cursor.topicLength);
  if (batchTopics.has(topic) || (cursor.sysFlag & SysFlag.innerBatch) !== 0) return;
  if (cursor.queueOffset < writer.end(topic, cursor.queueId)) return;
  const entry = new Uint8Array(QUEUE_ENTRY_BYTES);
  writeQueueEntry(new DataView(entry.buffer), 0, cursor.physicalOffset, cursor.totalSize, tagsCodeOf(scanner, topic));
  writer.append(topic, cursor.queueId, asQueueOffset(cursor.queueOffset), entry, 0, QUEUE_ENTRY_BYTES);
}

function tagsCodeOf({ cursor, bytes }: LogScanner, topic: string): number {
  const end = cursor.propertiesStart + cursor.propertiesLength;
  const properties = parsePropertiesAt(bytes, cursor.propertiesStart, end);
  const level = Number(properties.get(PropertyName.DELAY) ?? 0);
  if (topic === 'SCHEDULE_TOPIC_XXXX' && level > 0) {
    return cursor.storeTimestamp + DELAY_LEVELS_S[Math.min(level, DELAY_LEVELS_S.length) - 1]! * 1000;
  }
  return javaHashCode(properties.get(PropertyName.TAGS) ?? '');
}
