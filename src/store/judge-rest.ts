/** What is wrong with the index and the checkpoint, and whether it matters. Part of verify-store.ts. */
import { counted } from '../base/counted.ts';
import type { FindingKind } from './findings.ts';
import { lossAtEnd } from './log-at-start.ts';
import { isUnfinishedRepair } from './unfinished-repair.ts';
import type { IndexFileResult } from './verify-index.ts';
import type { LogPicture } from './verify-log.ts';
import type { VerifyPlan } from './verify-plan.ts';

/** It was not looked into, because it is damaged or nothing tells its shape. */
function isIndexThere({ counts }: VerifyPlan['findings']): boolean {
  return counts.has('index-shape') || counts.has('index-header');
}

export function judgeIndex(plan: VerifyPlan, log: LogPicture, results: readonly IndexFileResult[]): void {
  const { findings, context, options } = plan;
  if (!options.wantsIndex) return;
  const directory = plan.paths.index;
  if (context.indexFiles.length === 0) {
    // A broker that runs has its first entries in memory only.
    if (log.records === 0 || options.state === 'running' || isIndexThere(findings)) return;
    const what = 'messages cannot be queried by key: the next start puts the keys in';
    findings.add({ kind: 'index-missing', file: directory, offset: null, what, matters: false, advice: 'nothing' });
    return;
  }
  for (const { path, headerProblems, chainFaults, firstChainFault } of results) {
    // A start after a crash brings the newest file in order.
    const isExpected = options.state === 'crashed' && path === context.indexFiles.at(-1)?.path;
    const rest = { matters: !isExpected, advice: isExpected ? 'nothing' : 'repair' } as const;
    for (const what of headerProblems) findings.add({ kind: 'index-header', file: path, offset: 0, what, ...rest });
    if (chainFaults === 0) continue;
    const what = `${counted(chainFaults, 'fault')}, the first: ${firstChainFault}`;
    findings.add({ kind: 'index-chain', file: path, offset: null, what, ...rest });
  }
  const { keys, missing, firstMissingLogOffset, wrong, firstWrong, firstWrongLogOffset } = log.keys;
  const isRebuiltFrom = (logOffset: number): boolean => options.state === 'crashed' && logOffset >= plan.walkStart;
  const add = (kind: FindingKind, file: string, logOffset: number, what: string, rebuilt: string): void => {
    if (options.state === 'running' && logOffset >= plan.walkStart) return;
    const isRebuilt = isRebuiltFrom(logOffset);
    const text = isRebuilt ? `${what}: ${rebuilt}` : what;
    const advice = isRebuilt ? 'nothing' : 'repair';
    findings.add({ kind, file, offset: logOffset, what: text, matters: !isRebuilt, advice });
  };
  if (wrong > 0) {
    const what = `entries that name no record with such a key: ${wrong}, the first: ${firstWrong}`;
    add('index-wrong', directory, firstWrongLogOffset, what, 'the next start builds them again');
  }
  const ahead = context.indexFiles.find(({ header }) => header.endLogOffset >= log.end);
  if (ahead !== undefined && options.state !== 'running') {
    const what = `names records up to ${ahead.header.endLogOffset}, the log ends at ${log.end}`;
    add('index-wrong', ahead.path, ahead.header.endLogOffset, what, 'the next start removes them');
  }
  if (missing > 0) {
    const what = `keys that are not in it: ${missing} of ${keys}, the first is of the record at ${firstMissingLogOffset}`;
    add('index-keys', directory, firstMissingLogOffset, what, 'the next start puts them there');
  }
}

/** What a start does that looks through all of a log that nobody vouches for. */
function wholeLookText({ kept }: VerifyPlan, { damage, holes }: LogPicture): string {
  const ends = [...damage.endsLogAt, ...holes.map(({ from }) => from)];
  const first = ends.reduce((least, at) => Math.min(least, at), Infinity);
  if (first === Infinity) return 'slow, and nothing is lost';
  const isKept = kept.some((start) => start > first);
  return isKept ? 'it refuses at the first damage' : 'it ends it at the first damage, and what is behind is lost';
}

export function judgeCheckpoint(plan: VerifyPlan, log: LogPicture): void {
  const { checkpoint, vouched, findings, options } = plan;
  if (findings.counts.has('log-missing')) return;
  const { logTimestamp, queuesTimestamp, indexTimestamp } = checkpoint;
  const file = plan.paths.checkpoint;
  const loss = plan.loss ?? lossAtEnd(vouched, log.end);
  if (loss !== null) {
    const what = `${loss}: a start refuses until repair accepts the loss`;
    findings.add({ kind: 'checkpoint-ahead', file, offset: null, what, matters: true, advice: 'repair' });
    return;
  }
  if (isUnfinishedRepair(vouched) && options.state !== 'running') {
    const what =
      'a repair has been interrupted: a start builds all queues and the key index again from the log, those too that a repair leaves as they are';
    findings.add({ kind: 'repair-unfinished', file, offset: null, what, matters: true, advice: 'repair' });
  }
  if (logTimestamp === 0 && queuesTimestamp === 0) {
    if (log.records === 0 || vouched !== null || options.state === 'running') return;
    const what = `${options.state === 'crashed' ? 'the next start' : 'a start after a crash'} looks through the whole log: ${wholeLookText(plan, log)}`;
    findings.add({ kind: 'checkpoint-missing', file, offset: null, what, matters: false, advice: 'repair' });
    return;
  }
  const newest = Math.max(logTimestamp, queuesTimestamp, indexTimestamp);
  if (newest <= log.newestStoreMs || options.state === 'running') return;
  const what = `names ${newest}, the newest record is of ${log.newestStoreMs}: records are gone, and a start after a crash trusts more than there is`;
  findings.add({ kind: 'checkpoint-ahead', file, offset: null, what, matters: true, advice: 'repair' });
}
