/** What `ringmq doctor` says of machines that are made up, and once of this one. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/cli/doctor/doctor-line.ts';
import type { DoctorFacts } from '../../src/cli/doctor/facts.ts';
import { judge } from '../../src/cli/doctor/judge.ts';
import { storeFacts } from '../../src/cli/doctor/probes.ts';
import { assignmentsOfObject } from '../../src/config/assignment.ts';
import type { BrokerOptions } from '../../src/config/broker-schema.ts';
import { resolveBroker } from '../../src/config/resolve.ts';
import { goldenStore } from '../support/golden-store.ts';
import { realStore } from '../support/real-store.ts';
import { resultOf, ringmq } from './ringmq.ts';

const GIB = 2 ** 30;
const NOW = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

type Changes = { readonly [Part in 'disk' | 'store' | 'machine']?: Partial<DoctorFacts[Part]> };

/** A machine with nothing to complain of, and the changes. */
function facts(changes: Changes = {}, settings: Partial<BrokerOptions> = {}): DoctorFacts {
  const given = { storePathRootDir: '/store', mappedFileSizeCommitLog: GIB, ...settings };
  return {
    disk: {
      folder: '/store',
      kind: 'ext4 on /dev/vda',
      sparseSync: { p50Us: 300, p99Us: 900 },
      zeroedSync: { p50Us: 200, p99Us: 700 },
      writeBytesPerSecond: GIB,
      problem: null,
      usedBytes: 10 * GIB,
      freeBytes: 90 * GIB,
      ...changes.disk,
    },
    storeDisk: null,
    store: {
      folder: '/store',
      exists: true,
      ownerProcess: null,
      ownerUserId: 1000,
      isWritable: true,
      isStoppedInOrder: true,
      segmentSize: { bytes: GIB, isSure: true },
      queueFileSize: { bytes: 6_000_000, isSure: true },
      indexMisfit: null,
      logBytes: 2 * GIB,
      oldestStoreMs: NOW - 10 * HOUR_MS,
      newestStoreMs: NOW - 1000,
      ...changes.store,
    },
    machine: {
      cores: 8,
      memoryBytes: 16 * GIB,
      memoryLimitBytes: 16 * GIB,
      availableBytes: 12 * GIB,
      nowMs: NOW,
      wallDriftMs: 0,
      measuredMs: 2000,
      descriptorLimit: 1_000_000,
      userId: 1000,
      dirtyRatio: 20,
      dirtyBackgroundRatio: 10,
      swappiness: 60,
      ...changes.machine,
    },
    settings: resolveBroker(assignmentsOfObject(given, 'test')).settings,
    settingsProblems: [],
    settingsWarnings: [],
  };
}

/** Name and verdict of what is not ok. */
function complaints(of: DoctorFacts): [what: string, verdict: Verdict][] {
  return judge(of)
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ what, verdict }) => [what, verdict]);
}

describe('doctor', () => {
  it('has nothing to say against a good machine', () => {
    expect(complaints(facts())).toEqual([]);
  });

  it.each<[about: string, changes: Changes, settings: Partial<BrokerOptions>, expected: [string, Verdict][]]>([
    [
      'a disk that does not honour fdatasync, with sync flush',
      { disk: { zeroedSync: { p50Us: 3, p99Us: 9 } } },
      { flushDiskType: 'SYNC_FLUSH' },
      [['fdatasync, written blocks', 'bad']],
    ],
    [
      'the same with async flush',
      { disk: { zeroedSync: { p50Us: 3, p99Us: 9 } } },
      {},
      [['fdatasync, written blocks', 'warn']],
    ],
    ['a store in memory', { disk: { kind: 'tmpfs on tmpfs' } }, {}, [['file system', 'bad']]],
    ['a store on another machine', { disk: { kind: 'nfs4 on server:/x' } }, {}, [['file system', 'warn']]],
    [
      'a folder that cannot be written',
      { disk: { problem: 'EACCES' }, store: { isWritable: false } },
      {},
      [
        ['permissions', 'bad'],
        ['disk', 'bad'],
      ],
    ],
    ["somebody else's store", { machine: { userId: 0 } }, {}, [['permissions', 'warn']]],
    ['a disk at the watermark, not above it', { disk: { usedBytes: 75 * GIB, freeBytes: 25 * GIB } }, {}, []],
    [
      'a disk a little above the watermark',
      { disk: { usedBytes: 751 * GIB, freeBytes: 249 * GIB } },
      {},
      [['space', 'warn']],
    ],
    ['a disk that is nearly full', { disk: { usedBytes: 920 * GIB, freeBytes: 80 * GIB } }, {}, [['space', 'bad']]],
    [
      'a disk above the first watermark',
      { disk: { usedBytes: 76 * GIB, freeBytes: 24 * GIB } },
      {},
      [['space', 'warn']],
    ],
    [
      'a log that outgrows its disk',
      { disk: { freeBytes: 10 * GIB, usedBytes: GIB } },
      {},
      [['fileReservedTime', 'warn']],
    ],
    ['messages of the future', { store: { newestStoreMs: NOW + HOUR_MS } }, {}, [['newest message', 'bad']]],
    ['a clock that jumps', { machine: { wallDriftMs: -800 } }, {}, [['clock', 'warn']]],
    [
      'files of another size',
      { store: { segmentSize: { bytes: 4096, isSure: true } } },
      {},
      [['mappedFileSizeCommitLog', 'bad']],
    ],
    [
      'one file of another size',
      { store: { segmentSize: { bytes: 4096, isSure: false } } },
      {},
      [['mappedFileSizeCommitLog', 'bad']],
    ],
    [
      'one file that a crash may have left short',
      { store: { segmentSize: { bytes: 4096, isSure: false }, isStoppedInOrder: false } },
      {},
      [['mappedFileSizeCommitLog', 'warn']],
    ],
    [
      'one file that is too long, after a crash',
      { store: { segmentSize: { bytes: 4 * GIB, isSure: false }, isStoppedInOrder: false } },
      {},
      [['mappedFileSizeCommitLog', 'bad']],
    ],
    [
      'an index of another shape',
      { store: { indexMisfit: { path: '/store/index/20260101120000000', sizeBytes: 17_240, shape: null } } },
      {},
      [['maxHashSlotNum, maxIndexNum', 'bad']],
    ],
    ['few descriptors', { machine: { descriptorLimit: 1024 } }, {}, [['descriptors', 'warn']]],
    ['a placement for more cores', { machine: { cores: 3 } }, {}, [['placement', 'warn']]],
    ['five threads on one core', { machine: { cores: 1 } }, {}, [['placement', 'warn']]],
    [
      'little memory',
      { machine: { memoryLimitBytes: GIB / 4 } },
      {},
      [
        ['memory', 'warn'],
        ['undispatchedMaxBytes', 'warn'],
      ],
    ],
    [
      'too much that counts as in memory',
      {},
      { accessMessageInMemoryMaxRatio: 95 },
      [['accessMessageInMemoryMaxRatio', 'warn']],
    ],
  ])('%s', (_about, changes, settings, expected) => {
    expect(complaints(facts(changes, settings))).toEqual(expected);
  });
});

it('does not advise to set the size of a file that may have lost its end', () => {
  const meansOf = (isSure: boolean): string =>
    judge(facts({ store: { segmentSize: { bytes: 409_600, isSure } } })).find(({ verdict }) => verdict === 'bad')!
      .means;
  expect(meansOf(true)).toBe('the broker refuses to start: set mappedFileSizeCommitLog=409600');
  expect(meansOf(false)).not.toContain('409600');
  expect(meansOf(false)).toContain('lost their end');
});

it('says in which time a clock has gone how far astray', () => {
  const clock = judge(facts({ machine: { wallDriftMs: -800, measuredMs: 350 } })).find(({ what }) => what === 'clock');
  expect(clock!.figure).toBe('2023-11-14T22:13:20.000Z, -800 ms off in 350 ms');
});

describe('ringmq doctor', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringmq-doctor-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('looks at the disk of the queues too where the log has one to itself', () => {
    const whole = facts();
    const full = { ...whole.disk, usedBytes: 95 * GIB, freeBytes: 5 * GIB };
    expect(complaints({ ...whole, storeDisk: full })).toEqual([['space (queues, index)', 'bad']]);
  });

  it('measures a folder, leaves nothing there, and tells settings that cannot be used', async () => {
    mkdirSync(folder, { recursive: true });
    const args = ['doctor', join(folder, 'not-there-yet'), '--json', '--set', 'listenPort=none'];
    const { code, stdout } = await resultOf(ringmq(args));
    const { lines, facts: measured } = JSON.parse(stdout) as {
      lines: { what: string; verdict: Verdict }[];
      facts: DoctorFacts;
    };
    expect(measured.machine.measuredMs).toBeGreaterThan(0);
    expect(measured.disk.zeroedSync!.p50Us).toBeGreaterThan(0);
    expect(lines.find(({ what }) => what === 'settings')?.verdict).toBe('bad');
    expect(code).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  const SIZES = { mappedFileSizeCommitLog: 1_048_576, mappedFileSizeConsumeQueue: 1000 };
  const factsOf = (root: string, options: Partial<BrokerOptions>): DoctorFacts['store'] =>
    storeFacts(root, resolveBroker(assignmentsOfObject({ storePathRootDir: root, ...options }, 'test')).settings);

  it('warns of the index with which the broker refuses to start, and says which settings fit it', async () => {
    const root = realStore(goldenStore('clean'));
    const sizes = Object.entries(SIZES).flatMap(([name, size]) => ['--set', `${name}=${size}`]);
    const { code, stdout } = await resultOf(ringmq(['doctor', root, ...sizes]));
    const [name] = readdirSync(join(root, 'index'));
    expect(stdout).toMatch(/^\d+ ok, (?:1 warning|(?!1 )\d+ warnings), 1 bad$/m);
    expect(stdout).toMatch(
      new RegExp(
        `^bad   maxHashSlotNum, maxIndexNum +5000000 and 20000000 make 420000040 bytes, but ${root}/index/${name} has 17240 +` +
          'the broker refuses to start: set maxHashSlotNum=300 and maxIndexNum=800$',
        'm',
      ),
    );
    expect(code).toBe(1);
  });

  it('has nothing against an index that the settings fit, or that they do not want', () => {
    const root = realStore(goldenStore('clean'));
    expect(factsOf(root, { ...SIZES, maxHashSlotNum: 300, maxIndexNum: 800 }).indexMisfit).toBeNull();
    expect(factsOf(root, { ...SIZES, messageIndexEnable: false }).indexMisfit).toBeNull();
  });

  it('knows which files of the index a start after a crash puts right', () => {
    const root = realStore(goldenStore('clean'));
    const newest = join(root, 'index', readdirSync(join(root, 'index')).at(-1)!);
    truncateSync(newest, 0);
    const options = { ...SIZES, maxHashSlotNum: 300, maxIndexNum: 800 };
    expect(factsOf(root, options).indexMisfit).toEqual({ path: newest, sizeBytes: 0, shape: null });
    writeFileSync(join(root, 'abort'), 'long gone');
    expect(factsOf(root, options).indexMisfit).toBeNull();
    rmSync(join(root, 'abort'));
    writeFileSync(join(root, 'commitlog.sync-failed'), '');
    expect(factsOf(root, options).indexMisfit, 'a start takes that for a crash').toBeNull();
  });
});
