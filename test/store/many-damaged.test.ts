/** A slice of the log with more damaged records than are described: what is decided by them goes by all of them. */
import { describe, expect, it } from 'vitest';
import { CheckpointWriter } from '../../src/store/checkpoint.ts';
import { type RepairedOptions, type RepairedStore, repaired } from '../support/repaired.ts';
import {
  SMALL_INDEX,
  SMALL_SHAPE,
  SMALL_SIZES,
  type SmallStore,
  smallPaths,
  smallStore,
} from '../support/small-store.ts';
import { verified } from '../support/verified.ts';

const SEGMENT = '/store/commitlog/00000000000000000000';
/** All of the log is one slice. */
const SIZES = { ...SMALL_SIZES, segmentSizeBytes: 64 * 1024 };
const COUNT = 160;
/** More than are described. */
const MANY = 150;

type SmallRecord = SmallStore['records'][number];

function flipBody({ disk }: SmallStore, { logOffset }: SmallRecord): void {
  disk.bytesOf(SEGMENT)[logOffset + 90]! ^= 1;
}

function zeroProperties({ disk }: SmallStore, { logOffset, size, properties }: SmallRecord): void {
  disk.bytesOf(SEGMENT).fill(0, logOffset + size - Buffer.byteLength(properties!), logOffset + size);
}

/** RingMQ's word that all of the log has been on the disk. */
function vouchForAll({ disk, logEnd }: SmallStore): void {
  const checkpoint = new CheckpointWriter(disk, smallPaths.checkpoint);
  const counts = { queueCount: 2, queueEntries: COUNT, logStart: 0 };
  checkpoint.write({}, { filedTo: logEnd, lookFrom: 0, indexEnd: -1, stoppedAt: logEnd, ...counts });
  checkpoint.close();
}

const store = (): SmallStore => smallStore(COUNT, () => ({}), SIZES);
const repair = ({ disk }: SmallStore, options: RepairedOptions = {}): Promise<RepairedStore> =>
  repaired(disk, smallPaths, { sizes: SIZES, shape: SMALL_SHAPE, ...options });

describe('many damaged records in a slice', () => {
  it('are all counted, and a hundred of them described', async () => {
    const damaged = store();
    for (const record of damaged.records.slice(0, MANY)) flipBody(damaged, record);
    const { findings, counts, matter } = await verified(damaged.disk, smallPaths, { sizes: SIZES });
    expect([counts.get('record-damaged'), matter]).toEqual([MANY, MANY]);
    expect(findings.filter(({ kind }) => kind === 'record-damaged')).toHaveLength(100);
  });

  it('do not hide those whose tags and keys only queue and index know: they are not built', async () => {
    const damaged = store();
    // So that a start does not end the log at the first.
    vouchForAll(damaged);
    for (const record of damaged.records.slice(0, 100)) flipBody(damaged, record);
    for (const record of damaged.records.slice(150, 152)) zeroProperties(damaged, record);
    const before = damaged.disk.copy();
    const { end, plan } = await repair(damaged, { all: true });
    expect([end, plan.build, plan.buildIndex]).toEqual(['nothing to do', [], false]);
    expect(plan.left.join()).toMatch(/tags and keys of records of T\/0, T\/1 are not in the log any more/);
    const index = damaged.disk.readWhole(SMALL_INDEX);
    expect(Buffer.compare(index, before.readWhole(SMALL_INDEX))).toBe(0);
  });

  it('are places where the log may be cut, each of them', async () => {
    const damaged = store();
    for (const record of damaged.records.slice(0, MANY)) flipBody(damaged, record);
    const { logOffset } = damaged.records[120]!;
    const { plan } = await repair(damaged, { cutAt: logOffset, agrees: false });
    expect(plan.refusals.join()).not.toMatch(/not damaged at/);
  });

  it('do not hide the one in the newest file at which any start ends the log', async () => {
    const damaged = store();
    for (const record of damaged.records.slice(0, 100)) zeroProperties(damaged, record);
    flipBody(damaged, damaged.records[120]!);
    damaged.disk.removeTree('/store/consumequeue/T/1');
    const { end, plan } = await repair(damaged);
    expect([end, plan.refusals]).toEqual(['refused', [expect.stringMatching(/damaged, in the newest file/)]]);
  });

  it('are named in a refusal as far as somebody can read it', async () => {
    const damaged = store();
    for (const record of damaged.records.slice(0, MANY)) flipBody(damaged, record);
    const { plan } = await repair(damaged);
    expect(plan.refusals).toHaveLength(101);
    expect(plan.refusals.at(-1)).toBe('50 more places like these');
    const elsewhere = await repair(damaged, { cutAt: 1 });
    expect(elsewhere.plan.refusals).toEqual([
      expect.stringMatching(/^the log is not damaged at 1:.*, \d+ and 50 more$/),
    ]);
  });
});
