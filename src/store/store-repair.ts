/**
 * A repair from the first look to the last: verifies, plans, asks, carries out, verifies again. Whoever calls it owns the store and says
 * how a verification is run and who does the work: the command line with its pool, or a test by itself.
 */
import { builtStore } from './built-store.ts';
import type { Disk } from './disk.ts';
import { DEFAULT_INDEX_SHAPE } from './index-shape.ts';
import { keepCut, type LogCut } from './repair-cut.ts';
import { indexFilePaths, queueFilePaths } from './repair-discard.ts';
import { keepAside, keepFiles } from './repair-kept.ts';
import { isNothing, planRepair, type RepairOptions, type RepairPlan } from './repair-plan.ts';
import { type RepairWork, repairLog, repairRest } from './repair-store.ts';
import { logFilesOf } from './segments.ts';
import type { StoreState } from './store-state.ts';
import { forgetRepairSettings, keepRepairSettings } from './unfinished-repair.ts';
import { toldIndexShape, type VerifyPlan, type VerifySkips } from './verify-plan.ts';
import type { VerifyReport } from './verify-store.ts';

export interface VerifiedStore {
  readonly plan: VerifyPlan;
  readonly report: VerifyReport;
}

export interface RepairCalls {
  verify(state: StoreState, skips: VerifySkips): Promise<VerifiedStore>;
  /** True when the plan is to be carried out. */
  agree(verified: VerifiedStore, plan: RepairPlan): Promise<boolean>;
  /** Calls `action` with who does the work. */
  withWork<T>(verified: VerifiedStore, plan: RepairPlan, action: (work: RepairWork) => Promise<T>): Promise<T>;
  /** Throws when somebody else has opened the store meanwhile. Asked after the answer, before the first change and between steps. */
  checkOwner(): void;
  /** A folder that is not there yet, for what is taken away: see repair-kept.ts. */
  readonly keptFolder: string;
}

/** How it ended. */
export type RepairEnd = 'nothing to do' | 'repaired' | 'refused' | 'declined';

/** What was done to the store. Queues and index are counted when they are built and durable. */
export interface RepairDone {
  readonly cut: LogCut | null;
  readonly fillersWritten: number;
  readonly queuesBuilt: number;
  readonly queuesShortened: number;
  readonly queuesDiscarded: number;
  readonly indexBuilt: boolean;
  readonly indexDiscarded: boolean;
}

export const NOTHING_DONE: RepairDone = {
  cut: null,
  fillersWritten: 0,
  queuesBuilt: 0,
  queuesShortened: 0,
  queuesDiscarded: 0,
  indexBuilt: false,
  indexDiscarded: false,
};

export interface RepairOutcome {
  readonly end: RepairEnd;
  /** Nothing that matters is wrong now. */
  readonly ok: boolean;
  /** The last one. */
  readonly verified: VerifiedStore;
  /** The last one: behind a cut that loses records, of what was left to do. */
  readonly plan: RepairPlan;
  readonly done: RepairDone;
  readonly isHalfDone: boolean;
  readonly kept: readonly string[];
}

export class StoreRepair {
  readonly #disk: Disk;
  readonly #calls: RepairCalls;
  readonly #options: RepairOptions;
  readonly #wasClean: boolean;
  #leavesClean: boolean | null = null;
  #hasChanged = false;
  #kept: readonly string[] = [];
  #done = NOTHING_DONE;

  /** `wasClean`: a start would take the store for one that was stopped in order. */
  constructor(disk: Disk, calls: RepairCalls, options: RepairOptions, wasClean: boolean) {
    this.#disk = disk;
    this.#calls = calls;
    this.#options = options;
    this.#wasClean = wasClean;
  }

  /**
   * Whether the store counts as stopped in order when it is given up now: false from the first change to the end of the last. Null where
   * nothing was changed: then as it was found.
   */
  get leavesClean(): boolean | null {
    return this.#leavesClean;
  }

  /** It has begun to change the store and has not got to the end: a repair has to follow before a broker. */
  get isHalfDone(): boolean {
    return this.#hasChanged;
  }

  get done(): RepairDone {
    return this.#done;
  }

  /** Files that hold what was taken away. */
  get kept(): readonly string[] {
    return this.#kept;
  }

  async run(): Promise<RepairOutcome> {
    const verified = await this.#calls.verify(this.#wasClean ? 'clean' : 'crashed', this.#skips);
    const plan = planRepair(verified.plan, verified.report, this.#options);
    if (plan.refusals.length > 0) return this.#outcome('refused', false, verified, plan);
    if (isNothing(plan)) return this.#outcome('nothing to do', verified.report.matter === 0, verified, plan);
    if (!(await this.#calls.agree(verified, plan))) return this.#outcome('declined', false, verified, plan);
    return this.#carryOut(verified, plan);
  }

  /** What is going to be built needs no comparison. */
  get #skips(): VerifySkips {
    return { entries: this.#options.all };
  }

  async #carryOut(verified: VerifiedStore, plan: RepairPlan): Promise<RepairOutcome> {
    const checkOwner = (): void => this.#calls.checkOwner();
    checkOwner();
    this.#kept = keepAside(this.#disk, this.#calls.keptFolder, () => {
      const cut = this.#keepCut(verified, plan);
      const discarded = plan.losesRecords ? [] : this.#keepDiscarded(verified, plan);
      this.#keepSettings(verified, plan);
      return [...cut, ...discarded];
    });
    this.#leavesClean = false;
    this.#hasChanged = true;
    repairLog(this.#disk, verified.plan, verified.report, plan, checkOwner);
    this.#done = { ...NOTHING_DONE, cut: plan.cut, fillersWritten: plan.fillers.length };
    let now = verified;
    let rest = plan;
    if (plan.losesRecords) {
      // What the queues lack now is another thing.
      checkOwner();
      const cut = await this.#calls.verify('crashed', this.#skips);
      // The checkpoint was replaced before the cut.
      now = { ...cut, plan: { ...cut.plan, checkpoint: verified.plan.checkpoint } };
      rest = planRepair(now.plan, now.report, { ...this.#options, cutAt: null });
      if (rest.refusals.length > 0) return this.#outcome('refused', false, now, rest);
      this.#kept = [...this.#kept, ...this.#keepDiscarded(now, rest)];
    }
    const entries = await this.#calls.withWork(now, rest, (work) =>
      repairRest(this.#disk, now.plan, now.report, rest, work, checkOwner),
    );
    forgetRepairSettings(this.#disk, now.plan.paths);
    this.#done = {
      ...this.#done,
      queuesBuilt: rest.build.length,
      queuesShortened: rest.shorten.length,
      queuesDiscarded: rest.discard.length,
      indexBuilt: rest.buildIndex,
      indexDiscarded: rest.discardIndex,
    };
    const { log } = now.report;
    const isIndexCompared = !this.#options.all || now.plan.context.indexFiles.length === 0;
    const isLogChanged = rest.cut !== null || rest.fillers.length > 0;
    const built = isLogChanged ? null : builtStore(log, entries, isIndexCompared);
    // Bodies are what they were a moment ago: only what was damaged is looked at again, to be told.
    const bodies = log.damage.at.length === 0;
    const after = await this.#calls.verify('clean', built === null ? { bodies } : { bodies, built });
    this.#leavesClean = true;
    this.#hasChanged = false;
    return this.#outcome('repaired', after.report.matter === 0, after, rest);
  }

  /** By a guess nothing is written, and the next repair is to take it for one; so is a default that nothing is written by. */
  #keepSettings({ plan }: VerifiedStore, { build, losesRecords, buildIndex }: RepairPlan): void {
    const { origins, wantsIndex } = this.#options;
    const { segmentSizeBytes, queueFileSizeBytes } = plan.options.sizes;
    const buildsByDefault = origins.queueFileSizeBytes === 'default' && (build.length > 0 || losesRecords);
    keepRepairSettings(this.#disk, plan.paths, {
      sizes: {
        ...(origins.segmentSizeBytes !== 'guessed' && { segmentSizeBytes }),
        ...((origins.queueFileSizeBytes === 'sure' || buildsByDefault) && { queueFileSizeBytes }),
      },
      indexShape: toldIndexShape(plan) ?? (buildIndex ? DEFAULT_INDEX_SHAPE : undefined),
      wantsIndex,
    });
  }

  #keepCut({ plan: { paths, options, segments } }: VerifiedStore, { cut }: RepairPlan): string[] {
    if (cut === null) return [];
    return keepCut(this.#disk, logFilesOf(paths, options.sizes), segments, cut, this.#calls.keptFolder);
  }

  #keepDiscarded({ plan: { paths } }: VerifiedStore, { discard, discardIndex }: RepairPlan): string[] {
    const files = [...queueFilePaths(this.#disk, discard), ...(discardIndex ? indexFilePaths(this.#disk, paths) : [])];
    return keepFiles(this.#disk, paths.root, files, this.#calls.keptFolder);
  }

  #outcome(end: RepairEnd, ok: boolean, verified: VerifiedStore, plan: RepairPlan): RepairOutcome {
    return { end, ok, verified, plan, done: this.#done, isHalfDone: this.isHalfDone, kept: this.#kept };
  }
}
