/**
 * What a verification has to know before it begins, and what it finds by names and sizes alone: segments, index files, checkpoint, who has
 * the store open. Called by verify-store.ts's callers, which give the plan's context to the workers.
 */
import { basename, join } from 'node:path';
import { counted } from '../base/counted.ts';
import type { CheckpointFields } from '../layout/checkpoint-file.ts';
import type { IndexFileShape } from '../layout/index-file.ts';
import type { BuiltStore } from './built-store.ts';
import { readCheckpoint, readVouched, safeTimestamp } from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { fileNameOf, startByteOf } from './file-names.ts';
import { Findings } from './findings.ts';
import { indexHeads } from './index-heads.ts';
import { LogReader } from './log-reader.ts';
import { findWalkStart } from './log-recovery.ts';
import { type QueueFolder, queueFolders } from './queue-folders.ts';
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
  /** Throws for text that is no settings file; returns what it says. */
  readonly parseSettings: (text: string) => unknown;
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
  readonly checkpoint: CheckpointFields;
  /** From here on a start after a crash looks at the log and builds queues and index again. */
  readonly walkStart: number;
  /** All of the log before this has been on the disk, by RingMQ's own word; -1 when it has said nothing that a start goes by. */
  readonly vouchedTo: number;
  /** Files of what comes before this were flushed: a start after a crash makes no allowance for them. */
  readonly flushedTo: number;
  readonly queueFolders: readonly QueueFolder[];
  readonly findings: Findings;
}

export function planVerification(disk: Disk, paths: StorePaths, options: VerifyOptions): VerifyPlan {
  const findings = new Findings();
  const checkpoint = readCheckpoint(disk, paths.checkpoint);
  const vouched = readVouched(disk, paths.checkpoint);
  // As recovery has it: where only times are known, everything may have been flushed.
  const isNothingKnown = safeTimestamp(checkpoint) === 0;
  const flushedTo = vouched?.filedTo ?? (isNothingKnown ? 0 : Number.POSITIVE_INFINITY);
  const segments = findSegments(disk, paths, options, flushedTo, findings);
  const strangers: string[] = [];
  const folders = queueFolders(disk, paths.consumeQueue, strangers);
  for (const path of strangers) addForeign(findings, path);
  const walkStart = vouched?.filedTo ?? walkStartOf(disk, paths, options.sizes, segments, safeTimestamp(checkpoint));
  const indexFiles = findIndexFiles(disk, paths, options, findings);
  const isRunning = options.state === 'running';
  const context = {
    paths,
    sizes: options.sizes,
    batchTopics: new Set(disk.list(paths.batchConsumeQueue)),
    indexFiles,
    settledTo: isRunning ? walkStart : Number.POSITIVE_INFINITY,
    checksBodies: options.skips?.bodies !== true,
    indexedTo: isRunning ? (indexFiles.at(-1)?.header.endLogOffset ?? -1) : Number.POSITIVE_INFINITY,
  };
  // A start after a stop in order does not go by what was said at none.
  const goesBy = options.state === 'clean' && vouched !== null && vouched.stoppedAt < 0 ? null : vouched;
  const vouchedTo = goesBy === null ? -1 : Math.max(goesBy.filedTo, goesBy.stoppedAt);
  return {
    paths,
    options,
    context,
    segments,
    checkpoint,
    walkStart,
    vouchedTo,
    flushedTo,
    queueFolders: folders,
    findings,
  };
}

function walkStartOf(
  disk: Disk,
  paths: StorePaths,
  sizes: StoreSizes,
  segments: readonly number[],
  safe: number,
): number {
  const reader = new LogReader(disk, { directory: paths.commitLog, segmentSizeBytes: sizes.segmentSizeBytes });
  try {
    return findWalkStart(reader, segments, true, (_, storeTimestamp) => storeTimestamp <= safe);
  } finally {
    reader.close();
  }
}

function findSegments(
  disk: Disk,
  paths: StorePaths,
  { sizes, state }: VerifyOptions,
  flushedTo: number,
  findings: Findings,
): number[] {
  const size = sizes.segmentSizeBytes;
  const starts: number[] = [];
  const names = segmentNames(disk, paths.commitLog, findings);
  for (const [i, name] of names.entries()) {
    const path = join(paths.commitLog, name);
    const start = startByteOf(name);
    const found = disk.stat(path);
    // A broker that runs has deleted it meanwhile.
    if (found === null) continue;
    if (start % size !== 0) {
      const what = `begins at ${start}, where no file of ${size} bytes does`;
      findings.add({ kind: 'segment-size', file: path, offset: start, what, matters: true, advice: 'settings' });
      continue;
    }
    const isLast = i === names.length - 1;
    if (found.size === 0 && isLast) continue;
    if (found.size !== size) {
      // A crash while the newest file was made: the next start lets it grow.
      const isYoung = isLast && state !== 'clean';
      const what = `has ${counted(found.size, 'byte')}, the others have ${size}`;
      findings.add({
        kind: 'segment-size',
        file: path,
        offset: start,
        what,
        matters: !isYoung,
        advice: isYoung ? 'nothing' : 'restore',
      });
    }
    const before = starts.at(-1);
    if (before !== undefined && before + size !== start) {
      const isYoung = state === 'crashed' && before + size >= flushedTo;
      const what = isYoung
        ? 'the file before it is missing: none of the two was ever flushed, the next start removes what is there'
        : `the file before it, ${fileNameOf(start - size)}, is missing: a broker refuses to start`;
      const advice = isYoung ? 'nothing' : 'restore';
      findings.add({ kind: 'segment-missing', file: path, offset: before + size, what, matters: !isYoung, advice });
    }
    starts.push(start);
  }
  return starts;
}

/** In order; what else is there is told. */
function segmentNames(disk: Disk, directory: string, findings: Findings): string[] {
  return disk.list(directory).filter((name) => {
    const path = join(directory, name);
    const isSegment = startByteOf(name) >= 0 && disk.stat(path)?.isDirectory !== true;
    if (!isSegment) addForeign(findings, path);
    return isSegment;
  });
}

function findIndexFiles(
  disk: Disk,
  { index }: StorePaths,
  { indexShape, state }: VerifyOptions,
  findings: Findings,
): IndexFileHead[] {
  for (const name of disk.list(index)) if (!/^\d{17}$/.test(name)) addForeign(findings, join(index, name));
  return indexHeads(disk, index, indexShape, state, findings);
}

/** The file system's own folder, where a store has a disk to itself: everybody passes it over. */
const LOST_AND_FOUND = 'lost+found';

export function addForeign(findings: Findings, path: string): void {
  if (basename(path) === LOST_AND_FOUND) return;
  const what = "does not belong there: RingMQ passes it over, Apache's broker may refuse to start";
  findings.add({ kind: 'foreign-file', file: path, offset: null, what, matters: false, advice: 'nothing' });
}
