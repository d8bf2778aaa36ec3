/**
 * What a verification has to know before it begins, and what it finds by names and sizes alone: segments, index files, checkpoint, who has
 * the store open. Called by verify-store.ts's callers, which give the plan's context to the workers.
 */
import { join } from 'node:path';
import type { CheckpointFields, Vouched } from '../layout/checkpoint-file.ts';
import type { IndexFileShape } from '../layout/index-file.ts';
import type { BuiltStore } from './built-store.ts';
import {
  EMPTY_CHECKPOINT,
  type FoundCheckpoint,
  findCheckpoint,
  hasFolder,
  readVouched,
  safeTimestamp,
} from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { Findings } from './findings.ts';
import { foundIndexFiles, isIndexFileName } from './index-files.ts';
import { indexHeads } from './index-heads.ts';
import { judgeSegments } from './judge-runs.ts';
import { filesBehind, isIndexKept, logFlushedTo, lossLimit, lossWithoutLog, vouchedPlace } from './log-at-start.ts';
import { LogReader } from './log-reader.ts';
import { findWalkStart, newestStoreMs } from './log-recovery.ts';
import { type QueueFolder, queueFolders } from './queue-folders.ts';
import { logFilesOf } from './segments.ts';
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
  /** Why a start refuses the log for what the checkpoint says; null when it does not. Its end is not known yet. */
  readonly loss: string | null;
  /** Where nobody says how far the log was flushed: its files that begin with a record. A start refuses to end the log before one. */
  readonly kept: readonly number[];
  /** From here on a start after a crash looks at the log and builds queues and index again. */
  readonly walkStart: number;
  /** All of the log before this has been on the disk, by RingMQ's own word; -1 when it has said nothing that a start goes by. */
  readonly vouchedTo: number;
  readonly queueFolders: readonly QueueFolder[];
  readonly findings: Findings;
}

export function planVerification(disk: Disk, paths: StorePaths, options: VerifyOptions): VerifyPlan {
  const findings = new Findings();
  const isUnreadable = hasFolder(disk, paths.checkpoint);
  if (isUnreadable) findings.addFolder(paths.checkpoint);
  if (hasFolder(disk, paths.repairSettings)) addRepairFolder(findings, paths.repairSettings);
  const vouched = readVouched(disk, paths.checkpoint);
  const logFiles = logFilesOf(paths, options.sizes);
  const run = judgeSegments(disk, logFiles, options.state, logFlushedTo(vouched), findings);
  const segments = run.starts;
  const strangers: string[] = [];
  const folders = queueFolders(disk, paths.consumeQueue, strangers);
  for (const path of strangers) findings.addForeign(path);
  const { sizes, nowMs = Number.MAX_SAFE_INTEGER } = options;
  const newest = (): number => withLog(disk, paths, sizes, (reader) => newestStoreMs(reader, segments));
  const found = isUnreadable
    ? { fields: EMPTY_CHECKPOINT, isDamaged: false }
    : findCheckpoint(disk, paths.checkpoint, nowMs, newest);
  const checkpoint = found.fields;
  if (found.isDamaged) addDamagedCheckpoint(findings, paths.checkpoint);
  const safe = safeTimestamp(checkpoint);
  const walkStart =
    vouched?.filedTo ??
    withLog(disk, paths, sizes, (reader) => findWalkStart(reader, segments, true, (_, storeMs) => storeMs <= safe));
  const indexFiles = findIndexFiles(disk, paths, options, segments.length === 0, vouched, findings);
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
    // A start does not come to it where files do not fit.
    ...(run.isRefused
      ? { loss: null, kept: [] }
      : judgeSaid(disk, paths, options, segments, { vouched, checkpoint: found })),
    walkStart,
    vouchedTo,
    queueFolders: folders,
    findings,
  };
}

/** By the settings, or by the files; undefined where neither tells. */
export function toldIndexShape({ options, context }: VerifyPlan): IndexFileShape | undefined {
  return options.indexShape ?? context.indexFiles[0]?.shape;
}

/** A broker that runs has started, and retention moves the log's start meanwhile. */
function judgeSaid(
  disk: Disk,
  paths: StorePaths,
  { sizes, state }: VerifyOptions,
  segments: readonly number[],
  { vouched, checkpoint }: { readonly vouched: Vouched | null; readonly checkpoint: FoundCheckpoint },
): Pick<VerifyPlan, 'loss' | 'kept'> {
  if (segments.length === 0) return { loss: lossWithoutLog(vouched, checkpoint), kept: [] };
  if (state === 'running') return { loss: null, kept: [] };
  return withLog(disk, paths, sizes, (reader) => {
    if (vouched === null) return { loss: null, kept: filesBehind(reader, segments, -1) };
    const place = vouchedPlace(reader, segments, vouched, state === 'clean');
    return { loss: typeof place === 'string' ? place : null, kept: [] };
  });
}

function addRepairFolder(findings: Findings, path: string): void {
  const what = 'is a folder, where repair is to put a file: brokers pass it over, a repair fails';
  findings.add({ kind: 'foreign-file', file: path, offset: null, what, matters: false, advice: 'move' });
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

function findIndexFiles(
  disk: Disk,
  { index: directory }: StorePaths,
  { indexShape: given, state, sizes, wantsIndex }: VerifyOptions,
  isLogMissing: boolean,
  vouched: Vouched | null,
  findings: Findings,
): IndexFileHead[] {
  const names = disk.list(directory);
  for (const name of names) if (!isIndexFileName(name)) findings.addForeign(join(directory, name));
  if (isLogMissing) {
    // A start removes the files, whatever they are.
    for (const { path, isFolder } of foundIndexFiles(disk, { directory })) if (isFolder) findings.addFolder(path);
    return [];
  }
  if (!wantsIndex) {
    const what =
      'no key index is kept, as messageIndexEnable or the last broker says: what is left of one was not looked at (--set messageIndexEnable=true)';
    if (names.some(isIndexFileName))
      findings.add({ kind: 'not-checked', file: directory, offset: null, what, matters: false, advice: 'nothing' });
    return [];
  }
  const isLeftAsIs = state !== 'clean' || isIndexKept(vouched);
  return indexHeads(disk, { directory, given, state: isLeftAsIs ? state : 'crashed', sizes }, findings);
}
