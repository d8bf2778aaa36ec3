/** What `verify` says of the settings files is what the broker's tables make of them at a start. */
import { describe, expect, it } from 'vitest';
import { ConsumerOffsets } from '../../src/broker/consumer-offsets.ts';
import { DEFAULT_CONTROL_SETTINGS } from '../../src/broker/control-settings.ts';
import { GroupTable } from '../../src/broker/group-table.ts';
import { TopicTable } from '../../src/broker/topic-table.ts';
import { SettingsFolder } from '../../src/store/settings-file.ts';
import { FakeClock } from '../broker/coordinator-harness.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { repaired } from '../support/repaired.ts';
import { SMALL_SHAPE, SMALL_SIZES, smallPaths, smallStore } from '../support/small-store.ts';
import { kindsOf, verified } from '../support/verified.ts';

const COUNT = 40;
const TOPICS = '/store/config/topics.json';
const GROUPS = '/store/config/subscriptionGroup.json';
const OFFSETS = '/store/config/consumerOffset.json';
const options = { sizes: SMALL_SIZES, shape: SMALL_SHAPE };

/** What a start says of the settings, and where a group is then that had read everything. */
function start(disk: MemoryDisk): { readonly says: readonly string[]; readonly place: number } {
  const says: string[] = [];
  const tell = (message: string): void => void says.push(message);
  const log = { info: () => {}, warn: tell, error: tell };
  const files = new SettingsFolder(disk, smallPaths.config, log);
  const ports = { settings: DEFAULT_CONTROL_SETTINGS, clock: new FakeClock(), files, log, createSlot: () => 0 };
  new TopicTable(ports, () => {});
  new GroupTable(ports, () => {});
  const offsets = new ConsumerOffsets(ports);
  const moved = offsets.holdBack((topic, queueId) => (topic === 'T' && queueId < 2 ? COUNT / 2 : 0));
  if (moved > 0) says.push(`${moved} moved back`);
  return { says, place: offsets.get('G', 'T', 0) };
}

function damaged(damage: (disk: MemoryDisk) => void): MemoryDisk {
  const { disk } = smallStore(COUNT);
  disk.put(OFFSETS, '{"offsetTable":{"T@G":{0:20,1:7},"T@G@more":{0:99}}}');
  damage(disk);
  return disk;
}

function bothAre(path: string, text: string): (disk: MemoryDisk) => void {
  return (disk) => {
    disk.put(path, text);
    disk.put(`${path}.bak`, text);
  };
}

async function saidOf(disk: MemoryDisk): Promise<string> {
  const { findings } = await verified(disk, smallPaths, options);
  return findings.map(({ file, what }) => `${file} ${what}`).join('\n');
}

const READ_FAILS = /cannot be parsed, it is kept as/;

describe('what a start makes of the settings', () => {
  it('has nothing to say of those that it reads', async () => {
    const disk = damaged(() => {});
    expect(await kindsOf(await verified(disk, smallPaths, options))).toEqual([]);
    expect(start(disk)).toEqual({ says: [], place: 20 });
  });

  it.each<[what: string, damage: (disk: MemoryDisk) => void, kinds: string[], found: RegExp, says: RegExp]>([
    [
      'offsets that are no numbers',
      (disk) => disk.put(OFFSETS, '{"offsetTable":{"T@G":{0:"x"}}}'),
      ['settings-damaged! restore'],
      /cannot be parsed.*a start goes on without it/,
      READ_FAILS,
    ],
    [
      'an offset table of another kind',
      bothAre(OFFSETS, '{"offsetTable":{"T@G":"x"}}'),
      ['settings-damaged! restore'],
      /cannot be parsed.*a start goes on without it/,
      READ_FAILS,
    ],
    [
      'a topic that is no object',
      (disk) => disk.put(TOPICS, '{"topicConfigTable":{"T":5}}'),
      ['settings-damaged! restore'],
      /cannot be parsed/,
      READ_FAILS,
    ],
    [
      'topics in a list',
      (disk) => disk.put(TOPICS, '[]'),
      ['settings-damaged! restore'],
      /topics.json is no object/,
      READ_FAILS,
    ],
    [
      'a group that is no object',
      (disk) => disk.put(GROUPS, '{"subscriptionGroupTable":{"G":7}}'),
      ['settings-damaged! restore'],
      /cannot be parsed/,
      READ_FAILS,
    ],
    [
      'a file with a version before it',
      (disk) => {
        disk.put(`${OFFSETS}.bak`, disk.readWhole(OFFSETS));
        disk.put(OFFSETS, '{');
      },
      ['settings-damaged nothing'],
      /cannot be parsed.*a start takes the version before it/,
      /its version before is used/,
    ],
    [
      'a file that is gone, with a version before it',
      (disk) => disk.rename(OFFSETS, `${OFFSETS}.bak`),
      ['settings-damaged nothing'],
      /is not there: a start takes the version before it/,
      /its version before is used/,
    ],
    [
      'an empty file with a version before it',
      (disk) => {
        disk.put(`${OFFSETS}.bak`, disk.readWhole(OFFSETS));
        disk.put(OFFSETS, ' \n');
      },
      ['settings-damaged nothing'],
      /is empty: a start takes the version before it/,
      /its version before is used/,
    ],
    [
      'a damaged version before a file that is gone',
      (disk) => {
        disk.unlink(OFFSETS);
        disk.put(`${OFFSETS}.bak`, '{');
      },
      ['settings-damaged! restore'],
      /\.bak cannot be parsed.*a start goes on without it/,
      READ_FAILS,
    ],
    [
      'offsets beyond the end of their queue',
      (disk) => disk.put(OFFSETS, '{"offsetTable":{"T@G":{0:21,1:20},"T@H":{1:999},"U@G":{0:3}}}'),
      ['offset-ahead nothing'],
      /beyond the end of their queue: 3, the first is that of G in T\/0, 21 of 20: the next start moves them back/,
      /3 moved back/,
    ],
  ])('%s', async (_what, damage, kinds, found, says) => {
    const disk = damaged(damage);
    expect(kindsOf(await verified(disk, smallPaths, options))).toEqual(kinds);
    expect(await saidOf(disk)).toMatch(found);
    expect(start(disk).says.join('\n')).toMatch(says);
  });

  it('it takes an empty file for one that is not there, and what it has said is gone', async () => {
    const disk = damaged((changed) => changed.put(OFFSETS, ''));
    expect(kindsOf(await verified(disk, smallPaths, options))).toEqual(['settings-damaged! restore']);
    expect(await saidOf(disk)).toMatch(/is empty.*a start goes on without it/);
    expect(start(disk)).toEqual({ says: [], place: -1 });
  });

  it.each<[what: string, path: string, found: RegExp]>([
    ['in place of a file', TOPICS, /is a folder: a broker fails to start/],
    ['in place of its version before', `${TOPICS}.bak`, /is a folder: no change of topics.json can be written/],
  ])('a folder %s', async (_what, path, found) => {
    const disk = damaged((changed) => {
      changed.put(`${TOPICS}.bak`, changed.readWhole(TOPICS));
      changed.unlink(path);
      changed.makeDirectory(path);
    });
    expect(kindsOf(await verified(disk, smallPaths, options))).toEqual(['settings-damaged! restore']);
    expect(await saidOf(disk)).toMatch(found);
    if (path === TOPICS) expect(() => start(disk)).toThrow('EISDIR');
  });

  it('a folder in place of the version before a file that is gone', async () => {
    const disk = damaged((changed) => {
      changed.unlink(OFFSETS);
      changed.makeDirectory(`${OFFSETS}.bak`);
    });
    expect(kindsOf(await verified(disk, smallPaths, options))).toEqual(['settings-damaged! restore']);
    expect(await saidOf(disk)).toMatch(/is a folder: a broker fails to start/);
    expect(() => start(disk)).toThrow('EISDIR');
  });

  it('more queues than a topic can have', async () => {
    const disk = damaged((changed) => changed.put(TOPICS, '{"topicConfigTable":{"T":{"readQueueNums":1000000}}}'));
    expect(kindsOf(await verified(disk, smallPaths, options))).toEqual(['settings-damaged! restore']);
    expect(await saidOf(disk)).toMatch(/topic T: 1000000 queues, at most \d+ are possible: a broker fails to start/);
    expect(() => start(disk)).toThrow(/1000000 queues/);
  });

  it('a version before that does not know a topic yet, where it is taken', async () => {
    const older = '{"topicConfigTable":{"Other":{"readQueueNums":1}}}';
    const kinds = async (current: string): Promise<string[]> => {
      const disk = damaged((changed) => {
        changed.put(TOPICS, current);
        changed.put(`${TOPICS}.bak`, older);
      });
      return kindsOf(await verified(disk, smallPaths, options));
    };
    expect(await kinds('{')).toEqual(['settings-damaged nothing', 'topic-missing! restore']);
    expect(await kinds(older)).toEqual(['topic-missing nothing']);
  });

  it('a table without a topic, where there are queues: it is there and names none', async () => {
    const disk = damaged((changed) => changed.put(TOPICS, '{}'));
    expect(kindsOf(await verified(disk, smallPaths, options))).toEqual(['topic-missing! restore']);
    expect(await saidOf(disk)).toMatch(/names no topic/);
    // They may have been anything.
    disk.removeTree('/store/consumequeue/T/1');
    expect((await repaired(disk, smallPaths, options)).plan.build).toHaveLength(1);
  });

  it('files that no broker reads are foreign, whatever is in them', async () => {
    const disk = damaged((changed) => {
      for (const name of ['topics.json~', 'notes.txt', 'topics.json.bak.old', 'x.json'])
        changed.put(`/store/config/${name}`, '{');
      changed.makeDirectory('/store/config/old');
      changed.put('/store/config/topics.json.damaged', '{');
      changed.put('/store/config/consumerOffset.json.bak.damaged', '{');
      changed.put('/store/config/topics.json.tmp', '{');
      changed.put('/store/config/timercheck', new Uint8Array(10));
    });
    const report = await verified(disk, smallPaths, options);
    expect(kindsOf(report)).toEqual(['foreign-file nothing']);
    expect(report.counts.get('foreign-file')).toBe(5);
    expect(start(disk)).toEqual({ says: [], place: 20 });
  });

  it("says of a file of Apache's broker what that does with it", async () => {
    const disk = damaged((changed) => changed.put('/store/config/delayOffset.json', '{'));
    expect(kindsOf(await verified(disk, smallPaths, options))).toEqual(['settings-damaged! restore']);
    expect(await saidOf(disk)).toMatch(/Apache's broker goes on without it/);
    expect(start(disk).says).toEqual([]);
  });

  it('asks the files of a queue where it ends that has no message in the log any more', async () => {
    const disk = damaged(() => {});
    // As retention leaves it: the log begins behind it.
    for (const offset of [20, 21]) {
      const gone = damaged((changed) => {
        for (const name of changed.list(smallPaths.commitLog).slice(0, -1))
          changed.unlink(`${smallPaths.commitLog}/${name}`);
        changed.put(OFFSETS, `{"offsetTable":{"T@G":{0:${offset}}}}`);
      });
      expect(gone.list(smallPaths.commitLog).length).toBeLessThan(disk.list(smallPaths.commitLog).length);
      const kinds = kindsOf(await verified(gone, smallPaths, options));
      expect(kinds.includes('offset-ahead nothing')).toBe(offset > 20);
    }
  });

  it('leaves offsets alone beside a broker, which keeps newer ones in memory, and without a log', async () => {
    const disk = damaged((changed) => changed.put(OFFSETS, '{"offsetTable":{"T@G":{0:999}}}'));
    expect(kindsOf(await verified(disk, smallPaths, { ...options, state: 'running' }))).toEqual([]);
    disk.removeTree(smallPaths.commitLog);
    expect(kindsOf(await verified(disk, smallPaths, options))).toEqual(['log-missing! restore']);
  });
});
