/**
 * The sub-command `ringmq repair`: puts a store that is stopped in order again, from its log. It says first what it would do, and asks.
 * Loaded when the sub-command is called.
 */
import { systemClock } from '../base/clock.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { type Disk, NodeDisk } from '../store/disk.ts';
import { DEFAULT_INDEX_SHAPE } from '../store/index-shape.ts';
import { isIndexShapeAssumed } from '../store/known-settings.ts';
import { isStoppedInOrder } from '../store/log-at-start.ts';
import { SystemProcesses } from '../store/process-table.ts';
import { countRecordsBehind } from '../store/repair-cut.ts';
import { keptFolder } from '../store/repair-kept.ts';
import type { RepairPlan } from '../store/repair-plan.ts';
import type { RepairWork } from '../store/repair-store.ts';
import { logFilesOf } from '../store/segments.ts';
import { StoreOwnedError } from '../store/store-errors.ts';
import { StoreLock } from '../store/store-lock.ts';
import { type RepairCalls, type RepairOutcome, StoreRepair, type VerifiedStore } from '../store/store-repair.ts';
import type { StoreState } from '../store/store-state.ts';
import { toldIndexShape, type VerifySkips } from '../store/verify-plan.ts';
import { storeToolPool } from '../threads/pool/store-tool-pool.ts';
import { ExitCode } from './exit-code.ts';
import { IndexBuild } from './index-build.ts';
import { failureJson, outcomeJson, outcomeText, type RepairFigures } from './repair/outcome.ts';
import { isAgreed, stepLines } from './repair/question.ts';
import { type StoreArguments, type StoreFlags, storeArguments, wholeNumber } from './store-arguments.ts';
import { toolProgress } from './tool-progress.ts';
import { findingLines, verifyOnPool } from './verify.ts';

export interface RepairFlags extends StoreFlags {
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly cutAt?: string;
}

/** 0: the store is in order now. */
export async function runRepair(folder: string, flags: RepairFlags): Promise<number> {
  const begun: BegunRepair = { repair: null };
  try {
    const { outcome, figures } = await repairFolder(folder, flags, begun);
    process.stdout.write(flags.json === true ? outcomeJson(outcome, figures) : outcomeText(outcome, figures));
    return outcome.ok ? ExitCode.ok : ExitCode.failed;
  } catch (error) {
    const isUsage = error instanceof ConfigurationError;
    if (flags.json === true && !isUsage) process.stdout.write(failureJson(error, begun.repair));
    throw error;
  }
}

/** Where somebody finds the repair who did not get to see its outcome. */
interface BegunRepair {
  repair: StoreRepair | null;
}

interface EndedRepair {
  readonly outcome: RepairOutcome;
  readonly figures: RepairFigures;
}

async function repairFolder(folder: string, flags: RepairFlags, begun: BegunRepair): Promise<EndedRepair> {
  const disk = new NodeDisk();
  const store = storeArguments(disk, folder, flags);
  const cutAt = cutAtOf(flags.cutAt);
  const { wantsIndex, origins } = store;
  const isAssumed = isIndexShapeAssumed(disk, store.paths, store);
  const options = { all: flags.all === true, cutAt, wantsIndex, origins, isIndexShapeAssumed: isAssumed };
  const lock = StoreLock.acquire(disk, store.paths, new SystemProcesses(disk));
  let work: PoolWork | null = null;
  const startUs = systemClock.monotonicUs();
  try {
    const wasClean = isStoppedInOrder(disk, store.paths, lock.cleanStop);
    work = new PoolWork(disk, store, flags, lock);
    begun.repair = new StoreRepair(disk, work, options, wasClean);
    const outcome = await begun.repair.run();
    const { buildSeconds, recordsCut } = work;
    return { outcome, figures: { seconds: secondsSince(startUs), buildSeconds, recordsCut } };
  } finally {
    if (begun.repair?.isHalfDone === true)
      process.stderr.write('the repair is half done: start no broker, run `ringmq repair` again\n');
    try {
      // What the workers are at still writes to the store.
      await work?.close();
    } finally {
      lock.release(begun.repair?.leavesClean ?? lock.cleanStop);
    }
  }
}

function secondsSince(startUs: number): number {
  return (systemClock.monotonicUs() - startUs) / 1e6;
}

function cutAtOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const offset = wholeNumber(text);
  if (offset !== null) return offset;
  throw new ConfigurationError([`--cut-at ${text}: must be an offset of the log`]);
}

/** How the repair looks at the store, asks, and works on all cores. */
class PoolWork implements RepairCalls {
  readonly #disk: Disk;
  readonly #store: StoreArguments;
  readonly #flags: RepairFlags;
  readonly #lock: StoreLock;
  readonly #pool = storeToolPool();
  readonly keptFolder: string;
  buildSeconds = 0;
  /** Good records that the cut of the plan takes with it. */
  recordsCut = 0;

  constructor(disk: Disk, store: StoreArguments, flags: RepairFlags, lock: StoreLock) {
    this.#disk = disk;
    this.#lock = lock;
    this.#store = store;
    this.#flags = flags;
    const stamp = new Date(systemClock.nowMs()).toISOString().replace(/[^\dT]/g, '');
    this.keptFolder = keptFolder(disk, store.paths, stamp);
  }

  verify(state: StoreState, skips: VerifySkips): Promise<VerifiedStore> {
    return verifyOnPool(this.#disk, this.#store, state, this.#pool, skips);
  }

  agree(verified: VerifiedStore, plan: RepairPlan): Promise<boolean> {
    this.recordsCut = goodRecordsCut(this.#disk, verified, plan);
    return isAgreed([...findingLines(verified.report), ...stepLines(plan, this.recordsCut)], this.#flags);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  checkOwner(): void {
    if (this.#lock.isUntouched()) return;
    const { root, abort } = this.#store.paths;
    throw new StoreOwnedError(
      `another broker has opened the store ${root} meanwhile (${abort}): stop it, and repair then`,
    );
  }

  async withWork<T>(
    { plan, report }: VerifiedStore,
    rest: RepairPlan,
    action: (work: RepairWork) => Promise<T>,
  ): Promise<T> {
    const pool = this.#pool;
    const isReading = rest.build.length > 0 || rest.buildIndex;
    const progress = toolProgress('building', isReading ? report.log.end - report.log.start : 0);
    const shape = toldIndexShape(plan) ?? DEFAULT_INDEX_SHAPE;
    const startUs = systemClock.monotonicUs();
    try {
      const result = await action({
        async buildSlice(slice, queues, withKeys) {
          const done = await pool.run(plan.context, { kind: 'build', slice, queues, withKeys });
          if (done.kind !== 'build') throw new TypeError('building a slice gives what was built');
          progress.advance(slice.to - slice.from);
          return done.built;
        },
        indexBuilder: () => new IndexBuild(this.#disk, { directory: plan.paths.index, shape }),
        threads: pool.threads,
      });
      this.buildSeconds = secondsSince(startUs);
      return result;
    } finally {
      progress.end();
    }
  }
}

function goodRecordsCut(disk: Disk, { plan, report }: VerifiedStore, { cut, losesRecords }: RepairPlan): number {
  if (cut === null || !losesRecords) return 0;
  const files = logFilesOf(plan.paths, plan.options.sizes);
  return countRecordsBehind(disk, files, report.log.runs, cut.at);
}
