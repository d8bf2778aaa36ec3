/** What is wrong with a log, and whether it matters. Part of verify-store.ts. */
import { asLogOffset } from '../base/units.ts';
import { BLANK_HEAD_BYTES, RECORD_MAGIC_V1, RECORD_MAGIC_V2, RecordAt } from '../layout/message-record.ts';
import type { Disk } from './disk.ts';
import { hasFailedSync } from './failed-sync.ts';
import { fileNameOf } from './file-names.ts';
import { goneSinceStop } from './log-at-start.ts';
import { foreignFormat } from './log-format.ts';
import { LogReader } from './log-reader.ts';
import type { DamagedRecord, RecordFault } from './record-damage.ts';
import type { Hole } from './record-search.ts';
import { logFilesOf, segmentPath, segmentStart } from './segments.ts';
import type { LogPicture } from './verify-log.ts';
import type { VerifyPlan } from './verify-plan.ts';

interface Place {
  readonly file: string;
  readonly offset: number;
}

export function judgeLog(disk: Disk, plan: VerifyPlan, log: LogPicture): void {
  const { findings, paths, options } = plan;
  const files = logFilesOf(paths, options.sizes);
  const at = (offset: number): Place => ({
    file: segmentPath(files, segmentStart(files, offset)),
    offset,
  });
  if (hasFailedSync(disk, files)) {
    const what =
      'an fdatasync of the log has failed: what was written before it reads well, and may be lost when the machine goes off. Leave it on and see to the disk; the next start, or repair, writes that part of the log anew';
    const file = paths.failedSyncMark;
    findings.add({ kind: 'sync-failed', file, offset: null, what, matters: true, advice: 'repair' });
  }
  if (plan.segments.length === 0) addMissing(plan);
  else if (options.state === 'clean') addGoneSegments(plan, at);
  const foreign = log.records === 0 ? foreignFormatOf(disk, plan) : null;
  if (foreign !== null) {
    const what = `${foreign}: a start refuses it`;
    findings.add({ kind: 'log-foreign', ...at(plan.segments[0]!), what, matters: true, advice: 'restore' });
  }
  const described = log.damage.described.filter((record) => !isInFlux(plan, record.at));
  for (const damaged of described) {
    const what = damagedText(plan, log, damaged);
    findings.add({ kind: 'record-damaged', ...at(damaged.at), what, matters: true, advice: 'restore' });
  }
  const damaged = log.damage.at.filter((offset) => !isInFlux(plan, offset)).length;
  findings.addUntold('record-damaged', damaged - described.length);
  for (const hole of log.holes) {
    if (isInFlux(plan, hole.from)) continue;
    // Retention has taken the file away meanwhile.
    if (options.state === 'running' && disk.stat(at(hole.from).file) === null) continue;
    const what = `${hole.to - hole.from} bytes are no record, the next one lies at ${hole.to}. ${holeFate(plan, log, hole.from)}`;
    findings.add({ kind: 'log-hole', ...at(hole.from), what, matters: true, advice: 'restore' });
  }
  for (const position of log.wrongFillers) {
    const what =
      'the filler does not say how long it is: a loss of power has kept the rest of it only, and nobody goes by that';
    findings.add({ kind: 'filler-wrong', ...at(position), what, matters: false, advice: 'nothing' });
  }
  // A broker that runs is writing there.
  if (log.tail !== null && options.state !== 'running' && foreign === null) addTail(disk, plan, log.tail, at(log.end));
}

function foreignFormatOf(disk: Disk, plan: VerifyPlan): string | null {
  const [first] = plan.segments;
  return first === undefined ? null : withReader(disk, plan, (reader) => foreignFormat(reader, first));
}

function withReader<T>(disk: Disk, { paths, options }: VerifyPlan, look: (reader: LogReader) => T): T {
  const reader = new LogReader(disk, logFilesOf(paths, options.sizes));
  try {
    return look(reader);
  } finally {
    reader.close();
  }
}

function addMissing({ loss, queueFolders, findings, paths }: VerifyPlan): void {
  if (loss === null && queueFolders.length === 0) return;
  const then = loss === null ? 'there are queues but no log: a start removes the queues' : `${loss}: a start refuses`;
  const what = `${then}. Put the log back first; where it lies elsewhere, give storePathCommitLog with --set or -c`;
  findings.add({ kind: 'log-missing', file: paths.commitLog, offset: null, what, matters: true, advice: 'restore' });
}

function addGoneSegments({ vouched, segments, findings }: VerifyPlan, at: (offset: number) => Place): void {
  const [start] = segments;
  const gone = goneSinceStop(vouched, start!);
  if (gone === null) return;
  const what = `the log ${gone}, with what they held. The next start goes on without them`;
  findings.add({ kind: 'segments-gone', ...at(vouched!.logStart), what, matters: true, advice: 'restore' });
}

const FAULT_TEXT: Readonly<Record<RecordFault, string>> = {
  name: 'says a topic that is not its own',
  topic: 'has a topic that is not whole',
  body: 'has a body that does not have its checksum',
  sector: 'has a sector of zeros in its properties, which did not get to the disk',
  properties:
    'has properties that are not whole: its keys, tags and other properties may be lost. Nothing but this tool looks at that',
};

function damagedText(plan: VerifyPlan, log: LogPicture, damaged: DamagedRecord): string {
  const { at, size, topic, queueId, queueOffset, fault, ownTopic } = damaged;
  const own = ownTopic === null ? '' : `: it is the one that queue ${ownTopic}/${queueId} has, or lacks, there`;
  const what = `the record of ${topic}/${queueId}/${queueOffset}, ${size} bytes, ${FAULT_TEXT[fault]}${own}`;
  if (fault === 'properties') return what;
  return `${what}. ${fault === 'name' ? nameFate(plan, at) : contentsFate(plan, log, at)}`;
}

/** A broker that runs may be writing there: the checkpoint does not vouch for it yet. */
function isInFlux({ options, walkStart }: VerifyPlan, logOffset: number): boolean {
  return options.state === 'running' && logOffset >= walkStart;
}

/** What a start does where no record is. */
function holeFate(plan: VerifyPlan, log: LogPicture, position: number): string {
  if (position >= plan.vouchedTo) return cutFate(plan, log, position);
  return `${behindText(log, position)}; a start that looks there refuses, because all of that has been on the disk`;
}

/** What a start does with a record whose contents are damaged. */
function contentsFate(plan: VerifyPlan, log: LogPicture, position: number): string {
  if (position >= plan.vouchedTo) return cutFate(plan, log, position);
  return 'It was on the disk whole and is damaged since: starts go on over it, and it is served as it is';
}

/** What a start does with a record that says another queue than its own. */
function nameFate({ options, walkStart }: VerifyPlan, position: number): string {
  if (options.state === 'crashed' && position >= walkStart)
    return 'The next start builds queues from there on, and refuses where it cannot: repair first';
  return 'It is served as it is; a start that has to build its queue refuses';
}

function behindText({ end }: LogPicture, position: number): string {
  return `${end - position} bytes of log lie there and behind`;
}

function cutFate(plan: VerifyPlan, log: LogPicture, position: number): string {
  const behind = behindText(log, position);
  const kept = plan.kept.find((start) => start > position);
  const fate =
    kept === undefined
      ? 'cuts them off, keeping a copy where whole records are among them'
      : `refuses, because the log goes on in ${fileNameOf(kept)}`;
  if (plan.options.state === 'crashed' && position >= plan.walkStart) return `${behind}, and the next start ${fate}`;
  return `${behind}; a start after a crash, or with this in the newest file, ${fate}`;
}

function addTail(disk: Disk, plan: VerifyPlan, tail: Hole, at: { file: string; offset: number }): void {
  if (tail.dataTo === tail.dataFrom) return;
  const { findings, options } = plan;
  const length = tail.dataTo - tail.from;
  if (beginsLikeRecord(disk, plan, tail.from)) {
    const isExpected = options.state === 'crashed';
    const what = isExpected
      ? `${length} bytes of a record that a crash has cut short: the next start cuts them off. It was not flushed, or the disk does not keep what it says`
      : `${length} bytes of a record that is not whole, after a stop in order`;
    findings.add({ kind: 'torn-tail', ...at, what, matters: !isExpected, advice: isExpected ? 'nothing' : 'repair' });
    return;
  }
  const what = `bytes that are not zero up to ${tail.dataTo}: left behind by an earlier crash, of no meaning. A start or repair wipes them`;
  findings.add({ kind: 'stale-bytes', ...at, what, matters: false, advice: 'nothing' });
}

function beginsLikeRecord(disk: Disk, plan: VerifyPlan, position: number): boolean {
  const head = new Uint8Array(BLANK_HEAD_BYTES);
  const read = withReader(disk, plan, (reader) => reader.read(asLogOffset(position), head.length, head, 0));
  if (read < head.length) return false;
  const magic = new DataView(head.buffer).getInt32(RecordAt.magic);
  return magic === RECORD_MAGIC_V1 || magic === RECORD_MAGIC_V2;
}
