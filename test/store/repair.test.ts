/** What a repair does and refuses to do to a small store with one damage or several, and what an interrupted one leaves. */
import { describe, expect, it } from 'vitest';
import { indexEntryPosition, indexSlotPosition } from '../../src/layout/index-file.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { CheckpointWriter, readCheckpoint, readVouched } from '../../src/store/checkpoint.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import { keptFolder } from '../../src/store/repair-kept.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import type { StoreRepair } from '../../src/store/store-repair.ts';
import { fileQueues } from '../support/file-queues.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { KEPT_FOLDER, type RepairedOptions, type RepairedStore, repaired } from '../support/repaired.ts';
import {
  SMALL_INDEX,
  SMALL_SHAPE,
  SMALL_SIZES,
  type SmallStore,
  smallPaths,
  smallStore,
} from '../support/small-store.ts';
import { kindsOf, verified } from '../support/verified.ts';

const FIRST = '/store/commitlog/00000000000000000000';
const NEWEST = '/store/commitlog/00000000000000004096';
const QUEUE = '/store/consumequeue/T/0/00000000000000000000';
const COUNT = 40;

const repair = (disk: MemoryDisk, options: RepairedOptions = {}): Promise<RepairedStore> =>
  repaired(disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE, ...options });

/** Every file of the queues, by path. */
function queueBytes(disk: MemoryDisk): Record<string, string> {
  const files: [string, string][] = [];
  for (const topic of disk.list(smallPaths.consumeQueue)) {
    for (const queue of disk.list(`${smallPaths.consumeQueue}/${topic}`)) {
      const directory = `${smallPaths.consumeQueue}/${topic}/${queue}`;
      for (const name of disk.list(directory)) {
        files.push([`${directory}/${name}`, Buffer.from(disk.readWhole(`${directory}/${name}`)).toString('hex')]);
      }
    }
  }
  return Object.fromEntries(files);
}

type SmallRecord = SmallStore['records'][number];

/** The bytes of the records, in hex. */
function recordsOf(disk: MemoryDisk, records: readonly SmallRecord[]): string[] {
  return records.map(({ logOffset, size }) => {
    const start = Math.floor(logOffset / SMALL_SIZES.segmentSizeBytes) * SMALL_SIZES.segmentSizeBytes;
    const bytes = disk.bytesOf(`/store/commitlog/${String(start).padStart(20, '0')}`);
    return Buffer.from(bytes.subarray(logOffset - start, logOffset - start + size)).toString('hex');
  });
}

/** The last record loses its second half. */
function tear({ disk, records }: SmallStore): void {
  const { logOffset, size } = records.at(-1)!;
  const start = Math.floor(logOffset / SMALL_SIZES.segmentSizeBytes) * SMALL_SIZES.segmentSizeBytes;
  const path = `/store/commitlog/${String(start).padStart(20, '0')}`;
  disk.bytesOf(path).fill(0, logOffset - start + Math.floor(size / 2), logOffset - start + size);
}

/** The filler of the first file says another size than it has. */
function spoilFiller({ disk }: SmallStore): void {
  const bytes = disk.bytesOf(FIRST);
  bytes[Buffer.from(bytes).indexOf(Buffer.from('cbd43194', 'hex')) - 1]! ^= 1;
}

/** A record in the middle of the first file is gone. */
function withHole(): SmallStore & { readonly cutAt: number } {
  const store = smallStore(COUNT);
  const { logOffset, size } = store.records[5]!;
  store.disk.bytesOf(FIRST).fill(0, logOffset, logOffset + size);
  return { ...store, cutAt: logOffset };
}

/** The checkpoint says that everything is filed, so that a start would look at nothing before the end. */
function vouchForAll({ disk, logEnd }: SmallStore): void {
  const checkpoint = new CheckpointWriter(disk, smallPaths.checkpoint);
  const counts = { queueCount: 2, queueEntries: COUNT, logStart: 0 };
  checkpoint.write({}, { filedTo: logEnd, lookFrom: 0, indexEnd: -1, stoppedAt: -1, ...counts });
  checkpoint.close();
}

describe('repair', () => {
  it('has nothing to do on a store that is fine', async () => {
    const { disk } = smallStore(COUNT);
    disk.journal.length = 0;
    const { end, ok } = await repair(disk);
    expect([end, ok, disk.journal]).toEqual(['nothing to do', true, []]);
  });

  it('changes nothing without a yes, and leaves the store as it was found', async () => {
    const store = smallStore(COUNT);
    store.disk.removeTree('/store/consumequeue/T/1');
    store.disk.put('/store/abort', '1');
    store.disk.journal.length = 0;
    const { end, ok, leavesClean } = await repair(store.disk, { agrees: false });
    expect([end, ok, leavesClean, store.disk.journal]).toEqual(['declined', false, false, []]);
  });

  it.each<[what: string, damage: (store: SmallStore) => void]>([
    ['a queue that is gone', ({ disk }) => disk.removeTree('/store/consumequeue/T/1')],
    ['a wrong entry', ({ disk }) => void disk.bytesOf(QUEUE).fill(1, 40, 45)],
    ['a missing entry in the middle', ({ disk }) => void disk.bytesOf(QUEUE).fill(0, 40, 60)],
    [
      'an entry too many',
      ({ disk }) => {
        const file = new Uint8Array(SMALL_SIZES.queueFileSizeBytes);
        file[11] = 91;
        disk.put('/store/consumequeue/T/0/00000000000000000400', file);
      },
    ],
    ['a queue file of another size', ({ disk }) => disk.put(QUEUE, disk.readWhole(QUEUE).slice(0, 399))],
    [
      'everything but the log',
      ({ disk }) => {
        for (const path of ['/store/consumequeue', '/store/index', '/store/checkpoint']) disk.removeTree(path);
      },
    ],
  ])('builds again from the log: %s', async (_what, damage) => {
    const store = smallStore(COUNT);
    const whole = queueBytes(store.disk);
    damage(store);
    const { end, ok, leavesClean } = await repair(store.disk);
    expect([end, ok, leavesClean]).toEqual(['repaired', true, true]);
    expect(queueBytes(store.disk)).toEqual(whole);
  });

  it('builds only what is damaged', async () => {
    const { disk } = smallStore(COUNT);
    disk.removeTree('/store/consumequeue/T/1');
    disk.journal.length = 0;
    const { plan } = await repair(disk);
    expect(plan.build.map(({ queueId }) => queueId)).toEqual([1]);
    expect(plan.buildIndex).toBe(false);
    expect(disk.journal.filter((call) => call.includes('/T/0') || call.includes('index'))).toEqual([]);
  });

  it('builds the index when it is damaged, and not when the store is to have none', async () => {
    const damage = ({ disk }: SmallStore): void =>
      void disk.bytesOf(SMALL_INDEX).fill(0, indexSlotPosition(3), indexSlotPosition(4));
    const store = smallStore(COUNT);
    damage(store);
    expect((await repair(store.disk)).ok).toBe(true);
    expect(store.disk.list('/store/index')).toHaveLength(1);
    const without = smallStore(COUNT);
    damage(without);
    const { end, ok, verified } = await repair(without.disk, { wantsIndex: false });
    // What is left of one is nobody's.
    expect([end, ok, kindsOf(verified.report)]).toEqual(['nothing to do', true, []]);
    expect(verified.report.findings.map(({ kind, file }) => `${kind} ${file}`)).toEqual(['not-checked /store/index']);
    without.disk.removeTree('/store/index');
    const none = await repair(without.disk, { wantsIndex: false });
    expect([none.end, none.verified.report.findings]).toEqual(['nothing to do', []]);
  });

  it.each<[what: string, finding: string, spoil: (disk: MemoryDisk) => void]>([
    ['an entry of a queue', 'queue-wrong! repair', (disk) => void disk.bytesOf(QUEUE).fill(1, 8, 9)],
    [
      'an entry that a queue lacks',
      'queue-wrong! repair',
      (disk) => void disk.bytesOf(QUEUE).fill(0, QUEUE_ENTRY_BYTES, 2 * QUEUE_ENTRY_BYTES),
    ],
    [
      'the time of an entry of the index',
      'index-wrong! repair',
      (disk) => {
        const time = indexEntryPosition(SMALL_SHAPE, 1) + 12;
        for (const name of disk.list('/store/index')) disk.bytesOf(`/store/index/${name}`).fill(1, time, time + 4);
      },
    ],
  ])('does not say that all is fine when the files do not hold what it has built: %s', async (_, finding, spoil) => {
    const { disk } = smallStore(COUNT);
    const isBuilding = { now: false };
    const { end, ok, verified } = await repair(disk, {
      all: true,
      before: () => {
        isBuilding.now = true;
      },
      checkOwner: () => {
        if (isBuilding.now) spoil(disk);
      },
    });
    expect([end, ok, kindsOf(verified.report)]).toEqual(['repaired', false, [finding]]);
  });

  it('gives up when the log is no longer what it was: an index of the rest would look like a whole one', async () => {
    const store = smallStore(COUNT);
    store.disk.removeTree('/store/index');
    const bytes = store.disk.bytesOf(FIRST);
    const inFirst = store.records.filter(({ logOffset }) => logOffset < SMALL_SIZES.segmentSizeBytes);
    const before = (): unknown => bytes.fill(0, inFirst.at(-1)!.logOffset);
    await expect(repair(store.disk, { before })).rejects.toThrow(
      `had ${COUNT} records, now ${COUNT - 1} could be read`,
    );
  });

  it('builds the index when the header of one of its files is damaged, whose shape the other tells', async () => {
    const { disk } = smallStore(COUNT);
    const damaged = disk.readWhole(SMALL_INDEX);
    damaged.fill(0x55, 0, 40);
    disk.put('/store/index/20260101000000001', damaged);
    const { ok, plan } = await repaired(disk, smallPaths, { sizes: SMALL_SIZES });
    expect([ok, plan.buildIndex]).toEqual([true, true]);
    expect(disk.list('/store/index')).toHaveLength(1);
  });

  it('cuts a torn tail, keeps the bytes, and leaves every good record as it was', async () => {
    const store = smallStore(COUNT);
    const { logOffset } = store.records.at(-1)!;
    tear(store);
    store.disk.put('/store/abort', '1');
    const before = store.disk.copy();
    const { ok, kept, verified } = await repair(store.disk);
    expect([ok, verified.report.log.end, verified.report.log.records]).toEqual([true, logOffset, COUNT - 1]);
    expect(kept).toEqual([`${KEPT_FOLDER}/bytes-from-${logOffset}`]);
    for (const { logOffset: at, size } of store.records.slice(0, -1)) {
      const start = Math.floor(at / SMALL_SIZES.segmentSizeBytes) * SMALL_SIZES.segmentSizeBytes;
      const path = `/store/commitlog/${String(start).padStart(20, '0')}`;
      const bytes = (disk: MemoryDisk): Buffer =>
        Buffer.from(disk.bytesOf(path).subarray(at - start, at - start + size));
      expect(bytes(store.disk).equals(bytes(before))).toBe(true);
    }
  });

  it('has what it cuts on the disk before it changes anything', async () => {
    const { disk, cutAt } = withHole();
    disk.journal.length = 0;
    await repair(disk, { cutAt });
    const kept = [
      `fdatasync ${KEPT_FOLDER}/bytes-from-${cutAt}`,
      `link ${KEPT_FOLDER}/00000000000000004096`,
      `fsync ${KEPT_FOLDER}`,
    ];
    expect(disk.journal.slice(0, 5)).toEqual(['fsync /', 'fsync /store', ...kept]);
  });

  it('keeps later files whole, on a file system without second names as well', async () => {
    for (const code of [null, 'EXDEV']) {
      const { disk, cutAt } = withHole();
      const whole = disk.readWhole(NEWEST);
      disk.fault = (operation) => (operation === 'link' ? code : null);
      const { ok, kept } = await repair(disk, { cutAt });
      const to = `${KEPT_FOLDER}/00000000000000004096`;
      expect([ok, kept]).toEqual([true, [to, `${KEPT_FOLDER}/bytes-from-${cutAt}`]]);
      expect(Buffer.compare(disk.readWhole(to), whole)).toBe(0);
      expect(disk.stat(NEWEST)).toBeNull();
      if (code !== null) expect(disk.journal).toContain(`fdatasync ${to}`);
    }
  });

  it('leaves the store as it was, and keeps nothing, when what it cuts finds no room', async () => {
    const { disk, cutAt } = withHole();
    const before = disk.copy();
    disk.fault = (operation, path) => (operation === 'write' && path.startsWith(KEPT_FOLDER) ? 'ENOSPC' : null);
    const left: (boolean | null)[] = [];
    const ended = (ending: StoreRepair): void => void left.push(ending.leavesClean, ending.isHalfDone);
    await expect(repair(disk, { cutAt, ended })).rejects.toThrow('disk full');
    expect(left).toEqual([null, false]);
    expect(disk.stat(KEPT_FOLDER)).toBeNull();
    expect(disk.contents()).toEqual(before.contents());
  });

  it('keeps what it cuts in the store, or beside a log that lies on another file system', () => {
    const disk = new MemoryDisk();
    for (const path of ['/store/commitlog', '/elsewhere/log']) disk.makeDirectory(path);
    const mounts = (...paths: string[]): string => {
      disk.deviceOf = (path) => paths.findIndex((mount) => path === mount || path.startsWith(`${mount}/`));
      return keptFolder(disk, storePathsOf('/store', '/elsewhere/log'), 'x');
    };
    expect(mounts()).toBe('/store/cut-x');
    expect(mounts('/store')).toBe('/elsewhere/log.cut-x');
    expect(mounts('/elsewhere')).toBe('/elsewhere/log.cut-x');
    expect(mounts('/elsewhere/log')).toBe('/store/cut-x');
    expect(disk.list('/elsewhere')).toEqual(['log']);
    for (const code of ['EROFS', 'EACCES']) {
      disk.fault = (operation, path) => (operation === 'mkdir' && path.startsWith('/elsewhere/') ? code : null);
      expect(mounts('/elsewhere')).toBe('/store/cut-x');
    }
    disk.fault = () => null;
    disk.deviceOf = (path) => (path === '/store' ? 1 : 0);
    expect(keptFolder(disk, smallPaths, 'x')).toBe('/store/cut-x');
  });

  it('has everything that it builds on the disk before the checkpoint names it', async () => {
    const { disk } = smallStore(COUNT);
    disk.journal.length = 0;
    await repair(disk, { all: true });
    const named = disk.journal.lastIndexOf('fdatasync /store/checkpoint');
    const durable = disk.journal.slice(0, named);
    for (const path of Object.keys(queueBytes(disk))) expect(durable).toContain(`fdatasync ${path}`);
    for (const name of disk.list('/store/index')) expect(durable).toContain(`fdatasync /store/index/${name}`);
    for (const name of disk.list('/store/commitlog')) expect(durable).toContain(`fdatasync /store/commitlog/${name}`);
    for (const folder of ['consumequeue/T/0', 'consumequeue/T', 'consumequeue', 'index', 'commitlog']) {
      expect(durable).toContain(`fsync /store/${folder}`);
    }
  });

  it('has what a crash has left on the disk before the checkpoint names it, all that is not built included', async () => {
    const { disk } = smallStore(60);
    disk.put('/store/abort', '1');
    disk.journal.length = 0;
    const { plan } = await repair(disk);
    expect([plan.build, plan.buildIndex]).toEqual([[], false]);
    const durable = disk.journal.slice(0, disk.journal.lastIndexOf('fdatasync /store/checkpoint'));
    const files = Object.keys(queueBytes(disk));
    expect(files).toHaveLength(4);
    for (const path of [...files, SMALL_INDEX]) expect(durable).toContain(`fdatasync ${path}`);
    for (const folder of ['consumequeue/T/0', 'consumequeue/T', 'consumequeue', 'index'])
      expect(durable).toContain(`fsync /store/${folder}`);
  });

  it('goes on over a damaged body in an older file, says so, and cuts nothing', async () => {
    const store = smallStore(COUNT);
    store.disk.bytesOf(FIRST)[90]! ^= 1;
    store.disk.removeTree('/store/consumequeue/T/1');
    const { end, ok, plan, kept, verified } = await repair(store.disk);
    expect([end, ok, kept]).toEqual(['repaired', false, []]);
    expect(plan.left[0]).toMatch(/^damaged records: 1\. They stay/);
    expect(kindsOf(verified.report)).toEqual(['record-damaged! restore']);
    expect(verified.report.log.records).toBe(COUNT);
  });

  it('refuses to build over a hole, and cuts there when it is told to, with all that is behind', async () => {
    const refused = withHole();
    refused.disk.journal.length = 0;
    const { end, plan } = await repair(refused.disk);
    const at = refused.cutAt;
    expect([end, refused.disk.journal]).toEqual(['refused', []]);
    expect(plan.refusals).toEqual([expect.stringContaining(`--cut-at ${at} `)]);
    const cut = withHole();
    const { ok, kept, verified } = await repair(cut.disk, { cutAt: at });
    expect([ok, verified.report.log.records, verified.report.log.end]).toEqual([true, 5, at]);
    expect(kept[0]).toMatch(/\/0{16}4096$/);
    expect(kept).toContain(`${KEPT_FOLDER}/bytes-from-${at}`);
    expect(cut.disk.list('/store/commitlog')).toEqual(['00000000000000000000']);
  });

  it.each<[what: string, before: (disk: MemoryDisk, record: SmallRecord) => void]>([
    ['a hole', (disk, { logOffset, size }) => void disk.bytesOf(FIRST).fill(0, logOffset, logOffset + size)],
    [
      'a body that is in the newest file then',
      (disk, { logOffset }) => void disk.bytesOf(FIRST).fill(1, logOffset + 90, logOffset + 91),
    ],
  ])('cuts nothing where the damage before it would go on to block the repair: %s', async (_what, before) => {
    const store = smallStore(COUNT);
    const [first, second] = [store.records[3]!, store.records[8]!];
    before(store.disk, first);
    store.disk.bytesOf(FIRST).fill(0, second.logOffset, second.logOffset + second.size);
    store.disk.journal.length = 0;
    const { end, plan } = await repair(store.disk, { cutAt: second.logOffset });
    expect([end, store.disk.journal]).toEqual(['refused', []]);
    expect(plan.refusals).toEqual([expect.stringContaining(`--cut-at ${first.logOffset} `)]);
    expect((await repair(store.disk, { cutAt: first.logOffset })).ok).toBe(true);
  });

  it('stops as soon as another broker has opened the store', async () => {
    let steps = 0;
    await repair(smallStore(COUNT).disk, { all: true, checkOwner: () => void steps++ });
    expect(steps).toBeGreaterThan(4);
    for (let at = 0; at < steps; at++) {
      const { disk } = smallStore(COUNT);
      disk.journal.length = 0;
      let asked = 0;
      const checkOwner = (): void => {
        if (asked++ === at) {
          disk.journal.push('opened by another');
          throw new Error('opened by another');
        }
      };
      await expect(repair(disk, { all: true, checkOwner })).rejects.toThrow('opened by another');
      expect(disk.journal.at(-1)).toBe('opened by another');
      if (at === 0) expect(disk.journal).toHaveLength(1);
    }
  });

  it('writes the log anew before it is flushed, after an fdatasync that has failed', async () => {
    const { disk } = smallStore(COUNT);
    const mark = '/store/commitlog.sync-failed';
    // Nothing tells what was flushed.
    disk.unlink(smallPaths.checkpoint);
    disk.put(mark, '');
    const before = disk.copy();
    const calls: string[] = [];
    disk.fault = (operation, path) => {
      calls.push(`${operation} ${path}`);
      return null;
    };
    expect((await repair(disk)).ok).toBe(true);
    for (const name of disk.list('/store/commitlog')) {
      const path = `/store/commitlog/${name}`;
      expect(calls.indexOf(`write ${path}`)).toBeGreaterThan(-1);
      expect(calls.indexOf(`write ${path}`)).toBeLessThan(calls.indexOf(`fdatasync ${path}`));
      expect(Buffer.compare(disk.readWhole(path), before.readWhole(path))).toBe(0);
    }
    expect(disk.stat(mark)).toBeNull();
  });

  it.each<[what: string, damage: (store: SmallStore) => void, file: string]>([
    ['a torn tail is wiped', tear, NEWEST],
    ['the size of a filler is written', spoilFiller, FIRST],
  ])('does not trust the log either when its own fdatasync has failed, after %s', async (_what, damage, file) => {
    const store = smallStore(COUNT);
    damage(store);
    const { disk } = store;
    let before = 1;
    disk.fault = (operation, path) => (operation === 'fdatasync' && path === file && before-- === 0 ? 'EIO' : null);
    await expect(repair(disk)).rejects.toThrow('EIO');
    disk.removeTree(KEPT_FOLDER);
    const writes = new Set<string>();
    disk.fault = (operation, path) => {
      if (operation === 'write') writes.add(path);
      return null;
    };
    expect((await repair(disk)).ok).toBe(true);
    expect([...writes]).toContain(file);
  });

  it('wipes after a crash what lies behind the end of a queue, farther than it looks', async () => {
    const { disk, records, logEnd } = smallStore(COUNT);
    const places = 20_000;
    const queueFileSizeBytes = places * QUEUE_ENTRY_BYTES;
    /** What an old page has left of a file: an entry where the search for the end looks first, and one behind. */
    const leftover = (): Buffer => {
      const bytes = Buffer.alloc(queueFileSizeBytes);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      writeQueueEntry(view, queueFileSizeBytes / 2, records[7]!.logOffset, records[7]!.size, 1);
      writeQueueEntry(view, queueFileSizeBytes - QUEUE_ENTRY_BYTES, logEnd + 100, 100, 1);
      return bytes;
    };
    const spoiled = leftover();
    spoiled.set(disk.readWhole(QUEUE));
    const whole = Buffer.alloc(queueFileSizeBytes);
    whole.set(disk.readWhole(QUEUE));
    const [other, behind] = [0, queueFileSizeBytes].map(
      (start) => `/store/consumequeue/T/1/${String(start).padStart(20, '0')}`,
    );
    disk.put(other!, Buffer.concat([disk.readWhole(other!), whole.subarray(disk.readWhole(other!).length)]));
    disk.put(behind!, leftover());
    disk.put(QUEUE, spoiled);
    disk.put('/store/abort', '1');
    disk.journal.length = 0;
    const { ok, plan } = await repair(disk, { sizes: { ...SMALL_SIZES, queueFileSizeBytes } });
    expect([ok, plan.build]).toEqual([true, []]);
    expect(Buffer.compare(disk.readWhole(QUEUE), whole)).toBe(0);
    expect(disk.stat(behind!)).toBeNull();
    expect(readVouched(disk, smallPaths.checkpoint)).toMatchObject({ queueCount: 2, queueEntries: COUNT });
    const named = disk.journal.lastIndexOf('fdatasync /store/checkpoint');
    expect(disk.journal.slice(0, named)).toContain(`fdatasync ${QUEUE}`);
    expect(disk.journal.slice(0, named)).toContain('fsync /store/consumequeue/T/1');
  });

  describe("keeps what Apache's broker has said in the checkpoint", () => {
    const said = { masterFlushedOffset: 1234, confirmedOffset: 2345 };

    function say(disk: MemoryDisk): void {
      const checkpoint = new CheckpointWriter(disk, smallPaths.checkpoint);
      checkpoint.write(said, null);
      checkpoint.close();
    }

    it('when it cuts', async () => {
      for (const wantsIndex of [true, false]) {
        const { disk, cutAt, records } = withHole();
        say(disk);
        expect((await repair(disk, { cutAt, wantsIndex })).end).toBe('repaired');
        const indexTimestamp = records[4]!.storeTimestamp;
        expect(readCheckpoint(disk, smallPaths.checkpoint)).toMatchObject({ ...said, indexTimestamp });
      }
    });

    it('when an earlier one was interrupted, which has said that no queue and no index is to be believed', async () => {
      const { disk, records } = smallStore(COUNT);
      say(disk);
      disk.removeTree('/store/consumequeue/T/1');
      const before = (): never => {
        throw new Error('interrupted');
      };
      await expect(repair(disk, { before })).rejects.toThrow('interrupted');
      const nothing = { logTimestamp: 0, queuesTimestamp: 0, indexTimestamp: 0 };
      expect(readCheckpoint(disk, smallPaths.checkpoint)).toEqual({ ...nothing, ...said });
      disk.put('/store/abort', '1');
      const { ok, plan } = await repair(disk);
      expect([ok, plan.buildIndex]).toEqual([true, false]);
      const indexTimestamp = records.at(-1)!.storeTimestamp;
      expect(readCheckpoint(disk, smallPaths.checkpoint)).toMatchObject({ ...said, indexTimestamp });
    });
  });

  it('vouches for the log that it leaves, and a broker starts although an older file has damage', async () => {
    const { disk, logEnd } = smallStore(COUNT);
    disk.bytesOf(FIRST)[90]! ^= 1;
    const { verified } = await repair(disk, { all: true });
    expect(kindsOf(verified.report)).toEqual(['record-damaged! restore']);
    expect(readVouched(disk, smallPaths.checkpoint)).toMatchObject({ filedTo: logEnd, stoppedAt: logEnd });
    const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
    const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: true, index };
    const started = recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
    expect([started.logEnd, started.dispatchFrom]).toEqual([logEnd, logEnd]);
  });

  it('changes nothing of a log in another byte order, which no start reads', async () => {
    const { disk, records } = smallStore(COUNT);
    for (const { logOffset } of records) {
      const inFile = logOffset % SMALL_SIZES.segmentSizeBytes;
      const name = String(logOffset - inFile).padStart(20, '0');
      disk
        .bytesOf(`/store/commitlog/${name}`)
        .subarray(inFile, inFile + 8)
        .reverse();
    }
    disk.journal.length = 0;
    const { end, plan, verified } = await repair(disk);
    expect([end, disk.journal]).toEqual(['refused', []]);
    expect(plan.refusals).toEqual([expect.stringContaining('no record of Apache RocketMQ')]);
    expect(kindsOf(verified.report)).toContain('log-foreign! restore');
  });

  it.each<[what: string, damage: (disk: MemoryDisk) => void]>([
    ['the first file has lost its end', (disk) => disk.put(FIRST, disk.readWhole(FIRST).slice(0, 1024))],
    [
      'the first file has a byte too many',
      (disk) => disk.put(FIRST, Buffer.concat([disk.readWhole(FIRST), Buffer.alloc(1)])),
    ],
  ])("takes no file of the log for another's, and cuts nothing, when %s", async (_what, damage) => {
    const { disk } = smallStore(COUNT);
    damage(disk);
    disk.journal.length = 0;
    const { end, plan, verified } = await repaired(disk, smallPaths, { shape: SMALL_SHAPE });
    expect([end, disk.journal]).toEqual(['refused', []]);
    expect(plan.refusals).toEqual([expect.stringContaining(FIRST)]);
    expect(kindsOf(verified.report)).toContain('segment-size! restore');
    expect(kindsOf(verified.report).filter((kind) => kind.startsWith('foreign'))).toEqual([]);
  });

  it('refuses a log whose names do not fit the size that is given', async () => {
    const { disk } = smallStore(COUNT);
    disk.journal.length = 0;
    const { end, plan } = await repair(disk, { sizes: { ...SMALL_SIZES, segmentSizeBytes: 3072 } });
    expect([end, disk.journal]).toEqual(['refused', []]);
    expect(plan.refusals.join()).toMatch(/give mappedFileSizeCommitLog/);
  });

  it('asks for the sizes of what it builds where nothing tells them', async () => {
    const store = smallStore(COUNT);
    for (const path of ['/store/consumequeue', '/store/index']) store.disk.removeTree(path);
    store.disk.journal.length = 0;
    const origins = { segmentSizeBytes: 'sure', queueFileSizeBytes: 'default' } as const;
    const unknown = { origins, isIndexShapeAssumed: true };
    const { end, plan } = await repair(store.disk, unknown);
    expect([end, store.disk.journal, plan.refusals.length]).toEqual(['refused', [], 2]);
    expect(plan.refusals[0]).toMatch(/mappedFileSizeConsumeQueue is: give it/);
    expect(plan.refusals[1]).toMatch(/maxHashSlotNum and maxIndexNum are: give them/);
    const whole = smallStore(COUNT);
    expect((await repair(whole.disk, unknown)).end).toBe('nothing to do');
  });

  it('cuts only where the log is damaged', async () => {
    const store = smallStore(COUNT);
    store.disk.journal.length = 0;
    const { end, plan } = await repair(store.disk, { cutAt: store.records[5]!.logOffset });
    expect([end, store.disk.journal]).toEqual(['refused', []]);
    expect(plan.refusals[0]).toMatch(/is not damaged/);
  });

  it.each([{ crashed: false }, { crashed: true }])(
    'keeps the offsets of a queue whose records are all gone: %o',
    async ({ crashed }) => {
      const store = smallStore(COUNT, (i) => (i < 4 ? { topic: 'Old', queueId: 0 } : {}));
      store.disk.unlink(FIRST);
      if (crashed) store.disk.put('/store/abort', '1');
      const before = store.disk.readWhole('/store/consumequeue/Old/0/00000000000000000000');
      const { ok } = await repair(store.disk, { all: true });
      expect(ok).toBe(true);
      expect(store.disk.readWhole('/store/consumequeue/Old/0/00000000000000000000')).toEqual(before);
    },
  );

  it.each([{ crashed: false }, { crashed: true }])(
    'builds nothing of a topic that was deleted: %o',
    async ({ crashed }) => {
      const store = smallStore(COUNT, (i) => (i % 4 === 0 ? { topic: 'Old', queueId: 0 } : {}));
      store.disk.removeTree('/store/consumequeue/Old');
      store.disk.put('/store/config/topics.json', JSON.stringify({ topicConfigTable: { T: { topicName: 'T' } } }));
      if (crashed) store.disk.put('/store/abort', '1');
      const { ok, plan } = await repair(store.disk, { all: true });
      expect([ok, plan.build.map(({ topic }) => topic)]).toEqual([true, ['T', 'T']]);
      expect(store.disk.list('/store/consumequeue')).toEqual(['T']);
    },
  );

  it('keeps tags and keys that only queue and index know, when the properties of a record are lost', async () => {
    const store = smallStore(COUNT);
    const { logOffset, size, properties } = store.records[4]!;
    const length = Buffer.byteLength(properties!);
    store.disk.bytesOf(FIRST).fill(0, logOffset + size - length, logOffset + size);
    const before = [queueBytes(store.disk), store.disk.readWhole(SMALL_INDEX)];
    expect(kindsOf(await verified(store.disk, smallPaths, { sizes: SMALL_SIZES }))).toEqual([
      'record-damaged! restore',
    ]);
    await repair(store.disk, { all: true });
    expect(Object.entries(queueBytes(store.disk))).toEqual(Object.entries(before[0]!));
    expect(store.disk.readWhole(SMALL_INDEX)).toEqual(before[1]);
  });

  it('builds a damaged queue of delayed messages, also with all others', async () => {
    const { disk } = smallStore(COUNT, () => ({ topic: 'SCHEDULE_TOPIC_XXXX', queueId: 1 }));
    const whole = queueBytes(disk);
    disk.bytesOf('/store/consumequeue/SCHEDULE_TOPIC_XXXX/1/00000000000000000000').fill(0, 40, 60);
    const { ok, plan } = await repair(disk, { all: true });
    expect([ok, plan.assumed]).toEqual([true, ['messageDelayLevel for 1 queue of SCHEDULE_TOPIC_XXXX']]);
    expect(queueBytes(disk)).toEqual(whole);
  });

  it('repairs the size of a filler', async () => {
    const store = smallStore(COUNT);
    const whole = Buffer.from(store.disk.readWhole(FIRST));
    spoilFiller(store);
    expect((await repair(store.disk)).ok).toBe(true);
    expect(Buffer.compare(store.disk.bytesOf(FIRST), whole)).toBe(0);
  });

  it.each<[what: string, prepare: (store: SmallStore) => void, messages: number]>([
    ['a torn tail', tear, COUNT - 1],
    ["RingMQ's own word for all that is on the disk", vouchForAll, COUNT],
  ])(
    'that is interrupted at any call leaves a store from which a start builds everything: %s',
    async (_what, prepare, messages) => {
      const damaged = (): SmallStore => {
        const store = smallStore(COUNT);
        prepare(store);
        store.disk.bytesOf(QUEUE).fill(0, 40, 60);
        store.disk.bytesOf(SMALL_INDEX).fill(0, indexSlotPosition(3), indexSlotPosition(4));
        // The lock has written it.
        store.disk.put('/store/abort', '1');
        return store;
      };
      const expected = smallStore(messages);
      const found = damaged().disk;
      let interrupted = 0;
      for (let at = 0; ; at++) {
        const { disk } = damaged();
        let calls = 0;
        disk.fault = (operation) => (['open', 'list', 'read'].includes(operation) || calls++ < at ? null : 'EIO');
        const outcome = await repair(disk, { all: true }).catch(() => null);
        disk.fault = () => null;
        if (outcome !== null) break;
        if (Buffer.compare(disk.readWhole(smallPaths.checkpoint), found.readWhole(smallPaths.checkpoint)) === 0) {
          expect(queueBytes(disk), 'nothing else was changed before the checkpoint').toEqual(queueBytes(found));
          continue;
        }
        interrupted++;
        const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: false };
        const store = recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
        fileQueues(disk, smallPaths, SMALL_SIZES, store).close();
        expect(store.logEnd, `interrupted at call ${at}`).toBe(expected.logEnd);
        expect(queueBytes(disk), `interrupted at call ${at}`).toEqual(queueBytes(expected.disk));
      }
      expect(interrupted).toBeGreaterThan(20);
    },
  );

  it.each<[what: string, prepare: (store: SmallStore) => void]>([
    ['nothing was said', () => {}],
    ["RingMQ's own word", vouchForAll],
    ['a torn tail', tear],
  ])(
    'that is interrupted at any call keeps a start from cutting the log at a damaged body: %s',
    async (_what, prepare) => {
      const damaged = (): SmallStore => {
        const store = smallStore(COUNT);
        prepare(store);
        store.disk.bytesOf(FIRST)[90]! ^= 1;
        store.disk.bytesOf(QUEUE).fill(0, 40, 60);
        store.disk.put('/store/abort', '1');
        return store;
      };
      const found = damaged().disk;
      let interrupted = 0;
      for (let at = 0; ; at++) {
        const { disk, records } = damaged();
        let calls = 0;
        disk.fault = (operation) => (['open', 'list', 'read'].includes(operation) || calls++ < at ? null : 'ENOSPC');
        const outcome = await repair(disk, { all: true }).catch(() => null);
        disk.fault = () => null;
        if (outcome !== null) break;
        if (Buffer.compare(disk.readWhole(smallPaths.checkpoint), found.readWhole(smallPaths.checkpoint)) === 0)
          continue;
        // The repair was through.
        if (readVouched(disk, smallPaths.checkpoint)?.filedTo !== 0) continue;
        interrupted++;
        const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: false };
        const { logEnd } = recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
        disk.removeTree(KEPT_FOLDER);
        const again = await repair(disk);
        expect(again.end, `interrupted at call ${at}`).toBe('repaired');
        expect(logEnd, `interrupted at call ${at}`).toBe(again.verified.report.log.end);
        expect(again.verified.report.log.records).toBe(prepare === tear ? COUNT - 1 : COUNT);
        expect(recordsOf(disk, records.slice(0, -1))).toEqual(recordsOf(found, records.slice(0, -1)));
      }
      expect(interrupted).toBeGreaterThan(20);
    },
  );
});
