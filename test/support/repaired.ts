/** Repairs a store on a disk in memory, without a pool. */

import { readSettings } from '../../src/broker/read-settings.ts';
import { IndexBuild } from '../../src/cli/index-build.ts';
import type { IndexFileShape } from '../../src/layout/index-file.ts';
import type { Disk } from '../../src/store/disk.ts';
import { judgeSizes } from '../../src/store/judge-sizes.ts';
import { knownSettings } from '../../src/store/known-settings.ts';
import { isStoppedInOrder } from '../../src/store/log-at-start.ts';
import type { RepairOptions } from '../../src/store/repair-plan.ts';
import type { StorePaths } from '../../src/store/store-paths.ts';
import { type RepairCalls, type RepairOutcome, StoreRepair } from '../../src/store/store-repair.ts';
import type { StoreSizes } from '../../src/store/store-sizes.ts';
import { planVerification } from '../../src/store/verify-plan.ts';
import { verifyStore, workContext } from '../../src/store/verify-store.ts';
import { runVerifyTask } from '../../src/store/verify-task.ts';
import { tagsCodes } from '../../src/threads/pool/record-tags.ts';

export interface RepairedOptions extends Partial<RepairOptions> {
  readonly sizes?: Partial<StoreSizes>;
  readonly shape?: IndexFileShape;
  readonly agrees?: boolean;
  /** Called before each piece of building. */
  readonly before?: () => unknown;
  /** Called where the owner is looked for. */
  readonly checkOwner?: () => void;
  /** Called at the end, also of a repair that fails. */
  readonly ended?: (repair: StoreRepair) => void;
}

export const KEPT_FOLDER = '/store/cut-test';

export interface RepairedStore extends RepairOutcome {
  readonly leavesClean: boolean;
}

/** As the command line does it, `abort` included. */
export async function repaired(disk: Disk, paths: StorePaths, options: RepairedOptions = {}): Promise<RepairedStore> {
  const { all = false, cutAt = null, agrees = true, before = () => {} } = options;
  const known = knownSettings(disk, paths, {
    ...(options.sizes !== undefined && { sizes: options.sizes }),
    ...(options.shape !== undefined && { indexShape: options.shape }),
    ...(options.wantsIndex !== undefined && { wantsIndex: options.wantsIndex }),
  });
  const { sizes, indexShape: shape, wantsIndex } = known;
  const { origins = known.origins, isIndexShapeAssumed = false } = options;
  const calls: RepairCalls = {
    keptFolder: KEPT_FOLDER,
    checkOwner: options.checkOwner ?? (() => {}),
    agree: async () => agrees,
    async verify(state, skips) {
      const given = shape === undefined ? {} : { indexShape: shape };
      const options = { sizes, state, skips, wantsIndex, parseSettings: readSettings, ...given };
      const plan = planVerification(disk, paths, options);
      judgeSizes(plan, { ...known, origins });
      const context = { ...workContext(plan), tagsCodeOf: tagsCodes() };
      return { plan, report: await verifyStore(disk, plan, async (task) => runVerifyTask(disk, context, task)) };
    },
    async withWork({ plan }, _rest, action) {
      const context = { ...plan.context, tagsCodeOf: tagsCodes() };
      const found = shape ?? plan.context.indexFiles[0]?.shape ?? { slots: 300, entries: 800 };
      return action({
        async buildSlice(slice, queues, withKeys) {
          before();
          const done = runVerifyTask(disk, context, { kind: 'build', slice, queues, withKeys });
          if (done.kind !== 'build') throw new TypeError('building a slice gives what was built');
          return done.built;
        },
        indexBuilder: () => {
          before();
          return new IndexBuild(disk, { directory: paths.index, shape: found });
        },
        threads: 1,
      });
    },
  };
  const isGivenUp = disk.stat(paths.abort) === null;
  const wasClean = isStoppedInOrder(disk, paths, isGivenUp);
  const repair = new StoreRepair(disk, calls, { all, cutAt, wantsIndex, origins, isIndexShapeAssumed }, wasClean);
  const outcome = await repair.run().finally(() => options.ended?.(repair));
  const leavesClean = repair.leavesClean ?? isGivenUp;
  if (leavesClean && !isGivenUp) disk.unlink(paths.abort);
  return { ...outcome, leavesClean };
}
