/** Verifies a store on a disk in memory, without a pool. */

import { readSettings } from '../../src/broker/read-settings.ts';
import type { IndexFileShape } from '../../src/layout/index-file.ts';
import type { Disk } from '../../src/store/disk.ts';
import { judgeSizes } from '../../src/store/judge-sizes.ts';
import { knownSettings } from '../../src/store/known-settings.ts';
import { wasStoppedInOrder } from '../../src/store/log-at-start.ts';
import type { StorePaths } from '../../src/store/store-paths.ts';
import type { StoreSizes } from '../../src/store/store-sizes.ts';
import type { StoreState } from '../../src/store/store-state.ts';
import { planVerification } from '../../src/store/verify-plan.ts';
import { type VerifyReport, verifyStore } from '../../src/store/verify-store.ts';
import { runVerifyTask } from '../../src/store/verify-task.ts';
import { tagsCodes } from '../../src/threads/pool/record-tags.ts';

export interface VerifiedOptions {
  readonly sizes?: Partial<StoreSizes>;
  readonly state?: StoreState;
  readonly sliceBytes?: number;
  readonly shape?: IndexFileShape;
  readonly wantsIndex?: boolean;
  readonly nowMs?: number;
}

export function verified(disk: Disk, paths: StorePaths, options: VerifiedOptions = {}): Promise<VerifyReport> {
  const state = options.state ?? (wasStoppedInOrder(disk, paths) ? 'clean' : 'crashed');
  const { nowMs } = options;
  const known = knownSettings(disk, paths, {
    ...(options.sizes !== undefined && { sizes: options.sizes }),
    ...(options.shape !== undefined && { indexShape: options.shape }),
    wantsIndex: options.wantsIndex ?? true,
  });
  const { sizes, indexShape: shape, wantsIndex } = known;
  const given = { ...(shape !== undefined && { indexShape: shape }), ...(nowMs !== undefined && { nowMs }) };
  const plan = planVerification(disk, paths, { sizes, state, wantsIndex, parseSettings: readSettings, ...given });
  judgeSizes(plan, known);
  const context = { ...plan.context, tagsCodeOf: tagsCodes() };
  return verifyStore(
    disk,
    plan,
    async (task) => runVerifyTask(disk, context, task),
    () => {},
    options.sliceBytes,
  );
}

/** Kind, whether it matters, and the advice, of all that was found but what is only left out. */
export function kindsOf(report: VerifyReport): string[] {
  return report.findings
    .filter(({ kind }) => kind !== 'not-checked')
    .map(({ kind, matters, advice }) => `${kind}${matters ? '!' : ''} ${advice}`)
    .filter((text, at, all) => all.indexOf(text) === at)
    .sort();
}
