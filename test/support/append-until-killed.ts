/**
 * A process that writes records to a store on the real disk, files them in queues and says so, until it is killed. Each line of its
 * output is the log offset behind a record that is written. Started by the test of recovery after kill -9.
 */
import { writeSync } from 'node:fs';
import { asLogOffset, asQueueOffset } from '../../src/base/units.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { ConsumeQueueWriter } from '../../src/store/consume-queue.ts';
import { NodeDisk } from '../../src/store/disk.ts';
import { SystemProcesses } from '../../src/store/process-table.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import { StoreLock } from '../../src/store/store-lock.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import { encodeTestRecord, testRecordSize } from './records.ts';

export const KILLED_SIZES = { segmentSizeBytes: 256 * 1024, queueFileSizeBytes: 200 * QUEUE_ENTRY_BYTES };
export const KILLED_TOPIC = 'Killed';
const QUEUES = 4;

function appendForever(root: string): void {
  const disk = new NodeDisk();
  const paths = storePathsOf(root);
  const { cleanStop } = StoreLock.acquire(disk, paths, new SystemProcesses(disk));
  const silent = { info: () => {}, warn: () => {} };
  const store = recoverStore(disk, paths, { ...KILLED_SIZES, checksBodies: true, cleanStop }, silent);
  const files = { directory: paths.commitLog, segmentSizeBytes: KILLED_SIZES.segmentSizeBytes };
  const log = new CommitLogWriter(disk, files, asLogOffset(store.logEnd));
  const queues = new ConsumeQueueWriter(disk, paths.consumeQueue, KILLED_SIZES.queueFileSizeBytes, 2);
  const shared = Buffer.from(new SharedArrayBuffer(4096));
  const entry = new Uint8Array(QUEUE_ENTRY_BYTES);
  for (let sent = 0; ; sent++) {
    const queueId = sent % QUEUES;
    const body = `${sent} `.repeat(1 + (sent % 50));
    const size = testRecordSize({ topic: KILLED_TOPIC, body });
    if (size > log.roomInSegment()) log.roll();
    const logOffset = log.end;
    const queueOffset = store.nextOffset(KILLED_TOPIC, queueId) + Math.floor(sent / QUEUES);
    const record = { topic: KILLED_TOPIC, queueId, queueOffset, logOffset, storeTimestamp: Date.now(), body };
    encodeTestRecord(record).copy(shared);
    log.write(shared, 0, size);
    writeSync(1, `${log.end}\n`);
    writeQueueEntry(new DataView(entry.buffer), 0, logOffset, size, 0);
    queues.append(KILLED_TOPIC, queueId, asQueueOffset(queueOffset), entry, 0, entry.length);
  }
}

const root = process.argv[2];
if (root !== undefined && process.argv[1] === import.meta.filename) appendForever(root);
