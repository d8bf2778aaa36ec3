/**
 * What a verification has to know before it begins, and what it finds by names and sizes alone: segments, index files, checkpoint, who has
 * the store open. Called by verify-store.ts's callers, which give the plan's context to the workers.
 */
import { basename, join } from 'node:path';
import { counted } from '../base/counted.ts';
import type { CheckpointFields, Vouched } from '../layout/checkpoint-file.ts';
import type { IndexFileShape } from '../layout/index-file.ts';
import type { BuiltStore } from './built-store.ts';
import { findCheckpoint, readVouched, safeTimestamp } from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { fileNameOf, LOST_AND_FOUND, startByteOf } from './file-names.ts';
import { judgeRun, type RunFault } from './file-run.ts';
import { type Finding, Findings } from './findings.ts';
import { isIndexFileName } from './index-files.ts';
import { indexHeads } from './index-heads.ts';
import { filesBehind, logFlushedTo, lossLimit, lossWithoutLog, vouchedPlace } from './log-at-start.ts';
import { LogReader } from './log-reader.ts';
import { findWalkStart, newestStoreMs } from './log-recovery.ts';
import { type QueueFolder, queueFolders } from './queue-folders.ts';
import { logFilesOf } from './segments.ts';
import { CUT_NAME } from './segments-aside.ts';
import type { SettingsContents } from './settings-file.ts';
import type { StorePaths } from './store-paths.ts';
import type { StoreSizes } from './store-sizes.ts';
import type { StoreState } from './store-state.ts';
import type { IndexFileHead } from './verify-keys.ts';
import type { SliceContext } from './verify-slice.ts';

export interface VerifyOptions {
  readonly sizes: StoreSizes;
  /** Of index files that have the size for it. */
  readonly indexShape?: IndexFileShape;
  readonly state: StoreState;
  /** False where no key index is kept: what is left of one is nobody's. */
  readonly wantsIndex: boolean;
  /** Wall time, which a start goes by too (log-at-start.ts). */
  readonly nowMs?: number;
  /** As the broker reads the settings file of this name. Throws for what it cannot read. */
  readonly parseSettings: (name: string, text: string) => SettingsContents;
  /** What a repair knows already, or is going to build anyhow. */
  readonly skips?: VerifySkips;
}

export interface VerifySkips {
  /** Checksums of bodies, topics and properties. */
  readonly bodies?: boolean;
  /** Entries of queues and index. */
  readonly entries?: boolean;
  /** The log, and the entries of what was built of it, as long as what is in the files is that. */
  readonly built?: BuiltStore;
}

export interface VerifyPlan {
  readonly paths: StorePaths;
  readonly options: VerifyOptions;
  readonly context: Omit<SliceContext, 'tagsCodeOf'>;
  readonly segments: readonly number[];
  /** What counts of it. */
  readonly checkpoint: CheckpointFields;
  /** RingMQ's own word there; null without one. */
  readonly vouched: Vouched | null;
  /** Why a start refuses the log that is there for this word; null when it does not. Its end is not known yet. */
  readonly loss: string | null;
  /** Where nobody says how far the log was flushed: its files that begin with a record. A start refuses to end the log before one. */
  readonly kept: readonly number[];
  /** From here on a start after a crash looks at the log and builds queues and index again. */
  readonly walkStart: number;
  /** All of the log before this has been on the disk, by RingMQ's own word; -1 when it has said nothing that a start goes by. */
  readonly vouchedTo: number;
  /** Queue files with entries of records before this were flushed: a start after a crash makes no allowance for them. */
  readonly flushedTo: number;
  readonly queueFolders: readonly QueueFolder[];
  readonly findings: Findings;
}

export function planVerification(disk: Disk, paths: StorePaths, options: VerifyOptions): VerifyPlan {
  const findings = new Findings();
  const vouched = readVouched(disk, paths.checkpoint);
  const segments = findSegments(disk, paths, options, logFlushedTo(vouched), findings);
  const strangers: string[] = [];
  const folders = queueFolders(disk, paths.consumeQueue, strangers);
  for (const path of strangers) addForeign(findings, path);
  const { sizes, nowMs = Number.MAX_SAFE_INTEGER } = options;
  const { fields: checkpoint, isDamaged } = findCheckpoint(disk, paths.checkpoint, nowMs, () =>
    withLog(disk, paths, sizes, (reader) => newestStoreMs(reader, segments)),
  );
  if (isDamaged) addDamagedCheckpoint(findings, paths.checkpoint);
  const safe = safeTimestamp(checkpoint);
  const walkStart =
    vouched?.filedTo ??
    withLog(disk, paths, sizes, (reader) => findWalkStart(reader, segments, true, (_, storeMs) => storeMs <= safe));
  const indexFiles = findIndexFiles(disk, paths, options, findings);
  const isRunning = options.state === 'running';
  const context = {
    paths,
    sizes,
    batchTopics: new Set(disk.list(paths.batchConsumeQueue)),
    indexFiles,
    settledTo: isRunning ? walkStart : Number.POSITIVE_INFINITY,
    checksBodies: options.skips?.bodies !== true,
    indexedTo: isRunning ? (indexFiles.at(-1)?.header.endLogOffset ?? -1) : Number.POSITIVE_INFINITY,
  };
  const vouchedTo = vouched === null ? -1 : lossLimit(vouched);
  return {
    paths,
    options,
    context,
    segments,
    checkpoint,
    vouched,
    ...judgeWord(disk, paths, options, segments, vouched),
    walkStart,
    vouchedTo,
    flushedTo: walkStart,
    queueFolders: folders,
    findings,
  };
}

/** A broker that runs has started, and retention moves the log's start meanwhile. */
function judgeWord(
  disk: Disk,
  paths: StorePaths,
  { sizes, state }: VerifyOptions,
  segments: readonly number[],
  vouched: Vouched | null,
): Pick<VerifyPlan, 'loss' | 'kept'> {
  if (segments.length === 0) return { loss: lossWithoutLog(vouched), kept: [] };
  if (state === 'running') return { loss: null, kept: [] };
  return withLog(disk, paths, sizes, (reader) => {
    if (vouched === null) return { loss: null, kept: filesBehind(reader, segments, -1) };
    const place = vouchedPlace(reader, segments, vouched, state === 'clean');
    return { loss: typeof place === 'string' ? place : null, kept: [] };
  });
}

function addDamagedCheckpoint(findings: Findings, file: string): void {
  const what = 'names times that are negative, or later than now and all records: a start takes none of them for one';
  findings.add({ kind: 'checkpoint-damaged', file, offset: null, what, matters: false, advice: 'repair' });
}

function withLog<T>(disk: Disk, paths: StorePaths, sizes: StoreSizes, look: (reader: LogReader) => T): T {
  const reader = new LogReader(disk, logFilesOf(paths, sizes));
  try {
    return look(reader);
  } finally {
    reader.close();
  }
}

/** As a start has it (file-run.ts): what it would take off the log is told and left out, what it would refuse is told. */
function findSegments(
  disk: Disk,
  paths: StorePaths,
  { sizes, state }: VerifyOptions,
  flushedTo: number,
  findings: Findings,
): number[] {
  const sizeBytes = sizes.segmentSizeBytes;
  const files = segmentNames(disk, paths.commitLog, findings).flatMap((name) => {
    const found = disk.stat(join(paths.commitLog, name));
    // A broker that runs has deleted it meanwhile.
    return found === null ? [] : { start: startByteOf(name), size: found.size };
  });
  const { starts, torn, faults } = judgeRun(files, {
    sizeBytes,
    cleanStop: state === 'clean',
    wasFlushed: (tear) => state === 'running' || tear < flushedTo,
  });
  const pathOf = (start: number): string => join(paths.commitLog, fileNameOf(start));
  for (const fault of faults)
    findings.add({ file: pathOf(fault.file.start), matters: true, ...wordsOf(fault, sizeBytes) });
  const last = files.find(({ start }) => start === starts.at(-1));
  if (last !== undefined && last.size < sizeBytes && state !== 'clean') {
    // A crash while it was made, or cut: the next start lets it grow.
    const what = `has ${counted(last.size, 'byte')}, not ${sizeBytes}`;
    findings.add({
      kind: 'segment-size',
      file: pathOf(last.start),
      offset: last.start,
      what,
      matters: false,
      advice: 'nothing',
    });
  }
  if (torn.length > 0) {
    const what = `${counted(torn.length, 'file')} from here on, behind one that is short or missing: never flushed, and the next start takes them off the log`;
    findings.add({
      kind: 'segment-missing',
      file: pathOf(torn[0]!),
      offset: torn[0]!,
      what,
      matters: false,
      advice: 'nothing',
    });
  }
  return [...starts];
}

function wordsOf(
  { kind, file: { start, size }, before }: RunFault,
  sizeBytes: number,
): Pick<Finding, 'kind' | 'offset' | 'what' | 'advice'> {
  switch (kind) {
    case 'place':
      return {
        kind: 'segment-size',
        offset: start,
        what: `begins at ${start}, where no file of ${sizeBytes} bytes does`,
        advice: 'settings',
      };
    case 'size':
      return {
        kind: 'segment-size',
        offset: start,
        what: `has ${counted(size, 'byte')}, not ${sizeBytes}`,
        advice: 'restore',
      };
    case 'missing':
      return {
        kind: 'segment-missing',
        offset: before + sizeBytes,
        what: `the file before it, ${fileNameOf(start - sizeBytes)}, is missing: a broker refuses to start`,
        advice: 'restore',
      };
  }
}

/** In order; what else is there is told. */
function segmentNames(disk: Disk, directory: string, findings: Findings): string[] {
  return disk.list(directory).filter((name) => {
    const path = join(directory, name);
    const isFolder = disk.stat(path)?.isDirectory === true;
    const isSegment = startByteOf(name) >= 0 && !isFolder;
    if (!isSegment && !(isFolder && name === CUT_NAME)) addForeign(findings, path);
    return isSegment;
  });
}

function findIndexFiles(
  disk: Disk,
  { index }: StorePaths,
  { indexShape, state, wantsIndex }: VerifyOptions,
  findings: Findings,
): IndexFileHead[] {
  const names = disk.list(index);
  for (const name of names) if (!isIndexFileName(name)) addForeign(findings, join(index, name));
  if (wantsIndex) return indexHeads(disk, index, indexShape, state, findings);
  const what =
    'no key index is kept, as messageIndexEnable or the last broker says: what is left of one was not looked at (--set messageIndexEnable=true)';
  if (names.some(isIndexFileName))
    findings.add({ kind: 'not-checked', file: index, offset: null, what, matters: false, advice: 'nothing' });
  return [];
}

const FOREIGN = "does not belong there: RingMQ passes it over, Apache's broker may refuse to start";

export function addForeign(findings: Findings, path: string, what = FOREIGN): void {
  if (basename(path) === LOST_AND_FOUND) return;
  findings.add({ kind: 'foreign-file', file: path, offset: null, what, matters: false, advice: 'nothing' });
}
