/** `verify` of the stores that Apache's broker has left: fine as they are, and every damage of the variants is named. */
import { describe, expect, it } from 'vitest';
import { damagedStore, goldenPaths, goldenStore, goldenStoreIndex, goldenVariants } from '../support/golden-store.ts';
import { kindsOf, verified } from '../support/verified.ts';

/** By variant: what is found, with ! where it matters, and what to do. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  'head-deleted': ['queue-deleted nothing'],
  'tail-deleted': ['checkpoint-ahead! repair', 'index-wrong! repair', 'queue-ahead! repair'],
  'crash-torn-record': ['checkpoint-ahead! repair', 'index-wrong nothing', 'queue-ahead nothing', 'torn-tail nothing'],
  'crash-torn-properties': ['record-damaged! restore'],
  'crash-bad-body': ['record-damaged! restore'],
  'clean-bad-body': ['record-damaged! restore'],
  'crash-no-checkpoint': ['checkpoint-missing repair'],
  'crash-no-queues': ['checkpoint-missing repair', 'index-missing nothing', 'queue-missing nothing'],
  // Queues of topics that the settings do not know count as deleted ones.
  'clean-no-queues': ['index-missing nothing', 'queue-missing nothing', 'queue-missing! repair'],
  'clean-queue-tail-zero': ['queue-behind! repair'],
  'crash-queue-tail-zero': ['queue-behind nothing'],
  'clean-garbage-after-end': ['stale-bytes nothing'],
  'no-log': ['log-missing! restore'],
};

/** Apache's broker stores what the clients send back for a group with a long name, and keeps no topic of such a length. */
const LONG_NAMES = 'topic-missing nothing';

describe("verify of Apache's stores", () => {
  it.each(['clean', 'killed'] as const)('%s: finds nothing, and counts what Apache counts', async (name) => {
    const index = goldenStoreIndex(`${name}.index.json`);
    const disk = goldenStore(name);
    disk.journal.length = 0;
    const report = await verified(disk, goldenPaths);
    expect(kindsOf(report)).toEqual([LONG_NAMES]);
    expect(report.findings.filter(({ kind }) => kind === 'topic-missing').map(({ file }) => file)).toEqual([
      expect.stringContaining('/%RETRY%G'),
      expect.stringContaining('/%RETRY%y'),
      expect.stringContaining('/ttt'),
    ]);
    expect(report.log.records).toBe(index.commitLog.records);
    expect([report.log.start, report.log.end]).toEqual([index.commitLog.minOffset, index.commitLog.maxOffset]);
    expect(report.log.keys.keys).toBeGreaterThan(1000);
    expect(disk.journal, 'it only reads').toEqual([]);
    expect(disk.openFiles).toBe(0);
  });

  it.each(goldenVariants)('$name: $about', async (variant) => {
    const kinds = kindsOf(await verified(damagedStore(variant), goldenPaths));
    expect(kinds.filter((kind) => kind !== LONG_NAMES)).toEqual(EXPECTED[variant.name]);
  });

  it('has an expectation for every variant', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual(goldenVariants.map(({ name }) => name).sort());
  });

  it.each([30_000, 100_000, 333_333])(
    'finds the same in slices of %d bytes, which begin anywhere',
    async (sliceBytes) => {
      for (const variant of goldenVariants.filter(({ name }) => name !== 'no-log')) {
        const whole = await verified(damagedStore(variant), goldenPaths);
        const sliced = await verified(damagedStore(variant), goldenPaths, { sliceBytes });
        expect(sliced.findings, variant.name).toEqual(whole.findings);
        expect({ ...sliced.log, runs: [] }, variant.name).toEqual({ ...whole.log, runs: [] });
      }
    },
  );
});
