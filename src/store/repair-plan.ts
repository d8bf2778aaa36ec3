/**
 * What a repair would do to a store, by what the verification has found: nothing is done here. A good record is never touched; what cannot
 * be put right without losing some is refused, with what would be lost. Pure; called by the command line, which shows it and asks.
 */

import { counted } from '../base/counted.ts';
import { SCHEDULE_TOPIC } from '../layout/topic-names.ts';
import type { QueueToBuild } from './build-queues.ts';
import { fileStartOf } from './file-names.ts';
import type { FindingKind } from './findings.ts';
import { queueName } from './queue-folders.ts';
import type { LogCut } from './repair-cut.ts';
import type { QueueToDiscard } from './repair-discard.ts';
import { DEFAULT_STORE_SIZES, SIZE_SETTINGS, type SizeOrigins } from './store-sizes.ts';
import type { LogPicture, LogQueue } from './verify-log.ts';
import type { VerifyPlan } from './verify-plan.ts';
import type { QueueResult } from './verify-queue.ts';
import type { VerifyReport } from './verify-store.ts';

export interface RepairOptions {
  /** Build all queues and the index, not only what is damaged. */
  readonly all: boolean;
  /** Cut the log at this damaged place, with the good records behind it; null: never. */
  readonly cutAt: number | null;
  /** Whether this store is to have a key index. */
  readonly wantsIndex: boolean;
  /** How the sizes are known that files are written by. */
  readonly origins: SizeOrigins;
  /** Neither the settings nor a file tells the shape of the index: the default is taken. */
  readonly isIndexShapeAssumed: boolean;
}

export interface QueueName {
  readonly topic: string;
  readonly queueId: number;
}

/** What is done. */
export interface RepairSteps {
  readonly cut: LogCut | null;
  /** The cut takes good records with it: the rest is known only when it was done and the store was verified again. */
  readonly losesRecords: boolean;
  readonly fillers: readonly number[];
  readonly build: readonly QueueToBuild[];
  /** Entries that name nothing are cut off these, which have no records in the log. */
  readonly shorten: readonly QueueName[];
  /** These have no records in the log either, and cannot be what they were. */
  readonly discard: readonly QueueToDiscard[];
  readonly buildIndex: boolean;
  /** The log has no record. */
  readonly discardIndex: boolean;
  readonly writeCheckpoint: boolean;
}

export interface RepairPlan extends RepairSteps {
  /** Why nothing is done. Empty when the repair can be done. */
  readonly refusals: readonly string[];
  /** There is an index behind the repair, with all keys of the log. */
  readonly hasIndex: boolean;
  /** Settings whose defaults are taken, because nothing tells. */
  readonly assumed: readonly string[];
  /** What a repair does not put right. */
  readonly left: readonly string[];
}

const INDEX_DAMAGE: readonly FindingKind[] = [
  'index-missing',
  'index-keys',
  'index-wrong',
  'index-header',
  'index-chain',
];

export function planRepair(plan: VerifyPlan, report: VerifyReport, options: RepairOptions): RepairPlan {
  const { log } = report;
  const refusals = refusalsOf(plan, report, options);
  const losesRecords = options.cutAt !== null && options.cutAt < log.end;
  const { build, shorten, discard } = queueWork(plan, report, options);
  const cut = cutOf(log, options);
  const hasIndex = options.wantsIndex && !report.counts.has('index-shape');
  const isAllWanted = options.all && log.damage.bruisedQueues.size === 0;
  const isIndexDamaged = has(report, INDEX_DAMAGE);
  const buildIndex = hasIndex && log.records > 0 && (isAllWanted || isIndexDamaged);
  const discardIndex = log.records === 0 && plan.segments.length > 0 && isIndexDamaged;
  const changesQueues = build.length + shorten.length + discard.length > 0;
  const changes = cut !== null || changesQueues || buildIndex || discardIndex || log.wrongFillers.length > 0;
  const isCheckpointWrong = has(report, CHECKPOINT_DAMAGE);
  const steps: RepairSteps = {
    cut,
    losesRecords,
    fillers: log.wrongFillers,
    build,
    shorten,
    discard,
    buildIndex,
    discardIndex,
    writeCheckpoint: changes || isCheckpointWrong || plan.options.state === 'crashed',
  };
  const assumed = assumedOf(steps, options);
  refusals.push(...sizeRefusals(plan, steps, options, assumed));
  const delayed = build.filter(({ topic }) => topic === SCHEDULE_TOPIC).length;
  return {
    ...steps,
    refusals,
    hasIndex,
    assumed:
      delayed > 0 ? [...assumed, `messageDelayLevel for ${counted(delayed, 'queue')} of ${SCHEDULE_TOPIC}`] : assumed,
    left: leftOf(plan, report),
  };
}

const CHECKPOINT_DAMAGE: readonly FindingKind[] = [
  'checkpoint-missing',
  'checkpoint-damaged',
  'checkpoint-ahead',
  'repair-unfinished',
];
const INDEX_SETTINGS = 'maxHashSlotNum and maxIndexNum';

function assumedOf(
  { build, losesRecords, buildIndex }: RepairSteps,
  { origins, isIndexShapeAssumed }: RepairOptions,
): string[] {
  const buildsQueues = build.length > 0 || losesRecords;
  return [
    ...(origins.queueFileSizeBytes === 'default' && buildsQueues ? [SIZE_SETTINGS.queueFileSizeBytes] : []),
    ...(isIndexShapeAssumed && buildIndex ? [INDEX_SETTINGS] : []),
  ];
}

/** Cut or built by another size than the broker's, a store is of no use to it. A log with files of the default size speaks for defaults. */
function sizeRefusals(
  plan: VerifyPlan,
  steps: RepairSteps,
  { origins }: RepairOptions,
  assumed: readonly string[],
): string[] {
  if (plan.segments.length === 0) return [];
  const { build, shorten, discard, losesRecords } = steps;
  const wipesQueues = plan.options.state === 'crashed' && plan.queueFolders.length > 0;
  const writesQueues = build.length + shorten.length + discard.length > 0 || losesRecords || wipesQueues;
  const unknown: string[] = [];
  if (origins.segmentSizeBytes !== 'sure' && !isNothing(steps)) unknown.push(SIZE_SETTINGS.segmentSizeBytes);
  if (origins.queueFileSizeBytes === 'guessed' && writesQueues) unknown.push(SIZE_SETTINGS.queueFileSizeBytes);
  if (plan.options.sizes.segmentSizeBytes !== DEFAULT_STORE_SIZES.segmentSizeBytes) unknown.push(...assumed);
  return unknown.map((settings) => {
    const [are, them] = settings === INDEX_SETTINGS ? ['are', 'them'] : ['is', 'it'];
    return `the files do not tell for sure what the broker's ${settings} ${are}: give ${them} with --set or -c`;
  });
}

/** True for a plan that changes nothing. */
export function isNothing(steps: RepairSteps): boolean {
  const { cut, fillers, build, shorten, discard, buildIndex, discardIndex, writeCheckpoint } = steps;
  const lists = fillers.length + build.length + shorten.length + discard.length;
  return cut === null && lists === 0 && !buildIndex && !discardIndex && !writeCheckpoint;
}

function has({ counts }: VerifyReport, kinds: readonly FindingKind[]): boolean {
  return kinds.some((kind) => counts.has(kind));
}

function refusalsOf(plan: VerifyPlan, report: VerifyReport, { cutAt }: RepairOptions): string[] {
  const { log, counts } = report;
  const toMove = report.findings.filter(({ advice }) => advice === 'move');
  if (toMove.length > 0) return toMove.map(({ file, what }) => `${file} ${what}. Move it away first`);
  if (counts.has('log-missing'))
    return [
      'there is no log: put it back first, nothing can be built without it (where it lies elsewhere, give storePathCommitLog)',
    ];
  if (counts.has('log-foreign'))
    return ['the log begins with what is no record of Apache RocketMQ: put the file back that was there first'];
  if (counts.has('segment-missing'))
    return [
      'a file of the log is missing between others: put it back first, or, where it was never flushed, start a broker once',
    ];
  const sizes = report.findings.filter(({ kind, matters }) => kind === 'segment-size' && matters);
  if (sizes.length > 0)
    return sizes.map(({ file, what, advice }) => {
      const first = advice === 'settings' ? 'give mappedFileSizeCommitLog with --set or -c' : 'put the whole file back';
      return `${file} ${what}: ${first} first`;
    });
  const places = damagedPlaces(plan, log, cutAt ?? log.end);
  if (cutAt !== null && !places.some(({ at }) => at === cutAt)) {
    const known = places.slice(0, NAMED_MAX).map(({ at }) => at);
    const more = places.length > known.length ? ` and ${places.length - known.length} more` : '';
    const where = known.length === 0 ? '' : `, at ${known.join(', ')}${more}`;
    return [`the log is not damaged at ${cutAt}: it can be cut only where it is${where}`];
  }
  // A cut behind such a place would lose records and help nothing.
  const blocking = places.filter(({ at, blocks }) => blocks !== null && (cutAt === null || at < cutAt));
  const named = blocking.slice(0, NAMED_MAX);
  const lines = named.map(({ at, blocks }) => `${blocks!()} (--cut-at ${at} cuts the log there, with all behind it)`);
  const more = blocking.length - named.length;
  return more > 0 ? [...lines, `${counted(more, 'more place')} like these`] : lines;
}

/** So many places are named; the rest is counted. */
const NAMED_MAX = 100;

interface DamagedPlace {
  readonly at: number;
  /** Says why nothing can be repaired as long as it is there; null when the rest can. */
  readonly blocks: (() => string) | null;
}

/** Where the log may be cut. `end`: where it ends when it is. */
function damagedPlaces(plan: VerifyPlan, log: LogPicture, end: number): DamagedPlace[] {
  const behind = (at: number): string => `${log.end - at} bytes of log lie there and behind, good records among them`;
  const holes = log.holes.map(({ from }) => ({
    at: from,
    blocks: () =>
      `no record lies at log offset ${from}, and some behind it: queues cannot be built over such a place, and a broker ends the log there. ${behind(from)}`,
  }));
  const breaks = log.queues
    .filter(({ breaks }) => breaks > 0)
    .map(({ topic, queueId, firstBreakLogOffset: at }) => ({
      at,
      blocks: () =>
        `records of queue ${topic}/${queueId} are missing before log offset ${at}: the queue cannot be built. ${behind(at)}`,
    }));
  const newest = fileStartOf(Math.max(0, end - 1), plan.options.sizes.segmentSizeBytes);
  const damaged = log.damage.endsLogAt.map((at) => ({
    at,
    // Where a start looks it ends the log, unless the record was on the disk whole: what is repaired now would be cut then.
    blocks:
      at >= newest && at >= plan.vouchedTo
        ? () =>
            `the record at log offset ${at} is damaged, in the newest file: any start ends the log there. ${behind(at)}`
        : null,
  }));
  const hole = holes[0];
  // What is missing in queues behind a hole is missing because of it.
  return [...holes, ...(hole === undefined ? breaks : breaks.filter(({ at }) => at < hole.at)), ...damaged];
}

/** Behind the last record only what is none; more only where it is told to. */
function cutOf(log: LogPicture, { cutAt }: RepairOptions): LogCut | null {
  const dataEnd = log.tail === null ? log.end : Math.max(log.end, log.tail.dataTo);
  if (cutAt !== null && cutAt < log.end) return { at: cutAt, dataEnd };
  return dataEnd > log.end ? { at: log.end, dataEnd } : null;
}

function queueWork(
  plan: VerifyPlan,
  report: VerifyReport,
  { all }: RepairOptions,
): Pick<RepairPlan, 'build' | 'shorten' | 'discard'> {
  const damaged = new Set<string>();
  for (const { queue, stray, ahead, tailAt, files } of report.queues) {
    const misfits = files.faults.length + files.torn.length;
    if (stray + ahead + misfits > 0 || tailAt >= 0) damaged.add(queueName(queue));
  }
  const hasFiles = new Set(plan.queueFolders.map(queueName));
  const { topics } = report;
  const { bruisedQueues } = report.log.damage;
  // Of a topic that was deleted nothing is built, unless no queue is there at all.
  const isWanted = ({ topic }: LogQueue): boolean =>
    plan.queueFolders.length === 0 || topics === null || topics.has(topic);
  const build = report.log.queues
    .filter((queue) => {
      if (!hasFiles.has(queueName(queue))) return isWanted(queue);
      // Times of delivery that are there are better than any that are made up.
      return (
        (all && queue.topic !== SCHEDULE_TOPIC && !bruisedQueues.has(queueName(queue))) ||
        damaged.has(queueName(queue)) ||
        queue.faults.missing + queue.faults.wrong > 0
      );
    })
    .map(({ topic, queueId, first, firstLogOffset }) => ({ topic, queueId, first, fromLogOffset: firstLogOffset }));
  const inLog = new Set(report.log.queues.map(queueName));
  const others = report.queues.filter(
    ({ queue }) => damaged.has(queueName(queue)) && !inLog.has(queueName(queue)) && !queue.isLight,
  );
  const shorten = others.filter((result) => !isBeyondCutting(plan, result)).map(({ queue }) => queue);
  const discard = others
    .filter((result) => isBeyondCutting(plan, result))
    .map(({ queue: { topic, queueId, directory }, deleted }) => {
      const keepsNumber = deleted > 0 || topics === null || topics.has(topic);
      return { topic, queueId, directory, keepsNumber };
    });
  return { build, shorten, discard };
}

/** Not only behind its end something is wrong. What a crash has left of files that were never flushed lies there. */
function isBeyondCutting({ context }: VerifyPlan, { queue, stray, files }: QueueResult): boolean {
  // Which of the records are in the other queue of a batch topic nobody has looked at.
  return files.faults.length > 0 || (stray > 0 && !context.batchTopics.has(queue.topic));
}

function leftOf(plan: VerifyPlan, report: VerifyReport): string[] {
  const left: string[] = [];
  const { at: damaged, bruisedQueues } = report.log.damage;
  if (bruisedQueues.size > 0) {
    left.push(
      `tags and keys of records of ${[...bruisedQueues].join(', ')} are not in the log any more: --all leaves these queues and the index alone; where they are ` +
        'built because they are damaged, these tags and keys are gone',
    );
  }
  if (damaged.length > 0)
    left.push(
      `damaged records: ${damaged.length}. They stay as they are: consumers get them, and a start of Apache's broker that checks one ends the log there`,
    );
  for (const { kind, file } of report.findings) {
    if (kind === 'segments-gone') left.push(`the oldest files of the log, from ${file} on, stay missing`);
    if (kind === 'settings-damaged') left.push(`${file} stays as it is: it cannot be built from anything`);
    if (kind === 'foreign-file') left.push(`${file} stays: move it away`);
    if (kind === 'index-shape') left.push(`${file} stays: give maxHashSlotNum and maxIndexNum`);
  }
  if (plan.context.batchTopics.size > 0) {
    left.push(`batch queues of Apache's broker stay as they are: ${[...plan.context.batchTopics].join(', ')}`);
  }
  return left;
}
