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
import { DEFAULT_STORE_SIZES } from './store-sizes.ts';
import type { LogPicture, LogQueue } from './verify-log.ts';
import type { VerifyPlan } from './verify-plan.ts';
import type { VerifyReport } from './verify-store.ts';

export interface RepairOptions {
  /** Build all queues and the index, not only what is damaged. */
  readonly all: boolean;
  /** Cut the log at this damaged place, with the good records behind it; null: never. */
  readonly cutAt: number | null;
  /** Whether this store is to have a key index. */
  readonly wantsIndex: boolean;
  readonly guesses: SizeGuesses;
}

/** Sizes that neither the settings nor a file tells: the defaults are taken. */
export interface SizeGuesses {
  readonly segments: boolean;
  readonly queues: boolean;
  readonly index: boolean;
}

export interface QueueName {
  readonly topic: string;
  readonly queueId: number;
}

export interface RepairPlan {
  /** Why nothing is done. Empty when the repair can be done. */
  readonly refusals: readonly string[];
  readonly cut: LogCut | null;
  /** The cut takes good records with it: the rest is known only when it was done and the store was verified again. */
  readonly losesRecords: boolean;
  readonly fillers: readonly number[];
  readonly build: readonly QueueToBuild[];
  /** Entries that name nothing are cut off these, which have no records in the log. */
  readonly shorten: readonly QueueName[];
  readonly buildIndex: boolean;
  /** There is an index behind the repair, with all keys of the log. */
  readonly hasIndex: boolean;
  readonly writeCheckpoint: boolean;
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
  const { build, shorten } = queueWork(plan, report, options);
  const cut = cutOf(log, options);
  const hasIndex = options.wantsIndex && !report.counts.has('index-shape');
  const isAllWanted = options.all && bruisedQueues(log).size === 0;
  const buildIndex = hasIndex && log.records > 0 && (isAllWanted || has(report, INDEX_DAMAGE));
  const changes = cut !== null || build.length > 0 || shorten.length > 0 || buildIndex || log.wrongFillers.length > 0;
  const assumed = assumedOf(options.guesses, build.length > 0 || losesRecords, buildIndex);
  const delayed = build.filter(({ topic }) => topic === SCHEDULE_TOPIC).length;
  if (plan.segments.length > 0) refusals.push(...guessRefusals(plan, options.guesses, assumed));
  const isCheckpointWrong = has(report, ['checkpoint-missing', 'checkpoint-damaged', 'checkpoint-ahead']);
  return {
    refusals,
    cut,
    losesRecords,
    fillers: log.wrongFillers,
    build,
    shorten,
    buildIndex,
    hasIndex,
    writeCheckpoint: changes || isCheckpointWrong || plan.options.state === 'crashed',
    assumed:
      delayed > 0 ? [...assumed, `messageDelayLevel for ${counted(delayed, 'queue')} of ${SCHEDULE_TOPIC}`] : assumed,
    left: leftOf(plan, report),
  };
}

function assumedOf({ queues, index }: SizeGuesses, buildsQueues: boolean, buildsIndex: boolean): string[] {
  return [
    ...(queues && buildsQueues ? ['mappedFileSizeConsumeQueue'] : []),
    ...(index && buildsIndex ? ['maxHashSlotNum and maxIndexNum'] : []),
  ];
}

/** A log with files of the default size speaks for defaults. Built with another size than the broker's, a store is of no use to it. */
function guessRefusals(plan: VerifyPlan, { segments }: SizeGuesses, assumed: readonly string[]): string[] {
  const unknown = segments ? ['mappedFileSizeCommitLog'] : [];
  if (plan.options.sizes.segmentSizeBytes !== DEFAULT_STORE_SIZES.segmentSizeBytes) unknown.push(...assumed);
  return unknown.map((settings) => `no file tells what the broker's ${settings} is: give it with --set or -c`);
}

/** True for a plan that changes nothing. */
export function isNothing({ cut, fillers, build, shorten, buildIndex, writeCheckpoint }: RepairPlan): boolean {
  return cut === null && fillers.length + build.length + shorten.length === 0 && !buildIndex && !writeCheckpoint;
}

function has({ counts }: VerifyReport, kinds: readonly FindingKind[]): boolean {
  return kinds.some((kind) => counts.has(kind));
}

function refusalsOf(plan: VerifyPlan, report: VerifyReport, { cutAt }: RepairOptions): string[] {
  const { log, counts } = report;
  if (counts.has('log-missing'))
    return [
      'there is no log: put it back first, nothing can be built without it (where it lies elsewhere, give storePathCommitLog)',
    ];
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
    const known = places.map(({ at }) => at).join(', ');
    return [`the log is not damaged at ${cutAt}: it can be cut only where it is${known === '' ? '' : `, at ${known}`}`];
  }
  // A cut behind such a place would lose records and help nothing.
  return places
    .filter(({ at, blocks }) => blocks !== null && (cutAt === null || at < cutAt))
    .map(({ at, blocks }) => `${blocks} (--cut-at ${at} cuts the log there, with all behind it)`);
}

interface DamagedPlace {
  readonly at: number;
  /** Why nothing can be repaired as long as it is there; null when the rest can. */
  readonly blocks: string | null;
}

/** Where the log may be cut. `end`: where it ends when it is. */
function damagedPlaces(plan: VerifyPlan, log: LogPicture, end: number): DamagedPlace[] {
  const behind = (at: number): string => `${log.end - at} bytes of log lie there and behind, good records among them`;
  const holes = log.holes.map(({ from }) => ({
    at: from,
    blocks: `no record lies at log offset ${from}, and some behind it: queues cannot be built over such a place, and a broker ends the log there. ${behind(from)}`,
  }));
  const breaks = log.queues
    .filter(({ breaks }) => breaks > 0)
    .map(({ topic, queueId, firstBreakLogOffset: at }) => ({
      at,
      blocks: `records of queue ${topic}/${queueId} are missing before log offset ${at}: the queue cannot be built. ${behind(at)}`,
    }));
  const newest = fileStartOf(Math.max(0, end - 1), plan.options.sizes.segmentSizeBytes);
  const damaged = log.damaged
    .filter(({ fault }) => fault !== 'properties' && fault !== 'name')
    .map(({ at }) => ({
      at,
      // Where a start looks it ends the log, unless the record was on the disk whole: what is repaired now would be cut then.
      blocks:
        at >= newest && at >= plan.vouchedTo
          ? `the record at log offset ${at} is damaged, in the newest file: any start ends the log there. ${behind(at)}`
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
): Pick<RepairPlan, 'build' | 'shorten'> {
  const damaged = new Set<string>();
  for (const { queue, stray, ahead, tailAt, fileProblems } of report.queues) {
    if (stray + ahead + fileProblems.length > 0 || tailAt >= 0) damaged.add(queueName(queue));
  }
  const hasFiles = new Set(plan.queueFolders.map(queueName));
  const { topics } = report;
  const bruised = bruisedQueues(report.log);
  // Of a topic that was deleted nothing is built, unless no queue is there at all.
  const isWanted = ({ topic }: LogQueue): boolean =>
    plan.queueFolders.length === 0 || topics === null || topics.has(topic);
  const build = report.log.queues
    .filter((queue) => {
      if (!hasFiles.has(queueName(queue))) return isWanted(queue);
      // Times of delivery that are there are better than any that are made up.
      return (
        (all && queue.topic !== SCHEDULE_TOPIC && !bruised.has(queueName(queue))) ||
        damaged.has(queueName(queue)) ||
        queue.faults.missing + queue.faults.wrong > 0
      );
    })
    .map(({ topic, queueId, first, firstLogOffset }) => ({ topic, queueId, first, fromLogOffset: firstLogOffset }));
  const inLog = new Set(report.log.queues.map(queueName));
  const shorten = report.queues
    .filter(({ queue }) => damaged.has(queueName(queue)) && !inLog.has(queueName(queue)))
    .map(({ queue }) => queue);
  return { build, shorten };
}

/** Queues with records whose properties are damaged: their entries and the index know tags and keys that the log does not have any more. */
function bruisedQueues({ damaged }: LogPicture): ReadonlySet<string> {
  return new Set(damaged.filter(({ fault }) => fault === 'properties' || fault === 'sector').map(queueName));
}

function leftOf(plan: VerifyPlan, report: VerifyReport): string[] {
  const left: string[] = [];
  const bruised = [...bruisedQueues(report.log)];
  if (bruised.length > 0) {
    left.push(
      `tags and keys of records of ${bruised.join(', ')} are not in the log any more: --all leaves these queues and the index alone; where they are ` +
        'built because they are damaged, these tags and keys are gone',
    );
  }
  const { damagedCount } = report.log;
  if (damagedCount > 0)
    left.push(
      `damaged records: ${damagedCount}. They stay as they are: consumers get them, and a start of Apache's broker that checks one ends the log there`,
    );
  for (const { kind, file } of report.findings) {
    if (kind === 'settings-damaged') left.push(`${file} stays as it is: it cannot be built from anything`);
    if (kind === 'foreign-file') left.push(`${file} stays: move it away`);
    if (kind === 'index-shape') left.push(`${file} stays: give maxHashSlotNum and maxIndexNum`);
  }
  if (plan.context.batchTopics.size > 0) {
    left.push(`batch queues of Apache's broker stay as they are: ${[...plan.context.batchTopics].join(', ')}`);
  }
  return left;
}
