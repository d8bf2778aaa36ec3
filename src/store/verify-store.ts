/**
 * Looks through a whole store: the index files and the log, by slices, side by side, then the queues with what the log says of them. It
 * only reads. The pieces are done by whoever the caller gives them to: the pool of the command line, or the test itself.
 */
import { indexFileBytes } from '../layout/index-file.ts';
import { isAsBuilt } from './built-store.ts';
import type { Disk } from './disk.ts';
import { foundFiles } from './file-run.ts';
import type { Finding, FindingKind } from './findings.ts';
import { topicsByEntries, topicsByGaps } from './healed-topics.ts';
import { judgeLog } from './judge-log.ts';
import { judgeQueues, queuesToCheck } from './judge-queues.ts';
import { judgeCheckpoint, judgeIndex } from './judge-rest.ts';
import { judgeOffsets, judgeSettings } from './judge-settings.ts';
import type { HealedTopic } from './log-scanner.ts';
import type { IndexFileResult } from './verify-index.ts';
import { cutSlices, joinSlices, type LogPicture, wronglyBegun } from './verify-log.ts';
import type { VerifyPlan } from './verify-plan.ts';
import type { QueueContext, QueueResult } from './verify-queue.ts';
import type { LogSlice, SliceResult } from './verify-slice.ts';
import type { VerifyResult, VerifyTask } from './verify-task.ts';

export type RunVerifyTask = (task: VerifyTask) => Promise<VerifyResult>;

export interface VerifyReport {
  readonly findings: readonly Finding[];
  /** How many of each kind, those that were not kept included. */
  readonly counts: ReadonlyMap<FindingKind, number>;
  readonly matter: number;
  readonly log: LogPicture;
  readonly queues: readonly QueueResult[];
  /** Those that there are by the settings; null when nobody knows. */
  readonly topics: ReadonlySet<string> | null;
}

/** What the workers are told: without comparisons there is no index, and nothing of a queue is settled. */
export function workContext({ context, options }: VerifyPlan): VerifyPlan['context'] {
  return options.skips?.entries === true ? { ...context, indexFiles: [], settledTo: -1 } : context;
}

/** A slice of 64 MiB is checked in about 50 ms: enough of them for several threads, few enough to be told about. */
const SLICE_BYTES = 64 * 1024 * 1024;
const QUEUES_PER_TASK = 64;
/** Each slice opens the files of its queues anew: with many of them slices are longer. */
const QUEUES_PER_SLICE = 256;

function sliceBytesFor(queues: number): number {
  return SLICE_BYTES * Math.max(1, Math.ceil(queues / QUEUES_PER_SLICE));
}

/** The newest index file of a broker that runs changes while it is looked at. */
function stillIndexFiles({ context, options }: VerifyPlan): VerifyPlan['context']['indexFiles'] {
  if (options.skips?.entries === true) return [];
  return options.state === 'running' ? context.indexFiles.slice(0, -1) : context.indexFiles;
}

/** What {@link verifyStore} is going to tell of, in bytes of the log and the index. */
export function bytesToVerify(plan: VerifyPlan): number {
  const { sizes, skips } = plan.options;
  const log = skips?.built === undefined ? plan.segments.length * sizes.segmentSizeBytes : 0;
  return stillIndexFiles(plan).reduce((sum, { shape }) => sum + indexFileBytes(shape), log);
}

/** `advanced` is called with the bytes of each piece of the log and of each index file that was looked through. */
export async function verifyStore(
  disk: Disk,
  plan: VerifyPlan,
  run: RunVerifyTask,
  advanced: (bytes: number) => void = () => {},
  sliceBytes = sliceBytesFor(plan.queueFolders.length),
): Promise<VerifyReport> {
  const built = plan.options.skips?.built;
  const lookThrough = (): Promise<LogLook> => LogLook.through(plan, run, advanced, sliceBytes);
  // Begun before the log: a file takes one thread as long as many slices do, and the other would have nothing to do at the end.
  const indexResults = Promise.all(
    stillIndexFiles(plan).map(async (file) => {
      const result = await runIndex(run, file);
      advanced(indexFileBytes(file.shape));
      return result;
    }),
  );
  // Awaited further down: until then nobody would take a failure.
  indexResults.catch(() => {});
  let look = built === undefined ? await lookThrough() : null;
  let log = look?.log ?? built!.log;
  const { topics, places } = judgeSettings(disk, plan);
  let queues = await runQueues(disk, run, plan, log);
  const indexFiles = await indexResults;
  if (built !== undefined && !isAsBuilt(built, queues, indexFiles)) {
    look = await lookThrough();
    log = look.log;
    queues = await runQueues(disk, run, plan, log);
  }
  if (look !== null && (await look.heal(topicsByEntries(log, queues, plan.queueFolders)))) {
    log = look.log;
    queues = await runQueues(disk, run, plan, log);
  }
  judgeLog(disk, plan, log);
  // Without a log everything else is wrong as well, which helps nobody.
  if (plan.segments.length > 0) {
    judgeQueues(plan, log, queues, topics, goneTo(disk, plan));
    judgeIndex(plan, log, indexFiles);
  }
  judgeCheckpoint(plan, log);
  judgeOffsets(disk, plan, log, places);
  const { findings } = plan;
  return { findings: findings.kept, counts: findings.counts, matter: findings.matter, log, queues, topics };
}

/** The log as slices of it show it. They are looked at again where it turns out that topics in them are damaged. */
class LogLook {
  readonly #run: RunVerifyTask;
  readonly #filesEnd: number;
  #results: readonly SliceResult[];
  #log: LogPicture;

  static async through(
    { segments, options }: VerifyPlan,
    run: RunVerifyTask,
    advanced: (bytes: number) => void,
    sliceBytes: number,
  ): Promise<LogLook> {
    const { segmentSizeBytes } = options.sizes;
    const slices = cutSlices(segments, segmentSizeBytes, Math.min(sliceBytes, segmentSizeBytes));
    const results = await Promise.all(
      slices.map(async (slice) => {
        const result = await runSlice(run, slice);
        advanced(slice.to - slice.from);
        return result;
      }),
    );
    const filesEnd = (segments.at(-1) ?? -segmentSizeBytes) + segmentSizeBytes;
    const look = new LogLook(run, filesEnd, await lookAgain(run, results));
    await look.heal(topicsByGaps(look.log));
    return look;
  }

  private constructor(run: RunVerifyTask, filesEnd: number, results: readonly SliceResult[]) {
    this.#run = run;
    this.#filesEnd = filesEnd;
    this.#results = results;
    this.#log = joinSlices(results, filesEnd);
  }

  get log(): LogPicture {
    return this.#log;
  }

  /** False when there is nothing to heal. */
  async heal(topics: readonly HealedTopic[]): Promise<boolean> {
    if (topics.length === 0) return false;
    this.#results = await Promise.all(
      this.#results.map((result) => {
        const { slice } = result;
        const inSlice = topics.filter(({ at }) => at >= slice.from && at < slice.to);
        if (inSlice.length === 0) return result;
        return runSlice(this.#run, { ...slice, healed: [...slice.healed, ...inSlice] });
      }),
    );
    this.#log = joinSlices(this.#results, this.#filesEnd);
    return true;
  }
}

/** Records before this, and their entries, may have been deleted by a broker's retention while they were looked at. */
function goneTo(disk: Disk, { paths, options }: VerifyPlan): number {
  if (options.state !== 'running') return 0;
  return foundFiles(disk, paths.commitLog)[0]?.start ?? 0;
}

async function runSlice(run: RunVerifyTask, slice: LogSlice): Promise<SliceResult> {
  const done = await run({ kind: 'slice', slice });
  if (done.kind !== 'slice') throw new TypeError('a slice gives the result of a slice');
  return done.result;
}

async function runIndex(
  run: RunVerifyTask,
  file: VerifyPlan['context']['indexFiles'][number],
): Promise<IndexFileResult> {
  const done = await run({ kind: 'index', file });
  if (done.kind !== 'index') throw new TypeError('an index file gives the result of one');
  return done.result;
}

/** A message whose body holds records of this very place of the log misleads the search for the first record of a slice. */
async function lookAgain(run: RunVerifyTask, results: readonly SliceResult[]): Promise<SliceResult[]> {
  const all = [...results];
  for (let wrong = wronglyBegun(all); wrong.length > 0; wrong = wronglyBegun(all)) {
    const [first] = wrong;
    all[first!.at] = await runSlice(run, first!.slice);
  }
  return all;
}

async function runQueues(disk: Disk, run: RunVerifyTask, plan: VerifyPlan, log: LogPicture): Promise<QueueResult[]> {
  const context: QueueContext = {
    fileSizeBytes: plan.options.sizes.queueFileSizeBytes,
    logStart: Math.max(log.start, goneTo(disk, plan)),
    logEnd: log.end,
    cleanStop: plan.options.state === 'clean',
    limit: plan.walkStart,
    healed: new Set(log.healed.map(({ at }) => at)),
  };
  const queues = queuesToCheck(plan, log, plan.options.skips?.built);
  const parts: Promise<VerifyResult>[] = [];
  for (let at = 0; at < queues.length; at += QUEUES_PER_TASK) {
    parts.push(run({ kind: 'queues', context, queues: queues.slice(at, at + QUEUES_PER_TASK) }));
  }
  return (await Promise.all(parts)).flatMap((done) => (done.kind === 'queues' ? done.results : []));
}
