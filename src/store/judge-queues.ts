/** What is wrong with the queues beside the log, and whether it matters. Part of verify-store.ts. */
import { basename, join } from 'node:path';
import { counted } from '../base/counted.ts';
import { isLightQueue } from '../layout/topic-names.ts';
import type { BuiltStore } from './built-store.ts';
import type { Finding, FindingKind } from './findings.ts';
import { judgeQueueFiles } from './judge-runs.ts';
import { queueDirectory } from './queue-files.ts';
import type { QueueFolder } from './queue-folders.ts';
import { queueName } from './queue-folders.ts';
import { TOPICS_FILE } from './settings-file.ts';
import type { LogPicture, LogQueue } from './verify-log.ts';
import type { VerifyPlan } from './verify-plan.ts';
import type { QueueResult, QueueToCheck } from './verify-queue.ts';

/** Every queue that has files, with its range in the log. Those that a repair has built are added up. */
export function queuesToCheck(plan: VerifyPlan, log: LogPicture, built: BuiltStore | undefined): QueueToCheck[] {
  const ranges = new Map(log.queues.map((queue) => [queueName(queue), queue]));
  return plan.queueFolders.map((folder) => {
    const { first, next } = ranges.get(queueName(folder)) ?? { first: -1, next: -1 };
    const isSummed = built?.queues.has(queueName(folder)) === true;
    return { ...folder, first, next, isSummed, isLight: isLightQueue(folder.topic) };
  });
}

/** `topics`: those that there are by the settings; null when nobody knows. `goneTo`: what lies before may be deleted by now. */
export function judgeQueues(
  plan: VerifyPlan,
  log: LogPicture,
  results: readonly QueueResult[],
  topics: ReadonlySet<string> | null,
  goneTo: number,
): void {
  const folders = new Set(plan.queueFolders.map(queueName));
  for (const queue of log.queues) {
    // Where files went while the log was looked through, rows of it are missing.
    if (goneTo <= log.start) addBreaks(plan, queue);
    if (folders.has(queueName(queue))) addFaults(plan, queue, goneTo);
    else if (queue.firstLogOffset >= goneTo) addMissing(plan, queue, topics);
  }
  if (topics !== null) addWithoutTopic(plan, topics);
  let deleted = 0;
  for (const result of results) {
    deleted += result.deleted;
    for (const path of result.strangers) plan.findings.addForeign(path);
    judgeQueueFiles(result, plan.options.sizes.queueFileSizeBytes, plan.options.state, plan.findings);
    addOutside(plan, result);
  }
  if (deleted > 0) {
    const what = `entries that name records of files that were deleted: ${deleted}, as usual after retention`;
    plan.findings.add({
      kind: 'queue-deleted',
      file: plan.paths.consumeQueue,
      offset: null,
      what,
      matters: false,
      advice: 'nothing',
    });
  }
  const light = plan.queueFolders.filter(({ topic }) => isLightQueue(topic)).length;
  if (light > 0)
    addNote(plan, plan.paths.consumeQueue, `the entries of ${counted(light, 'queue')} of Apache's light consumers`);
  if (plan.context.batchTopics.size > 0) {
    addNote(
      plan,
      plan.paths.batchConsumeQueue,
      `the batch queues of ${counted(plan.context.batchTopics.size, 'topic')}, which RingMQ keeps as they are`,
    );
  }
}

function addBreaks(plan: VerifyPlan, queue: LogQueue): void {
  if (queue.breaks === 0) return;
  // Where a broker that runs was writing while it was looked at.
  if (plan.options.state === 'running' && queue.firstBreakLogOffset >= plan.walkStart) return;
  const what = `records whose offset does not follow the one before: ${queue.breaks}, first at log offset ${queue.firstBreakLogOffset}: the queue cannot be built from the log`;
  add(plan, 'record-offset', queue, queue.first, what, true, 'restore');
}

function addMissing(plan: VerifyPlan, queue: LogQueue, topics: ReadonlySet<string> | null): void {
  // In memory only, so far.
  if (plan.options.state === 'running' && queue.faults.missing === 0) return;
  const count = queue.next - queue.first;
  if (topics !== null && !topics.has(queue.topic)) {
    const what = `has no files and no topic: the log still holds ${counted(count, 'record')} of a topic that was deleted`;
    add(plan, 'queue-missing', queue, queue.first, what, false, 'nothing');
    return;
  }
  const isRebuilt = isRebuiltAtStart(plan, queue.firstLogOffset);
  const what = `has ${counted(count, 'record')} in the log and no files${isRebuilt ? ': the next start builds them' : ''}`;
  add(plan, 'queue-missing', queue, queue.first, what, !isRebuilt, isRebuilt ? 'nothing' : 'repair');
}

/** Queues whose files nobody can reach. */
function addWithoutTopic(plan: VerifyPlan, topics: ReadonlySet<string>): void {
  const unknown = plan.queueFolders.filter(({ topic }) => !isLightQueue(topic) && !topics.has(topic));
  // The version before it that is taken instead may be older than they are.
  const isOlder = plan.findings.kept.some(
    ({ kind, file }) => kind === 'settings-damaged' && basename(file) === TOPICS_FILE,
  );
  for (const topic of new Set(unknown.map(({ topic }) => topic))) {
    plan.findings.add({
      kind: 'topic-missing',
      file: join(plan.paths.consumeQueue, topic),
      offset: null,
      what: 'has queues, and is not among the topics of config/topics.json: nobody can send to it or consume from it',
      matters: isOlder,
      advice: isOlder ? 'restore' : 'nothing',
    });
  }
}

function addFaults(plan: VerifyPlan, queue: LogQueue, goneTo: number): void {
  const { missing, firstMissing, firstMissingLogOffset, lastMissing, wrong, firstWrong, firstWrongLogOffset, example } =
    queue.faults;
  if (wrong > 0 && firstWrongLogOffset >= goneTo) {
    const isRebuilt = isRebuiltAtStart(plan, firstWrongLogOffset);
    const what = `wrong entries: ${wrong}, the first at ${firstWrong}: ${example}${isRebuilt ? '. The next start builds them again' : ''}`;
    add(plan, 'queue-wrong', queue, firstWrong, what, !isRebuilt, isRebuilt ? 'nothing' : 'repair');
  }
  if (missing === 0 || firstMissingLogOffset < goneTo) return;
  const isBehind = firstMissing + missing === queue.next && lastMissing === queue.next - 1;
  const isRebuilt = isRebuiltAtStart(plan, firstMissingLogOffset);
  const where = isBehind
    ? `has no entry for its last ${counted(missing, 'record')}, from ${firstMissing} on`
    : `has no entry for ${counted(missing, 'record')}, the first is ${firstMissing}`;
  const what = isRebuilt ? `${where}: the next start builds them` : where;
  add(
    plan,
    isBehind ? 'queue-behind' : 'queue-wrong',
    queue,
    firstMissing,
    what,
    !isRebuilt,
    isRebuilt ? 'nothing' : 'repair',
  );
}

/** After a crash every queue is cut at the place from which the log is looked through, and built from there. */
function isRebuiltAtStart(plan: VerifyPlan, logOffset: number): boolean {
  return plan.options.state === 'crashed' && logOffset >= plan.walkStart;
}

function addOutside(plan: VerifyPlan, { queue, stray, firstStray, ahead, firstAhead, tailAt }: QueueResult): void {
  const { state } = plan.options;
  if (stray > 0) {
    const what = `entries before its first record in the log that name no record of it: ${stray}, the first at ${firstStray}`;
    add(plan, 'queue-stray', queue, firstStray, what, true, 'repair');
  }
  if (state === 'running') return;
  if (ahead > 0) {
    const isCut = state === 'crashed';
    const what = `entries from ${firstAhead} on that name records that the log does not have: ${ahead}${isCut ? '. The next start removes them' : ''}`;
    add(plan, 'queue-ahead', queue, firstAhead, what, !isCut, isCut ? 'nothing' : 'repair');
  }
  if (tailAt >= 0) {
    const isCut = state === 'crashed';
    const what = `bytes that are no entry lie behind its end, at offset ${tailAt}${isCut ? ': the next start wipes them' : ''}`;
    add(plan, 'queue-tail', queue, tailAt, what, !isCut, isCut ? 'nothing' : 'repair');
  }
}

function add(
  plan: VerifyPlan,
  kind: FindingKind,
  { topic, queueId }: Pick<QueueFolder, 'topic' | 'queueId'>,
  offset: number,
  what: string,
  matters: boolean,
  advice: Finding['advice'],
): void {
  const file = queueDirectory(plan.paths.consumeQueue, topic, queueId);
  plan.findings.add({ kind, file, offset, what, matters, advice });
}

function addNote(plan: VerifyPlan, file: string, what: string): void {
  plan.findings.add({ kind: 'not-checked', file, offset: null, what, matters: false, advice: 'nothing' });
}
