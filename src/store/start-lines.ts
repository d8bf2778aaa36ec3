/** The words of a start's look at queues and checkpoint: its lines of the log, and its refusal of a gap. Part of recovery.ts, which says when. */
import { counted } from '../base/counted.ts';
import type { LogOffset } from '../base/units.ts';
import type { Vouched } from '../layout/checkpoint-file.ts';
import { queueName } from './queue-folders.ts';
import type { LedgerQueue } from './queue-ledger.ts';
import type { FiledQueue, FoundQueue } from './queue-recovery.ts';
import { StoreDamagedError } from './store-errors.ts';

/** What it means that a queue names records beyond the end of the log. */
export const Ahead = {
  lost: 'what lies between was not flushed before the crash, and is lost',
  gone: 'it has lost what lies between. These entries go',
  damaged: 'these entries are damaged, and built again',
} as const;

/** `ahead`: at least one. */
export function aheadText(
  ahead: readonly FoundQueue[],
  logEnd: LogOffset,
  meaning: (typeof Ahead)[keyof typeof Ahead],
): string {
  const furthest = ahead.reduce((most, queue) => (queue.logEnd > most.logEnd ? queue : most));
  const others = ahead.length === 1 ? '' : `, ${counted(ahead.length - 1, 'other')} beyond the end as well`;
  return `queue ${queueName(furthest)} names records up to ${furthest.logEnd}${others}; the log ends at ${logEnd}: ${meaning}`;
}

export function damagedCheckpointText(checkpoint: string): string {
  return `${checkpoint} is damaged: it names times that are negative, or later than now and all records. None of them counts`;
}

/** `gone`: what tells of it (log-at-start.ts). */
export function goneFilesText(directory: string, gone: string): string {
  return (
    `the log of ${directory} ${gone}: what they held is gone unless they are put back, with the broker stopped. ` +
    'This start goes on without them'
  );
}

/** How many queues there are, and the sum of their ends. */
export interface QueueSums {
  readonly count: number;
  readonly entries: number;
}

export function fewerQueuesText({ count, entries }: QueueSums, { queueCount, queueEntries }: Vouched): string {
  return (
    `${counted(count, 'queue')} with ${counted(entries, 'entry', 'entries')} where there were ${queueCount} with ` +
    `${queueEntries}: what is missing is built again from the log`
  );
}

/** `incomplete`: at least one. `from`: where the look at the log began. */
export function incompleteText(incomplete: readonly LedgerQueue[], from: LogOffset): string {
  const first = incomplete[0]!;
  return (
    `queue ${queueName(first)} (${incomplete.length} in all) has ${Math.max(0, first.filedEnd)} entries, and the log ` +
    `goes on with ${first.firstUnfiled} at ${from}: what is missing is built again from the log's start`
  );
}

export function beginsLaterText(queue: FiledQueue, firstInLog: number): string {
  return `queue ${queueName(queue)} ends at ${queue.end}, the log begins with ${firstInLog}: it begins there now`;
}

export function gapIn({ topic, queueId, end }: FiledQueue, { firstUnfiled }: LedgerQueue): StoreDamagedError {
  return new StoreDamagedError(
    `queue ${topic}/${queueId} has a gap: its files end at ${end}, the log goes on with ${firstUnfiled}. \`ringmq verify\` says what is ` +
      'wrong, `ringmq repair` builds the queue from what the log has',
  );
}

/** Log offsets, and how many queues there are. */
export interface StartSummary {
  readonly logStart: LogOffset;
  readonly logEnd: LogOffset;
  readonly from: LogOffset;
  readonly dispatchFrom: LogOffset;
  readonly queueCount: number;
}

export function summaryText(directory: string, cleanStop: boolean, at: StartSummary): string {
  const how = cleanStop ? 'stopped cleanly' : 'was not stopped cleanly';
  return (
    `store of ${directory} ${how}: log ${at.logStart} to ${at.logEnd}, looked through from ${at.from}, ` +
    `${counted(at.queueCount, 'queue')}, to be filed from ${at.dispatchFrom}`
  );
}
