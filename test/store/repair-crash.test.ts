/** A loss of power while a repair takes files off the log: they go one by one, so that the next repair finds a row of files. */
import { expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { KEPT_FOLDER, type RepairedStore, repaired } from '../support/repaired.ts';
import { CrashedError, type SimDisk } from '../support/sim-disk.ts';
import { onSimDisk } from '../support/sim-store.ts';
import { SMALL_SHAPE, SMALL_SIZES, smallPaths, smallStore } from '../support/small-store.ts';

const DRAWS = 5;

it('a repair whose cut is ended at any call can be made again', async () => {
  const { disk: memory, records } = smallStore(120);
  const { logOffset: cutAt, size } = records[10]!;
  memory.bytesOf('/store/commitlog/00000000000000000000').fill(0, cutAt, cutAt + size);
  // The lock has written it.
  memory.put('/store/abort', '1');
  const store = onSimDisk(memory, smallPaths.root);
  const random = seededRandom(5);
  const repair = (disk: SimDisk): Promise<RepairedStore> =>
    repaired(disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE, wantsIndex: false, cutAt });
  const whole = store.copy(random);
  const cuts: number[] = [];
  whole.before = (call, operation, path) => {
    if (operation === 'unlink' && path.startsWith(smallPaths.commitLog)) cuts.push(call, call + 1);
  };
  const { end, kept } = await repair(whole);
  expect([end, kept.length]).toEqual(['repaired', 5]);
  for (const call of new Set(cuts)) {
    for (let i = 0; i < DRAWS; i++) {
      const disk = store.copy(random);
      disk.crashAt = call;
      await expect(repair(disk)).rejects.toThrow(CrashedError);
      const next = disk.afterCrash('power', random, 0.5);
      next.removeTree(KEPT_FOLDER);
      const again = await repair(next);
      expect([call, again.end, again.plan.refusals]).toEqual([call, 'repaired', []]);
    }
  }
});
