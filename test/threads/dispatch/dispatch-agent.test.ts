import { beforeEach, describe, expect, it } from 'vitest';
import { InvariantError } from '../../../src/base/assert.ts';
import { asQueueOffset, asQueueSlot, type QueueSlot } from '../../../src/base/units.ts';
import { entryLogOffset, entrySize, entryTagsCode, QUEUE_ENTRY_BYTES } from '../../../src/layout/queue-entry.ts';
import { STABLE_ENTRIES } from '../../../src/ring/queue-table.ts';
import { SlotRing } from '../../../src/ring/slot-ring.ts';
import { ConsumeQueueReader } from '../../../src/store/consume-queue.ts';
import {
  GOLDEN_QUEUE_FILE_BYTES,
  GOLDEN_SEGMENT_BYTES,
  goldenStore,
  goldenStoreIndex,
} from '../../support/golden-store.ts';
import { encodeTestRecord, testRecordSize } from '../../support/records.ts';
import { DataPath, type DataPathOptions } from '../data-path.ts';

type Entry = readonly [logOffset: number, size: number, tagsCode: number];

/** Entries of a queue's files from `from` on. */
function filed(path: DataPath, topic: string, queueId: number, from: number, count: number): Entry[] {
  const fileBytes = path.disk.list(`/store/consumequeue/${topic}/${queueId}`);
  if (fileBytes.length === 0) return [];
  const size = path.disk.stat(`/store/consumequeue/${topic}/${queueId}/${fileBytes[0]}`)!.size;
  const reader = new ConsumeQueueReader(path.disk, path.paths.consumeQueue, size, 4);
  const bytes = Buffer.alloc(count * QUEUE_ENTRY_BYTES);
  const read = reader.read(topic, queueId, asQueueOffset(from), count, bytes, 0);
  reader.close();
  return entriesOf(bytes, read);
}

/** Entries that the queue's tail shows to the net threads. */
function tail(path: DataPath, slot: QueueSlot, from: number, count: number): Entry[] {
  const bytes = Buffer.alloc(count * QUEUE_ENTRY_BYTES);
  return entriesOf(bytes, path.queueTable.readTail(slot, asQueueOffset(from), count, bytes, 0));
}

function entriesOf(bytes: Buffer, count: number): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: count }, (_, i) => {
    const at = i * QUEUE_ENTRY_BYTES;
    return [entryLogOffset(view, at), entrySize(view, at), Number(entryTagsCode(view, at))];
  });
}

const SLOT = asQueueSlot(0);

describe('the log of Apache’s broker', () => {
  const index = goldenStoreIndex('clean.index.json');
  const simple = index.queues.filter(({ type }) => type === 'SimpleCQ');

  it('gives the queues that Apache’s broker has built of it, delivery times of delayed messages included', () => {
    const disk = goldenStore('clean');
    disk.removeTree('/store/consumequeue');
    const batchTopics = index.queues.filter(({ type }) => type === 'BatchCQ').map(({ topic }) => topic);
    const path = new DataPath({
      disk,
      batchTopics,
      segmentBytes: GOLDEN_SEGMENT_BYTES,
      queueFileBytes: GOLDEN_QUEUE_FILE_BYTES,
      queues: 0,
      logEnd: index.commitLog.maxOffset,
      dispatchFrom: index.commitLog.minOffset,
    });
    for (const { topic, queueId } of simple) path.directory.add(topic, queueId);
    const { agent } = path.dispatcher();
    let beats = 0;
    agent.catchUp(index.commitLog.maxOffset, () => beats++);
    agent.close();
    expect(path.status.watermark('dispatched').read()).toBe(index.commitLog.maxOffset);
    // A thread that rebuilds queues for minutes is not taken for a stuck one.
    expect(beats).toBeGreaterThanOrEqual(index.commitLog.maxOffset / (1024 * 1024));
    expect(simple.some(({ topic }) => topic === 'SCHEDULE_TOPIC_XXXX')).toBe(true);
    for (const { topic, queueId, minOffset, entryCount, entries } of simple) {
      const expected = entries.map(([, logOffset, size, tagsCode]) => [logOffset, size, tagsCode]);
      expect([topic, queueId, filed(path, topic, queueId, minOffset, entryCount)]).toEqual([topic, queueId, expected]);
    }
  });
});

describe('live', () => {
  let path: DataPath;
  const send = (count: number, queueId = 0, body = 'body'): void => {
    for (let i = 0; i < count; i++) {
      path.net.send({ queueId, body });
      path.write();
      path.net.answers();
    }
  };
  const start = (options: DataPathOptions = {}) => {
    path = new DataPath({ segmentBytes: 4 * 1024 * 1024, ...options });
    return path.dispatcher({ syncFlush: options.settings?.flushDiskType === 'SYNC_FLUSH' }).agent;
  };

  it('shows an entry in the tail before it is in a file', () => {
    const agent = start();
    send(3, 2);
    expect(agent.hasWork()).toBe(true);
    expect(agent.doWork()).toBe(3);
    expect(agent.hasWork()).toBe(false);
    const records = path.records().map(({ logOffset, bytes }) => [logOffset, bytes.length, 0]);
    expect(tail(path, asQueueSlot(2), 0, 10)).toEqual(records);
    expect(path.queueTable.max(asQueueSlot(2))).toBe(3);
    expect(path.queueTable.filed(asQueueSlot(2))).toBe(0);
    expect(filed(path, 'T', 2, 0, 10)).toEqual([]);
    expect(path.status.watermark('dispatched').read()).toBe(path.log.end);
  });

  it('files 64 entries at once, and fewer with the next round', () => {
    const agent = start();
    send(64);
    agent.doWork();
    expect(path.queueTable.filed(SLOT)).toBe(64);
    send(5);
    agent.doWork();
    expect(path.queueTable.filed(SLOT)).toBe(64);
    path.clock.passMs(9_999);
    expect(agent.hasWork()).toBe(false);
    expect(agent.sleepMaxMs()).toBe(1);
    path.clock.passMs(1);
    expect(agent.hasWork()).toBe(true);
    agent.doWork();
    expect(path.queueTable.filed(SLOT)).toBe(69);
    const expected = path.records().map(({ logOffset, bytes }) => [logOffset, bytes.length, 0]);
    expect(filed(path, 'T', 0, 0, 69)).toEqual(expected);
  });

  it('files new queues that grow alike one after the other', () => {
    const agent = start();
    const filedAt = [0, 0, 0];
    for (let sent = 1; sent <= 64; sent++) {
      for (const queueId of filedAt.keys()) send(1, queueId);
      agent.doWork();
      for (const [queueId, before] of filedAt.entries()) {
        if (before === 0 && path.queueTable.filed(asQueueSlot(queueId)) > 0) filedAt[queueId] = sent;
      }
    }
    expect(filedAt).not.toContain(0);
    expect(new Set(filedAt).size).toBe(3);
  });

  it('files queues whose tail is written around its end', () => {
    const agent = start();
    for (let round = 0; round < 12; round++) {
      send(37);
      agent.doWork();
    }
    agent.close();
    const expected = path.records().map(({ logOffset, bytes }) => [logOffset, bytes.length, 0]);
    expect(filed(path, 'T', 0, 0, expected.length)).toEqual(expected);
  });

  it('sees nothing before it is flushed under sync flush', () => {
    const agent = start({ settings: { flushDiskType: 'SYNC_FLUSH' } });
    send(2);
    expect(agent.hasWork()).toBe(false);
    expect(agent.doWork()).toBe(0);
    expect(path.queueTable.max(SLOT)).toBe(0);
    path.flusher().doWork();
    expect(agent.doWork()).toBe(2);
    expect(path.queueTable.max(SLOT)).toBe(2);
  });

  it('reads records that are longer than its buffer, and fillers', () => {
    const agent = start({ ringBytes: 8 * 1024 * 1024, segmentBytes: 4 * 1024 * 1024 });
    send(1);
    for (const megabytes of [1.5, 2, 2.5]) send(1, 0, 'x'.repeat(megabytes * 1024 * 1024));
    send(1);
    for (let turns = 0; turns < 20; turns++) agent.doWork();
    expect(path.queueTable.max(SLOT)).toBe(5);
    expect(path.disk.list(path.paths.commitLog)).toHaveLength(2);
    const expected = path.records().map(({ logOffset, bytes }) => [logOffset, bytes.length, 0]);
    expect(tail(path, SLOT, 0, 5)).toEqual(expected);
  });

  it('goes on behind a filler whose size a loss of power has torn off', () => {
    const agent = start({ ringBytes: 8 * 1024 * 1024, segmentBytes: 4 * 1024 * 1024 });
    for (const megabytes of [2, 1.5, 2]) send(1, 0, 'x'.repeat(megabytes * 1024 * 1024));
    const [first, second] = path.disk.list(path.paths.commitLog);
    const lastOfFirst = path.records().findLast(({ logOffset }) => logOffset < Number(second))!;
    const filler = lastOfFirst.logOffset + lastOfFirst.bytes.length;
    path.disk.bytesOf(`${path.paths.commitLog}/${first}`).fill(0, filler, filler + 4);
    for (let turns = 0; turns < 20; turns++) agent.doWork();
    expect(path.queueTable.max(SLOT)).toBe(3);
  });

  it('tells only those net threads that have parked pulls', () => {
    const agent = start({ nets: 2 });
    const arrivals = path.memory.nets.map((net) => new SlotRing(net.arrivals));
    const names = (net: number): number[] => {
      const slots: number[] = [];
      arrivals[net]!.drain((slot) => slots.push(slot));
      return slots;
    };
    path.status.setParked(1, 1);
    send(2, 1);
    send(1, 3);
    send(1, 1);
    agent.doWork();
    expect(names(0)).toEqual([]);
    expect(names(1)).toEqual([1, 3]);
    path.status.setParked(1, 0);
    send(1, 2);
    agent.doWork();
    expect(names(1)).toEqual([]);
  });
});

describe('records that are in no queue, or in one already', () => {
  /** A log of its own making: what append would never write. */
  function logOf(records: readonly Partial<Parameters<typeof encodeTestRecord>[0]>[], options: DataPathOptions = {}) {
    const parts: Buffer[] = [];
    let logOffset = 0;
    for (const record of records) {
      const whole = { topic: 'T', queueId: 0, queueOffset: 0, storeTimestamp: 1000 + parts.length, ...record };
      parts.push(encodeTestRecord({ ...whole, logOffset }));
      logOffset += testRecordSize(whole);
    }
    const path = new DataPath({ logEnd: logOffset, dispatchFrom: 0, ...options });
    path.disk.put('/store/commitlog/00000000000000000000', Buffer.concat(parts, path.logFiles.segmentSizeBytes));
    return path;
  }

  it('passes over prepared and rolled back messages, not over committed ones', () => {
    const path = logOf([
      { queueOffset: 0, sysFlag: 0 },
      { queueOffset: 5, sysFlag: 4 },
      { queueOffset: 1, sysFlag: 8 },
      { queueOffset: 9, sysFlag: 12 },
      { queueOffset: 2, sysFlag: 0 },
    ]);
    const { agent } = path.dispatcher();
    expect(agent.doWork()).toBe(5);
    expect(path.queueTable.max(SLOT)).toBe(3);
  });

  it('passes over what a queue has already after a restart', () => {
    const path = logOf([{ queueOffset: 0 }, { queueOffset: 1 }, { queueOffset: 2 }]);
    path.queueTable.setFiled(SLOT, asQueueOffset(2));
    path.queueTable.publishMax(SLOT, asQueueOffset(2));
    const { agent } = path.dispatcher();
    expect(agent.doWork()).toBe(3);
    expect(path.queueTable.max(SLOT)).toBe(3);
    expect(tail(path, SLOT, 2, 1)[0]![0]).toBe(testRecordSize({ topic: 'T' }) * 2);
  });

  it('stops the broker at a gap in a queue', () => {
    const { agent } = logOf([{ queueOffset: 0 }, { queueOffset: 2 }]).dispatcher();
    expect(() => agent.doWork()).toThrow(InvariantError);
  });

  it('stops the broker at a record of a queue that nobody has made, but for batch topics of Apache’s broker', () => {
    const strange = [{ topic: 'Strange', queueOffset: 0 }];
    expect(() => logOf(strange).dispatcher().agent.doWork()).toThrow(InvariantError);
    expect(
      logOf(strange, { batchTopics: ['Strange'] })
        .dispatcher()
        .agent.doWork(),
    ).toBe(1);
  });

  it.each([
    ['of a batch topic', { topic: 'Batch' }],
    ['that is an inner batch', { topic: 'T', sysFlag: 0x80 }],
  ])('passes over a record %s, whose queue has another format, although it has a row', (_what, batch) => {
    const path = logOf([{ ...batch, queueOffset: 3 }, { ...batch, queueOffset: 8 }, { queueOffset: 0 }], {
      batchTopics: ['Batch'],
    });
    const [row] = path.addTopic('Batch', 1);
    expect(path.dispatcher().agent.doWork()).toBe(3);
    expect([path.queueTable.max(row!), path.queueTable.max(SLOT)]).toEqual([0, 1]);
  });

  it.each(['T\0', '..', 'a/b', '\x1b[2J', '', 'T\x7f'])('passes over a record whose topic is no name: %j', (topic) => {
    const path = logOf([{ queueOffset: 0 }, { topic, queueOffset: 1 }, { topic, sysFlag: 4 }], {
      indexShape: { slots: 10, entries: 20 },
    });
    expect(path.dispatcher().agent.doWork()).toBe(3);
    expect(path.queueTable.max(SLOT)).toBe(1);
  });

  it('files no record that lies before the place up to which the queues have all, whatever it says', () => {
    const damaged = [{ queueOffset: 5 }, { topic: 'U', queueOffset: 0 }, { topic: 'Strange', queueOffset: 7 }];
    const size = 3 * testRecordSize({ topic: 'T' }) + 'Strange'.length - 1;
    const path = logOf([...damaged, { queueOffset: 0 }], { completeTo: size });
    const [other] = path.addTopic('U', 1);
    expect(path.dispatcher().agent.doWork()).toBe(4);
    expect([path.queueTable.max(SLOT), path.queueTable.max(other!)]).toEqual([1, 0]);
    expect(tail(path, SLOT, 0, 1)[0]![0]).toBe(size);
  });

  it('files no record of a topic that was deleted and made again, also when it is built from where the old ones lie', () => {
    const size = testRecordSize({ topic: 'T' });
    const old = [{ queueOffset: 0 }, { queueOffset: 1 }, { queueOffset: 2 }];
    const made = [{ queueOffset: 0 }, { queueOffset: 1 }];
    const path = logOf([...old, ...made], { started: [{ topic: 'T', queueId: 0, next: 1, filedTo: 4 * size }] });
    // Its file has the first message of the new life.
    path.queueTable.publishMax(SLOT, asQueueOffset(1));
    expect(path.dispatcher().agent.doWork()).toBe(5);
    expect(path.queueTable.max(SLOT)).toBe(2);
    expect(tail(path, SLOT, 1, 1)[0]![0]).toBe(4 * size);
  });

  it('stops the broker where the log holds no record', () => {
    const path = logOf([{ queueOffset: 0 }, { queueOffset: 1 }]);
    path.disk.bytesOf('/store/commitlog/00000000000000000000').fill(0, testRecordSize({ topic: 'T' }));
    expect(() => path.dispatcher().agent.doWork()).toThrow('the log holds records up to its end');
  });

  it('uses the hash of the tag as Java counts it', () => {
    const path = logOf([{ properties: 'TAGS\u0001TagC\u0002' }]);
    path.dispatcher().agent.doWork();
    expect(tail(path, SLOT, 0, 1)[0]![2]).toBe(2598921);
  });
});

describe('a full disk', () => {
  let path: DataPath;
  beforeEach(() => {
    path = new DataPath({ slots: 1024, ringBytes: 1024 * 1024, segmentBytes: 4 * 1024 * 1024 });
  });
  const fill = (): void => {
    path.disk.fault = (operation, file) =>
      file.includes('consumequeue') && (operation === 'write' || operation === 'resize') ? 'ENOSPC' : null;
  };

  it('makes dispatch wait before it overwrites entries that are in no file, and go on when there is room', () => {
    const { agent } = path.dispatcher();
    fill();
    for (let i = 0; i < 300; i++) path.net.send({ body: `${i}` });
    path.write();
    while (agent.doWork() > 0);
    expect(agent.hasWork()).toBe(false);
    // What readers still find in the tail (ring/queue-table.ts).
    expect(path.queueTable.max(SLOT)).toBe(STABLE_ENTRIES);
    expect(path.queueTable.filed(SLOT)).toBe(0);
    const expected = path.records().map(({ logOffset, bytes }) => [logOffset, bytes.length, 0]);
    expect(tail(path, SLOT, 0, STABLE_ENTRIES)).toEqual(expected.slice(0, STABLE_ENTRIES));
    path.disk.fault = () => null;
    expect(agent.sleepMaxMs()).toBeLessThanOrEqual(500);
    path.clock.passMs(500);
    expect(agent.hasWork()).toBe(true);
    while (agent.doWork() > 0);
    agent.close();
    expect(path.queueTable.max(SLOT)).toBe(300);
    expect(filed(path, 'T', 0, 0, 300)).toEqual(expected);
  });

  it('makes dispatch wait for room in the key index too', () => {
    const indexed = new DataPath({ indexShape: { slots: 8, entries: 20 } });
    const { agent } = indexed.dispatcher();
    indexed.disk.fault = (operation, file) => (operation === 'write' && file.includes('/index/') ? 'ENOSPC' : null);
    indexed.net.send();
    indexed.write();
    while (agent.doWork() > 0);
    expect(agent.hasWork()).toBe(false);
    expect(agent.sleepMaxMs()).toBeLessThanOrEqual(500);
    expect(indexed.queueTable.max(SLOT)).toBe(0);
    indexed.disk.fault = () => null;
    agent.doWork();
    expect(indexed.queueTable.max(SLOT)).toBe(1);
  });

  it('makes dispatch wait for a descriptor to read the log with', () => {
    const { agent } = path.dispatcher();
    path.net.send();
    path.write();
    path.disk.fault = (operation, file) => (operation === 'open' && file.includes('commitlog') ? 'EMFILE' : null);
    expect(agent.doWork()).toBe(0);
    expect(agent.hasWork()).toBe(false);
    expect(agent.sleepMaxMs()).toBeLessThanOrEqual(500);
    path.disk.fault = () => null;
    expect(agent.doWork()).toBe(1);
    expect(path.queueTable.max(SLOT)).toBe(1);
  });

  it('refuses to catch up: nobody is served queues that are shorter than they were', () => {
    fill();
    for (let i = 0; i < 200; i++) path.net.send({ body: `${i}` });
    path.write();
    const { agent } = path.dispatcher();
    expect(() => agent.catchUp(path.log.end)).toThrow('the queues cannot be built from the log');
    path.disk.fault = () => null;
    path.dispatcher().agent.catchUp(path.log.end);
    expect(path.queueTable.max(SLOT)).toBe(200);
  });
});
