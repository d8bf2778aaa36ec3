/**
 * At every moment each entry that a queue's maximum promises is in its tail or in its file: a pull that found it in neither would be sent
 * on to the next file, past messages that are there.
 */
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { seededRandom } from '../../../src/base/random.ts';
import { asQueueOffset, type QueueOffset, type QueueSlot } from '../../../src/base/units.ts';
import { DelayLevels } from '../../../src/broker/delay-levels.ts';
import { entryLogOffset, QUEUE_ENTRY_BYTES } from '../../../src/layout/queue-entry.ts';
import { QueueDirectory } from '../../../src/ring/queue-directory.ts';
import { QueueTable } from '../../../src/ring/queue-table.ts';
import { Watermark } from '../../../src/ring/watermark.ts';
import { ConsumeQueueReader, ConsumeQueueWriter } from '../../../src/store/consume-queue.ts';
import { LogReader } from '../../../src/store/log-reader.ts';
import { DeletedFiles } from '../../../src/threads/deleted-files.ts';
import { DispatchAgent } from '../../../src/threads/dispatch/dispatch-agent.ts';
import { QueueFiling } from '../../../src/threads/dispatch/queue-filing.ts';
import { allocateBrokerMemory, dispatchEnds } from '../../../src/threads/topology.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';
import { encodeTestRecord, testRecordSize } from '../../support/records.ts';

const TOPIC = 'T';
const MESSAGES = 700;
const SIZE = testRecordSize({ topic: TOPIC });
const QUEUE_FILE_BYTES = 6000 * QUEUE_ENTRY_BYTES;
const LOG = { directory: '/log', segmentSizeBytes: 1024 * 1024 };

/** Looks at all entries as a pull does, tail first, whenever a maximum has been published. */
class WatchedTable extends QueueTable {
  readonly missing: string[] = [];
  readonly #files: ConsumeQueueReader;
  readonly #entry = Buffer.alloc(QUEUE_ENTRY_BYTES);

  constructor(memory: SharedArrayBuffer, files: ConsumeQueueReader) {
    super(memory);
    this.#files = files;
  }

  override publishMax(slot: QueueSlot, max: QueueOffset): void {
    super.publishMax(slot, max);
    const view = new DataView(this.#entry.buffer, this.#entry.byteOffset, this.#entry.length);
    for (let n = 0; n < max; n++) {
      const offset = asQueueOffset(n);
      const isThere =
        this.readTail(slot, offset, 1, this.#entry, 0) === 1 ||
        (n < this.filed(slot) && this.#files.read(TOPIC, 0, offset, 1, this.#entry, 0) === 1);
      if (!isThere || entryLogOffset(view, 0) !== n * SIZE) this.missing.push(`${n} of ${max}`);
    }
  }
}

function openDispatch() {
  const disk = new MemoryDisk();
  disk.makeDirectory(LOG.directory);
  const log = disk.open(`${LOG.directory}/${'0'.repeat(20)}`, 'create');
  for (let n = 0; n < MESSAGES; n++) {
    const record = { topic: TOPIC, queueId: 0, queueOffset: n, logOffset: n * SIZE, storeTimestamp: 1_700_000_000_000 };
    log.write(encodeTestRecord(record), 0, SIZE, n * SIZE);
  }
  const memory = allocateBrokerMemory('inline', 1);
  new QueueDirectory(memory.queueDirectory).add(TOPIC, 0);
  const queueTable = new WatchedTable(memory.queueTable, new ConsumeQueueReader(disk, '/queues', QUEUE_FILE_BYTES, 4));
  const visible = new Watermark(new SharedArrayBuffer(8), 0);
  const ends = { ...dispatchEnds(memory, false), queueTable, visible };
  const files = new ConsumeQueueWriter(disk, '/queues', QUEUE_FILE_BYTES, 4);
  const reader = new LogReader(disk, LOG);
  const agent = new DispatchAgent({
    ends,
    log: reader,
    filing: new QueueFiling({
      ends,
      files,
      index: null,
      nowUs: systemClock.monotonicUs(),
      lookFrom: 0,
      startedAt: 0,
      handOver: () => {},
    }),
    index: null,
    delays: new DelayLevels(),
    batchTopics: new Set(),
    completeTo: 0,
    queues: [],
    clock: systemClock,
    deleted: new DeletedFiles(ends, reader, files),
  });
  return { disk, agent, visible, queueTable };
}

describe('entries of a queue', () => {
  it.each([1, 2, 3])('are in its tail or its file whenever they are promised, rounds of seed %i', (seed) => {
    const { agent, visible, queueTable } = openDispatch();
    const random = seededRandom(seed);
    let shown = 0;
    while (shown < MESSAGES) {
      shown = Math.min(MESSAGES, shown + 1 + random.below(100));
      visible.advance(shown * SIZE);
      agent.doWork();
    }
    expect(queueTable.max(0 as QueueSlot)).toBe(MESSAGES);
    expect(queueTable.missing).toEqual([]);
  });

  it('are not promised any more when the disk is full and the tail would lose them', () => {
    const { disk, agent, visible, queueTable } = openDispatch();
    visible.advance(100 * SIZE);
    agent.doWork();
    disk.roomBytes = 0;
    visible.advance(MESSAGES * SIZE);
    for (let round = 0; round < 5; round++) agent.doWork();
    expect(queueTable.max(0 as QueueSlot)).toBeLessThan(MESSAGES);
    expect(queueTable.missing).toEqual([]);
    disk.roomBytes = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) agent.doWork();
    expect(queueTable.max(0 as QueueSlot)).toBe(MESSAGES);
    expect(queueTable.missing).toEqual([]);
  });
});
