/** One damage at a time to a small store, and what `verify` says of it; what is fine is not complained of. */
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/broker/read-settings.ts';
import {
  encodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  indexEntryKeyHash,
  indexEntryPosition,
  indexSlotPosition,
  readIndexHeader,
  writeIndexEntryPrevious,
} from '../../src/layout/index-file.ts';
import { SCHEDULE_TOPIC } from '../../src/layout/topic-names.ts';
import { verifyIndexFile } from '../../src/store/verify-index.ts';
import { planVerification } from '../../src/store/verify-plan.ts';
import { verifyStore } from '../../src/store/verify-store.ts';
import { runVerifyTask } from '../../src/store/verify-task.ts';
import { tagsCodes } from '../../src/threads/pool/record-tags.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { encodeTestRecord } from '../support/records.ts';
import { repaired } from '../support/repaired.ts';
import {
  SMALL_INDEX,
  SMALL_SHAPE,
  SMALL_SIZES,
  type SmallStore,
  smallPaths,
  smallStore,
} from '../support/small-store.ts';
import { kindsOf, type VerifiedOptions, verified } from '../support/verified.ts';

const QUEUE = '/store/consumequeue/T/0/00000000000000000000';

/** What is found in a store of 40 messages after `damage`. */
async function found(damage: (store: SmallStore) => void, options: VerifiedOptions = {}): Promise<string[]> {
  const store = smallStore(40);
  damage(store);
  return kindsOf(await verified(store.disk, smallPaths, { sizes: SMALL_SIZES, ...options }));
}

function flip(bytes: Uint8Array, at: number): void {
  bytes[at]! ^= 1;
}

function crash({ disk }: SmallStore): void {
  disk.put('/store/abort', '1');
}

function deleteOld(disk: MemoryDisk): void {
  for (const path of [segmentOf(0), segmentOf(4096), QUEUE, SMALL_INDEX])
    if (disk.stat(path) !== null) disk.unlink(path);
}

function segmentOf(start: number): string {
  return `/store/commitlog/${String(start).padStart(20, '0')}`;
}

describe('verify', () => {
  it('finds nothing in a store that is fine, in whichever state', async () => {
    expect(await found(() => {})).toEqual([]);
    expect(await found(crash)).toEqual([]);
    expect(await found(crash, { state: 'running' })).toEqual([]);
    expect(await found(() => {}, { sliceBytes: 300 })).toEqual([]);
  });

  it('tells that an fdatasync of the log has failed', async () => {
    const mark = ({ disk }: SmallStore): void => void disk.put('/store/commitlog.sync-failed', '');
    expect(await found(mark)).toEqual(['sync-failed! repair']);
    expect(await found(mark, { state: 'running' })).toEqual(['sync-failed! repair']);
  });

  it('lets the newest file be short after a crash, whatever else lies there', async () => {
    const shorten = (store: SmallStore): void => {
      crash(store);
      store.disk.makeDirectory('/store/commitlog/lost+found');
      const name = store.disk.list('/store/commitlog').findLast((file) => file.startsWith('0'));
      const path = `/store/commitlog/${name}`;
      store.disk.put(path, store.disk.readWhole(path).slice(0, 4000));
    };
    expect(await found(shorten)).toEqual(['segment-size nothing']);
  });

  it('passes over what retention deletes while it looks, beside a broker', async () => {
    for (let at = 0; at < 4; at++) {
      const { disk } = smallStore(100);
      const plan = planVerification(disk, smallPaths, {
        sizes: SMALL_SIZES,
        state: 'running',
        wantsIndex: true,
        parseSettings: readSettings,
        indexShape: SMALL_SHAPE,
      });
      const context = { ...plan.context, tagsCodeOf: tagsCodes() };
      const stages = ['slice', 'index', 'queues'];
      const report = await verifyStore(disk, plan, async (task) => {
        // Before the slices, behind the first one, and before the queues: everything old goes at once.
        if (task.kind === stages[at] || (at === 3 && task.kind === 'slice' && task.slice.from > 0)) deleteOld(disk);
        return runVerifyTask(disk, context, task);
      });
      expect(report.findings.filter(({ matters }) => matters)).toEqual([]);
      const [head] = plan.context.indexFiles;
      expect(verifyIndexFile(disk, head!).headerProblems).toEqual([]);
    }
  });

  it('does not judge the times of delivery of delayed messages, which a setting tells and no file', async () => {
    const store = smallStore(40, () => ({ topic: SCHEDULE_TOPIC, queueId: 1 }));
    expect(SCHEDULE_TOPIC).toBe('SCHEDULE_TOPIC_XXXX');
    const path = `/store/consumequeue/${SCHEDULE_TOPIC}/1/00000000000000000000`;
    flip(store.disk.bytesOf(path), 39);
    const options = { sizes: SMALL_SIZES, shape: SMALL_SHAPE };
    expect(kindsOf(await verified(store.disk, smallPaths, options))).toEqual([]);
    const before = store.disk.readWhole(path);
    expect((await repaired(store.disk, smallPaths, { ...options, all: true })).ok).toBe(true);
    expect(store.disk.readWhole(path)).toEqual(before);
    flip(store.disk.bytesOf(path), 31);
    expect(kindsOf(await verified(store.disk, smallPaths, options))).toEqual(['queue-wrong! repair']);
  });

  it('is not misled by a message that holds a record of this very place of the log', async () => {
    const probe = smallStore(40);
    const { logOffset, size } = probe.records[20]!;
    const bodyAt = logOffset + size - Buffer.byteLength('body 20') - probe.records[20]!.properties!.length - 4;
    const forged = encodeTestRecord({ topic: 'T', queueId: 9, queueOffset: 7, logOffset: bodyAt, storeTimestamp: 1 });
    const store = smallStore(40, (i) => (i === 20 ? { body: forged } : {}));
    const at =
      store.records[20]!.logOffset +
      Buffer.from(store.disk.bytesOf(`/store/commitlog/${'0'.repeat(20)}`))
        .subarray(store.records[20]!.logOffset)
        .indexOf(forged);
    expect(at, 'the forged record lies where it says').toBe(bodyAt);
    for (const sliceBytes of [bodyAt - 5, 100, 300]) {
      const report = await verified(store.disk, smallPaths, { sizes: SMALL_SIZES, sliceBytes });
      expect(kindsOf(report)).toEqual([]);
      expect(report.log.records).toBe(40);
    }
  });

  const segment = '/store/commitlog/00000000000000000000';
  const bytesAt = ({ disk, records }: SmallStore, i: number): Uint8Array =>
    disk.bytesOf(segment).subarray(records[i]!.logOffset, records[i]!.logOffset + records[i]!.size);

  it.each<[what: string, damage: (store: SmallStore) => void, expected: string[]]>([
    ['a body', (store) => flip(bytesAt(store, 5), 90), ['record-damaged! restore']],
    [
      'a topic',
      (store) => {
        const bytes = bytesAt(store, 5);
        bytes[Buffer.from(bytes).indexOf('body 5') + 'body 5'.length + 1] = 0;
      },
      ['record-damaged! restore'],
    ],
    [
      'a record with others behind it',
      (store) => bytesAt(store, 5).fill(0),
      ['index-wrong! repair', 'log-hole! restore', 'record-offset! restore'],
    ],
    [
      'the filler',
      ({ disk }) => {
        const bytes = Buffer.from(disk.bytesOf(segment).buffer);
        flip(bytes, bytes.indexOf(Buffer.from('cbd43194', 'hex')) - 1);
      },
      ['filler-wrong nothing'],
    ],
    [
      'a file in between',
      ({ disk }) => disk.unlink('/store/commitlog/00000000000000004096'),
      ['index-wrong! repair', 'queue-ahead! repair', 'checkpoint-ahead! repair'].sort(),
    ],
    ['the first file', ({ disk }) => disk.unlink(segment), ['queue-deleted nothing']],
    [
      'the size of the first file',
      ({ disk }) => disk.put(segment, disk.bytesOf(segment).slice(0, 4000)),
      ['log-hole! restore', 'record-offset! restore', 'segment-size! restore'],
    ],
    ['a foreign file', ({ disk }) => disk.put('/store/commitlog/notes.txt', 'x'), ['foreign-file nothing']],
    ['what a start has kept there', ({ disk }) => disk.put(`/store/commitlog/cut/${'0'.repeat(20)}`, 'x'), []],
    ['a file of that name', ({ disk }) => disk.put('/store/commitlog/cut', 'x'), ['foreign-file nothing']],
    ["the file system's own folder", ({ disk }) => disk.makeDirectory('/store/commitlog/lost+found'), []],
    ['an entry', ({ disk }) => flip(disk.bytesOf(QUEUE), 7), ['queue-wrong! repair']],
    ['a tags code', ({ disk }) => flip(disk.bytesOf(QUEUE), 39), ['queue-wrong! repair']],
    ['an entry in the middle', ({ disk }) => void disk.bytesOf(QUEUE).fill(0, 40, 60), ['queue-wrong! repair']],
    ['the newest entry', ({ disk }) => void disk.bytesOf(QUEUE).fill(0, 380), ['queue-behind! repair']],
    [
      'bytes behind a queue',
      ({ disk }) => {
        disk.put('/store/consumequeue/T/0/00000000000000000400', new Uint8Array(400).fill(0));
        disk.bytesOf('/store/consumequeue/T/0/00000000000000000400')[100] = 1;
      },
      ['queue-tail! repair'],
    ],
    [
      'an entry too many',
      ({ disk }) => {
        disk.put('/store/consumequeue/T/0/00000000000000000400', new Uint8Array(400).fill(0));
        disk.bytesOf('/store/consumequeue/T/0/00000000000000000400')[11] = 91;
      },
      ['queue-ahead! repair'],
    ],
    [
      'a queue file of another size',
      ({ disk }) => disk.put(QUEUE, Buffer.concat([disk.bytesOf(QUEUE), Buffer.alloc(20)])),
      ['queue-files! repair'],
    ],
    ['a queue', ({ disk }) => disk.removeTree('/store/consumequeue/T/1'), ['queue-missing! repair']],
    ['the index', ({ disk }) => disk.removeTree('/store/index'), ['index-missing nothing']],
    [
      'the hash of a key',
      ({ disk }) => flip(disk.bytesOf(SMALL_INDEX), indexEntryPosition(SMALL_SHAPE, 9) + 3),
      ['index-chain! repair', 'index-keys! repair', 'index-wrong! repair'],
    ],
    [
      'a slot',
      ({ disk }) => void disk.bytesOf(SMALL_INDEX).fill(0, indexSlotPosition(3), indexSlotPosition(4)),
      ['index-chain! repair'],
    ],
    [
      'the time of a key',
      ({ disk }) => flip(disk.bytesOf(SMALL_INDEX), indexEntryPosition(SMALL_SHAPE, 9) + 15),
      ['index-wrong! repair'],
    ],
    ['the header of the index', ({ disk }) => flip(disk.bytesOf(SMALL_INDEX), 35), ['index-header! repair']],
    ['the checkpoint', ({ disk }) => disk.unlink('/store/checkpoint'), ['checkpoint-missing repair']],
    [
      'a settings file',
      ({ disk }) => disk.put('/store/config/topics.json', '{"topicConfigTable":{'),
      ['settings-damaged! restore'],
    ],
    [
      'a settings file that has a version before it',
      ({ disk }) => {
        disk.put('/store/config/topics.json.bak', disk.bytesOf('/store/config/topics.json'));
        disk.put('/store/config/topics.json', '');
        disk.put('/store/config/consumerOffset.json', '{');
        disk.put('/store/config/consumerOffset.json.bak', '{}');
      },
      ['settings-damaged nothing'],
    ],
  ])('names damage to %s', async (_what, damage, expected) => {
    expect(await found(damage)).toEqual(expected);
  });

  it('tells an index file whose header has become zero from one without an entry', async () => {
    const { disk } = smallStore(6);
    disk.bytesOf(SMALL_INDEX).fill(0, 0, INDEX_HEADER_BYTES);
    expect(kindsOf(await verified(disk, smallPaths, { shape: SMALL_SHAPE }))).toEqual(['index-header! repair']);
    disk.bytesOf(SMALL_INDEX).fill(0);
    expect(kindsOf(await verified(disk, smallPaths, { shape: SMALL_SHAPE }))).toEqual(['index-missing nothing']);
  });

  it('names a sector of properties that did not get to the disk, and another zero in them', async () => {
    const long = (): SmallStore => smallStore(6, (i) => (i === 2 ? { key: 'k'.repeat(1500) } : {}));
    const { records } = long();
    const { logOffset, size } = records[2]!;
    const sector = Math.ceil((logOffset + size - 1400) / 512) * 512;
    const what = async (damage: (bytes: Uint8Array) => void): Promise<string> => {
      const { disk } = long();
      damage(disk.bytesOf(segment));
      const { findings } = await verified(disk, smallPaths, { sizes: SMALL_SIZES });
      return findings.find(({ kind }) => kind === 'record-damaged')!.what;
    };
    expect(await what((bytes) => bytes.fill(0, sector, sector + 512))).toMatch(/sector of zeros.*cuts them off/s);
    expect(await what((bytes) => bytes.fill(0, logOffset + size - 1, logOffset + size))).toMatch(/not whole: its keys/);
  });

  it('takes a queue that begins anew at 0 for one that was deleted', async () => {
    const store = smallStore(10, (i) => ({
      queueId: 0,
      ...(i < 4 ? { queueOffset: i } : i === 4 ? { queueOffset: 0 } : {}),
    }));
    // Only what follows the deletion has entries.
    expect(kindsOf(await verified(store.disk, smallPaths, { sizes: SMALL_SIZES }))).not.toContain(
      'record-offset! restore',
    );
    expect(store.records.map(({ queueOffset }) => queueOffset)).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 4, 5]);
  });

  it('says which records of a topic that was deleted are still in the log, and that it does not matter', async () => {
    expect(
      await found(({ disk }) => {
        disk.removeTree('/store/consumequeue/T');
        disk.put('/store/config/topics.json', '{"topicConfigTable":{}}');
      }),
    ).toEqual(['queue-missing nothing']);
  });

  it('tells of queues that belong to no topic: all of them when the topics are gone, and single ones', async () => {
    expect(await found(({ disk }) => disk.unlink('/store/config/topics.json'))).toEqual(['topic-missing! restore']);
    const others = '{"topicConfigTable":{"U":{"topicName":"U"}}}';
    expect(await found(({ disk }) => disk.put('/store/config/topics.json', others))).toEqual(['topic-missing nothing']);
  });

  it('takes an index that goes back once, to put messages again, for what it is', async () => {
    const again = ({ disk }: SmallStore): void => {
      const bytes = disk.bytesOf(SMALL_INDEX);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const header = readIndexHeader(view);
      const count = header.nextEntry - 31;
      const newest = new Map<number, number>();
      for (let entry = 1; entry < header.nextEntry + count; entry++) {
        const at = indexEntryPosition(SMALL_SHAPE, entry);
        if (entry >= header.nextEntry)
          bytes.copyWithin(at, at - count * INDEX_ENTRY_BYTES, at - (count - 1) * INDEX_ENTRY_BYTES);
        const slot = indexEntryKeyHash(view, at) % SMALL_SHAPE.slots;
        if (entry >= header.nextEntry) writeIndexEntryPrevious(view, at, newest.get(slot)!);
        newest.set(slot, entry);
        view.setInt32(indexSlotPosition(slot), entry);
      }
      bytes.set(encodeIndexHeader({ ...header, nextEntry: header.nextEntry + count }));
    };
    for (const sliceBytes of [300, 1000, 4096]) expect(await found(again, { sliceBytes })).toEqual([]);
  });

  it('beside a broker: what is newer than the checkpoint may be in memory only', async () => {
    const behind = ({ disk }: SmallStore): void => {
      disk.bytesOf(QUEUE).fill(0, 380);
      disk.put('/store/checkpoint', new Uint8Array(4096));
    };
    expect(await found(behind, { state: 'running' })).toEqual([]);
    const isWrong = ({ disk }: SmallStore): void => flip(disk.bytesOf(QUEUE), 7);
    expect(await found(isWrong, { state: 'running' }), 'what it vouches for is checked').toEqual([
      'queue-wrong! repair',
    ]);
  });

  it('keeps a hundred findings of a kind and counts the rest', async () => {
    const store = smallStore(300, (i) => ({ topic: `T${i}`, queueId: 0 }));
    store.disk.removeTree('/store/consumequeue');
    const report = await verified(store.disk, smallPaths, { sizes: SMALL_SIZES });
    expect(report.counts.get('queue-missing')).toBe(300);
    expect(report.findings.filter(({ kind }) => kind === 'queue-missing')).toHaveLength(100);
    expect(report.matter).toBe(300);
  });
});
