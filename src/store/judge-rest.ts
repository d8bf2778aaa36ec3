/** What is wrong with the index, the checkpoint and the settings files, and whether it matters. Part of verify-store.ts. */
import { join } from 'node:path';
import { counted } from '../base/counted.ts';
import type { Disk } from './disk.ts';
import type { FindingKind } from './findings.ts';
import type { IndexFileResult } from './verify-index.ts';
import type { LogPicture } from './verify-log.ts';
import type { VerifyPlan } from './verify-plan.ts';

export function judgeIndex(plan: VerifyPlan, log: LogPicture, results: readonly IndexFileResult[]): void {
  const { findings, context, options } = plan;
  const directory = plan.paths.index;
  if (context.indexFiles.length === 0) {
    // A broker that runs has its first entries in memory only.
    if (log.records === 0 || options.state === 'running' || findings.counts.has('index-shape')) return;
    const what = 'messages cannot be queried by key: repair builds it, unless messageIndexEnable is off';
    findings.add({ kind: 'index-missing', file: directory, offset: null, what, matters: false, advice: 'repair' });
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

function isDamaged({ damage, holes }: LogPicture): boolean {
  return holes.length > 0 || damage.endsLogAt.length > 0;
}

export function judgeCheckpoint(plan: VerifyPlan, log: LogPicture): void {
  const { checkpoint, findings, options } = plan;
  const { logTimestamp, queuesTimestamp, indexTimestamp } = checkpoint;
  const file = plan.paths.checkpoint;
  if (plan.vouchedTo > log.end) {
    const what = `all of the log up to ${plan.vouchedTo} has been on the disk, it ends at ${log.end}: a broker refuses to start until repair accepts the loss`;
    findings.add({ kind: 'checkpoint-ahead', file, offset: null, what, matters: true, advice: 'repair' });
    return;
  }
  if (logTimestamp === 0 && queuesTimestamp === 0) {
    if (log.records === 0 || options.state === 'running') return;
    const what = `${options.state === 'crashed' ? 'the next start' : 'a start after a crash'} looks through the whole log: ${isDamaged(log) ? 'it ends it at the first damage, and what is behind is lost' : 'slow, and nothing is lost'}`;
    findings.add({ kind: 'checkpoint-missing', file, offset: null, what, matters: false, advice: 'repair' });
    return;
  }
  const newest = Math.max(logTimestamp, queuesTimestamp, indexTimestamp);
  if (newest <= log.newestStoreMs || options.state === 'running') return;
  const what = `names ${newest}, the newest record is of ${log.newestStoreMs}: records are gone, and a start after a crash trusts more than there is`;
  findings.add({ kind: 'checkpoint-ahead', file, offset: null, what, matters: true, advice: 'repair' });
}

const TOPICS = 'topics.json';

/** Names in `config` that are no JSON. */
const BINARY = new Set(['timercheck', 'timercheck.bak']);

/** Looks at all settings files. Returns the topics that there are by them, null when nobody knows. */
export function judgeSettings(disk: Disk, plan: VerifyPlan): ReadonlySet<string> | null {
  const { paths, findings, options } = plan;
  const names = disk
    .list(paths.config)
    .filter((name) => !BINARY.has(name) && !name.endsWith('.tmp') && !name.endsWith('.damaged'));
  const values = new Map<string, unknown>();
  const broken: string[] = [];
  for (const name of names) {
    const path = join(paths.config, name);
    if (disk.stat(path)?.isDirectory === true) continue;
    try {
      values.set(name, options.parseSettings(Buffer.from(disk.readWhole(path)).toString()));
    } catch {
      broken.push(name);
    }
  }
  for (const name of broken) {
    const isBackup = name.endsWith('.bak');
    const hasOther = isBackup ? values.has(name.slice(0, -'.bak'.length)) : values.has(`${name}.bak`);
    const what = isBackup
      ? 'cannot be parsed; it is the version before of a file'
      : `cannot be parsed${hasOther ? ': a start takes the version before it, the .bak' : ', and neither can the version before it'}`;
    const matters = !hasOther;
    findings.add({
      kind: 'settings-damaged',
      file: join(paths.config, name),
      offset: null,
      what,
      matters,
      advice: matters ? 'restore' : 'nothing',
    });
  }
  const topics = topicsOf(values.get(TOPICS) ?? values.get(`${TOPICS}.bak`));
  if (topics === null && !broken.includes(TOPICS) && plan.queueFolders.length > 0) {
    const what = 'is not there: the queues belong to no topic, and nobody can send to them or consume from them';
    const file = join(paths.config, TOPICS);
    findings.add({ kind: 'topic-missing', file, offset: null, what, matters: true, advice: 'restore' });
  }
  return topics;
}

function topicsOf(document: unknown): ReadonlySet<string> | null {
  const table = (document as { topicConfigTable?: unknown } | undefined)?.topicConfigTable;
  return typeof table === 'object' && table !== null ? new Set(Object.keys(table)) : null;
}
