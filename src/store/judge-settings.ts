/**
 * What a start makes of the settings files, and whether it matters: those that the broker reads, and those that only Apache's does
 * (spec/store.md 1). Part of verify-store.ts.
 */
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import type { FindingKind } from './findings.ts';
import { queueFileStarts, queueFilesOf } from './queue-files.ts';
import { queueName } from './queue-folders.ts';
import { endOf } from './queue-recovery.ts';
import {
  type FoundSettings,
  findSettings,
  GROUPS_FILE,
  type GroupPlace,
  OFFSETS_FILE,
  type SettingsContents,
  TOPICS_FILE,
} from './settings-file.ts';
import type { LogPicture } from './verify-log.ts';
import { addForeign, type VerifyPlan } from './verify-plan.ts';

const OURS: readonly string[] = [TOPICS_FILE, GROUPS_FILE, OFFSETS_FILE];
const APACHES: readonly string[] = [
  'topicQueueMapping.json',
  'lmqConsumerOffset.json',
  'consumerOrderInfo.json',
  'consumerFilter.json',
  'delayOffset.json',
  'messageRequestMode.json',
  'timermetrics',
  'transactionMetrics',
];
/** No text. */
const BINARY = 'timercheck';

function namesOf(files: readonly string[], endings: readonly string[]): ReadonlySet<string> {
  return new Set(files.flatMap((name) => endings.map((ending) => name + ending)));
}

/** With the version before, the next one while it is written, and what could not be read. */
const KNOWN = namesOf([...OURS, ...APACHES, BINARY], ['', '.bak', '.tmp', '.damaged', '.bak.damaged']);
/** Where the broker wants a file. */
const NEEDED = namesOf(OURS, ['', '.bak', '.tmp']);

export interface JudgedSettings {
  /** Those that there are; null when nobody knows. */
  readonly topics: ReadonlySet<string> | null;
  /** Of consumer groups. */
  readonly places: Iterable<GroupPlace>;
}

export function judgeSettings(disk: Disk, plan: VerifyPlan): JudgedSettings {
  const { config } = plan.paths;
  for (const name of disk.list(config)) {
    const known = isFolder(disk, plan, name) ? NEEDED : KNOWN;
    if (!known.has(name)) addForeign(plan.findings, join(config, name), 'does not belong there: brokers pass it over');
  }
  for (const name of [GROUPS_FILE, ...APACHES]) judgeFile(disk, plan, name);
  const { places = [] } = judgeFile(disk, plan, OFFSETS_FILE) ?? {};
  return { topics: judgeTopics(disk, plan), places };
}

function judgeTopics(disk: Disk, plan: VerifyPlan): ReadonlySet<string> | null {
  const before = plan.findings.matter;
  const topics = judgeFile(disk, plan, TOPICS_FILE)?.topics ?? null;
  // No broker leaves it without those that each has.
  if ((topics !== null && topics.size > 0) || plan.queueFolders.length === 0) return topics;
  const state = topics === null ? 'is not there' : 'names no topic';
  const what = `${state}: the queues belong to no topic, and nobody can send to them or consume from them`;
  if (plan.findings.matter === before) add(plan, 'topic-missing', TOPICS_FILE, what, true);
  return null;
}

/** Of the file, or else of the version before it; null when there is neither. Tells what is wrong. */
function judgeFile(disk: Disk, plan: VerifyPlan, name: string): SettingsContents | null {
  const current = look(disk, plan, name, name);
  const before = look(disk, plan, name, `${name}.bak`);
  if (current.kind === 'read') {
    const what = `${faultText(before)}; it is the version before of a file`;
    if (before.kind === 'damaged') add(plan, 'settings-damaged', `${name}.bak`, what, false);
  } else if (current.kind !== 'folder' && before.kind !== 'folder') {
    addFault(plan, name, current, before);
  }
  if (OURS.includes(name)) addFolders(disk, plan, name, current.kind === 'read');
  const used = current.kind === 'read' ? current : before;
  if (used.kind !== 'read') return null;
  const { refusal } = used.value;
  if (refusal !== undefined) add(plan, 'settings-damaged', name, `${refusal}: a broker fails to start`, true);
  return used.value;
}

type Found = FoundSettings<SettingsContents> | { readonly kind: 'folder' };

function look(disk: Disk, plan: VerifyPlan, name: string, at: string): Found {
  if (isFolder(disk, plan, at)) return { kind: 'folder' };
  return findSettings(disk, join(plan.paths.config, at), (text) => plan.options.parseSettings(name, text));
}

function isFolder(disk: Disk, { paths }: VerifyPlan, name: string): boolean {
  return disk.stat(join(paths.config, name))?.isDirectory === true;
}

function faultText(found: Found): string {
  if (found.kind === 'empty') return 'is empty';
  if (found.kind !== 'damaged') return 'is not there';
  return `cannot be parsed (${found.cause instanceof Error ? found.cause.message : String(found.cause)})`;
}

/** Of a file that is not read. */
function addFault(plan: VerifyPlan, name: string, current: Found, before: Found): void {
  const isGone = current.kind === 'missing';
  const isReplaced = isGone && plan.options.state === 'running';
  if (isReplaced || (isGone && before.kind !== 'read' && before.kind !== 'damaged')) return;
  const who = OURS.includes(name) ? 'a start' : "Apache's broker";
  if (before.kind === 'read') {
    const what = `${faultText(current)}: ${who} takes the version before it, the .bak`;
    add(plan, 'settings-damaged', name, what, false);
  } else if (isGone) {
    const what = `${faultText(before)}, and the file itself is not there: ${who} goes on without it`;
    add(plan, 'settings-damaged', `${name}.bak`, what, true);
  } else {
    const neither = before.kind === 'damaged' ? ', and neither can the version before it' : '';
    add(plan, 'settings-damaged', name, `${faultText(current)}${neither}: ${who} goes on without it`, true);
  }
}

/** `isRead`: the version before is not asked for. */
function addFolders(disk: Disk, plan: VerifyPlan, name: string, isRead: boolean): void {
  for (const ending of ['', '.bak', '.tmp']) {
    if (!isFolder(disk, plan, name + ending)) continue;
    const isWrittenOnly = ending === '.tmp' || (ending === '.bak' && isRead);
    const what = `is a folder: ${isWrittenOnly ? `no change of ${name} can be written` : 'a broker fails to start'}`;
    add(plan, 'settings-damaged', name + ending, what, true);
  }
}

/** A start moves groups back that are further than their queue. */
export function judgeOffsets(disk: Disk, plan: VerifyPlan, log: LogPicture, places: Iterable<GroupPlace>): void {
  // A broker that runs has newer ones in memory, and newer messages.
  if (plan.options.state === 'running' || plan.findings.counts.has('log-missing')) return;
  const endOfQueue = queueEnds(disk, plan, log);
  let count = 0;
  let first = '';
  for (const { topic, group, queueId, offset } of places) {
    const end = endOfQueue(topic, queueId);
    if (offset <= end) continue;
    if (count++ === 0) first = `${group} in ${topic}/${queueId}, ${offset} of ${end}`;
  }
  const what = `places of groups beyond the end of their queue: ${count}, the first is that of ${first}: the next start moves them back to it`;
  if (count > 0) add(plan, 'offset-ahead', OFFSETS_FILE, what, false);
}

/** Offsets of the next messages, 0 for a queue that nobody knows. */
function queueEnds(disk: Disk, plan: VerifyPlan, log: LogPicture): (topic: string, queueId: number) => number {
  const files = queueFilesOf(plan.paths, plan.options.sizes);
  const folders = new Map(plan.queueFolders.map((folder) => [queueName(folder), folder.directory]));
  const ends = new Map(log.queues.map((queue) => [queueName(queue), queue.next]));
  return (topic, queueId) => {
    if (plan.context.batchTopics.has(topic)) return Number.POSITIVE_INFINITY;
    const name = queueName({ topic, queueId });
    const directory = folders.get(name);
    const known = ends.get(name);
    if (known !== undefined || directory === undefined) return known ?? 0;
    const starts = queueFileStarts(disk, directory).filter((start) => start % files.fileSizeBytes === 0);
    const { end } = endOf(disk, files, { directory, starts }, log.end);
    ends.set(name, end);
    return end;
  };
}

function add(plan: VerifyPlan, kind: FindingKind, name: string, what: string, matters: boolean): void {
  const advice = matters ? 'restore' : 'nothing';
  plan.findings.add({ kind, file: join(plan.paths.config, name), offset: null, what, matters, advice });
}
