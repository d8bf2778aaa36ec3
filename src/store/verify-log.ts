/**
 * Puts the results of the slices of the log together: where its records begin and end, what lies between and behind them, and of each queue
 * and of the index what is wrong altogether. Pure; called by verify-store.ts, and by repair, which needs to know the same.
 */

import { ROW_BREAKS_MAX } from './expected-entries.ts';
import type { HealedTopic } from './log-scanner.ts';
import { queueName } from './queue-folders.ts';
import { joinDamage, type RecordDamage } from './record-damage.ts';
import type { Hole } from './record-search.ts';
import { type EntryFaults, joinFaults } from './verify-entries.ts';
import type { KeyFaults } from './verify-keys.ts';
import type { LogSlice, NamelessRecord, RecordRun, SliceQueue, SliceResult } from './verify-slice.ts';

export interface LogQueue extends SliceQueue {
  readonly faults: EntryFaults;
}

export interface LogPicture {
  readonly records: number;
  /** Of the log that is made of records: from its first segment to behind its last record. */
  readonly start: number;
  readonly end: number;
  /** Rows of records as slices have met them: a record begins at each `from`, none goes over a `to`, none lies in two segments' rows. */
  readonly runs: readonly RecordRun[];
  /** Between records. */
  readonly holes: readonly Hole[];
  /** Behind the last record, up to the end of the files. Null when they end with it. */
  readonly tail: Hole | null;
  readonly damage: RecordDamage;
  readonly nameless: readonly NamelessRecord[];
  /** Topics that are known to be others than records say. */
  readonly healed: readonly HealedTopic[];
  readonly wrongFillers: readonly number[];
  /** 0 without a record. */
  readonly oldestStoreMs: number;
  readonly newestStoreMs: number;
  readonly queues: readonly LogQueue[];
  readonly keys: KeyFaults;
}

/** Slices of about `sliceBytes`, none over the end of a segment. The first of each segment begins with a record. */
export function cutSlices(segments: readonly number[], segmentSizeBytes: number, sliceBytes: number): LogSlice[] {
  return segments.flatMap((start) => {
    const count = Math.max(1, Math.ceil(segmentSizeBytes / sliceBytes));
    return Array.from({ length: count }, (_, i) => {
      const from = start + i * sliceBytes;
      return { from, to: Math.min(from + sliceBytes, start + segmentSizeBytes), isExact: i === 0, healed: [] };
    });
  });
}

/**
 * Slices whose first record was found where it cannot be: inside the last record of the slice before, which holds a copy of one. They are to
 * be looked at again from there.
 */
export function wronglyBegun(results: readonly SliceResult[]): { readonly at: number; readonly slice: LogSlice }[] {
  const again: { at: number; slice: LogSlice }[] = [];
  let end = 0;
  for (const [at, { slice, runs }] of results.entries()) {
    const first = runs[0];
    if (first !== undefined && first.from < end) again.push({ at, slice: { ...slice, from: end, isExact: true } });
    end = Math.max(end, runs.at(-1)?.to ?? end);
  }
  return again;
}

/** The results are in the order of the log; `filesEnd` is the end of its last file. */
export function joinSlices(results: readonly SliceResult[], filesEnd: number): LogPicture {
  const runs = results.flatMap((result) => result.runs);
  const known = results.flatMap((result) => result.holes);
  const start = results[0]?.slice.from ?? 0;
  const { holes, end } = holesBetween(runs, known, start);
  const sum = (of: (result: SliceResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  const withRecords = results.filter(({ records }) => records > 0);
  return {
    records: sum(({ records }) => records),
    start,
    end,
    runs,
    holes,
    tail: end < filesEnd ? boundsOf(end, filesEnd, known) : null,
    damage: joinDamage(results.map(({ damage }) => damage)),
    nameless: results.flatMap(({ nameless }) => nameless),
    healed: results.flatMap(({ slice }) => slice.healed),
    wrongFillers: results.flatMap(({ wrongFillers }) => wrongFillers),
    oldestStoreMs: withRecords[0]?.oldestStoreMs ?? 0,
    newestStoreMs: withRecords.reduce((newest, { newestStoreMs }) => Math.max(newest, newestStoreMs), 0),
    queues: joinQueues(results),
    keys: joinKeys(results.map(({ keys }) => keys)),
  };
}

function holesBetween(
  runs: readonly RecordRun[],
  known: readonly Hole[],
  start: number,
): { readonly holes: Hole[]; readonly end: number } {
  const holes: Hole[] = [];
  let end = start;
  for (const { from, to } of runs) {
    if (from > end) holes.push(boundsOf(end, from, known));
    end = Math.max(end, to);
  }
  return { holes, end };
}

/** A hole over several slices; what none of them has looked at counts as not zero, because it is the end of something. */
function boundsOf(from: number, to: number, known: readonly Hole[]): Hole {
  const parts = known.filter((hole) => hole.to > from && hole.from < to);
  const firstSeen = parts.length === 0 ? to : Math.min(...parts.map((part) => part.from));
  const data = parts.filter((part) => part.dataTo > part.dataFrom && part.dataTo > from);
  const unseen = firstSeen > from ? [{ dataFrom: from, dataTo: firstSeen }] : [];
  const all = [...unseen, ...data];
  if (all.length === 0) return { from, to, dataFrom: from, dataTo: from };
  return {
    from,
    to,
    dataFrom: Math.max(from, Math.min(...all.map(({ dataFrom }) => dataFrom))),
    dataTo: Math.min(to, Math.max(...all.map(({ dataTo }) => dataTo))),
  };
}

function joinQueues(results: readonly SliceResult[]): LogQueue[] {
  const joined = new Map<string, LogQueue>();
  for (const { queues } of results) {
    for (const queue of queues) {
      const name = queueName(queue);
      const before = joined.get(name);
      joined.set(name, before === undefined ? queue : joinQueue(before, queue));
    }
  }
  return [...joined.values()];
}

function joinQueue(before: LogQueue, behind: LogQueue): LogQueue {
  if (behind.isRestarted || behind.first === 0) return behind;
  const isInRow = before.rowEnd === behind.first;
  const breaks = before.breaks + behind.breaks + (isInRow ? 0 : 1);
  const laterBreak = isInRow ? behind.firstBreakLogOffset : behind.firstLogOffset;
  const between = isInRow
    ? []
    : [{ behind: before.lastLogOffset, expected: before.rowEnd, at: behind.firstLogOffset, found: behind.first }];
  return {
    ...before,
    next: Math.max(before.next, behind.next),
    rowEnd: behind.rowEnd,
    lastLogOffset: behind.lastLogOffset,
    breaks,
    firstBreakLogOffset: before.breaks > 0 ? before.firstBreakLogOffset : laterBreak,
    rowBreaks: breaks === 0 ? [] : [...before.rowBreaks, ...between, ...behind.rowBreaks].slice(0, ROW_BREAKS_MAX),
    faults: joinFaults(before.faults, behind.faults),
  };
}

function joinKeys(parts: readonly KeyFaults[]): KeyFaults {
  const missing = parts.filter((part) => part.missing > 0);
  const wrong = parts.find((part) => part.wrong > 0);
  return {
    keys: parts.reduce((sum, part) => sum + part.keys, 0),
    missing: parts.reduce((sum, part) => sum + part.missing, 0),
    firstMissingLogOffset: missing[0]?.firstMissingLogOffset ?? -1,
    lastMissingLogOffset: missing.at(-1)?.lastMissingLogOffset ?? -1,
    wrong: parts.reduce((sum, part) => sum + part.wrong, 0),
    firstWrong: wrong?.firstWrong ?? '',
    firstWrongLogOffset: wrong?.firstWrongLogOffset ?? -1,
  };
}
