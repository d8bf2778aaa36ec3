/** The store that a tool is pointed at: where its parts lie and how large its files are, by the settings that are given and by the files. */
import { dirname, resolve } from 'node:path';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import { BROKER_NAMES, type Resolved, resolveBroker } from '../config/resolve.ts';
import { NO_INDEX_KEPT } from '../layout/checkpoint-file.ts';
import type { IndexFileShape } from '../layout/index-file.ts';
import { readVouched } from '../store/checkpoint.ts';
import type { Disk } from '../store/disk.ts';
import { Findings } from '../store/findings.ts';
import { indexHeads } from '../store/index-heads.ts';
import { isStore } from '../store/store-folder.ts';
import { type StorePaths, storePathsOf } from '../store/store-paths.ts';
import { type KnownSizes, knownSizes, type StoreSizes } from '../store/store-sizes.ts';
import { gather } from './server-options.ts';

export interface StoreFlags {
  readonly config?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
}

export interface StoreArguments extends KnownSizes {
  readonly paths: StorePaths;
  readonly indexShape: IndexFileShape | undefined;
  /** Whether there is to be a key index. */
  readonly wantsIndex: boolean;
}

/** Throws ConfigurationError for settings that cannot be used, and an error for a folder that is no store. */
export function storeArguments(disk: Disk, folder: string, options: StoreFlags): StoreArguments {
  const root = resolve(folder);
  const resolved = resolveBroker(gather(options, { storePathRootDir: ['the folder', root] }, BROKER_NAMES));
  const paths = storePathsOf(root, resolved.settings.storePathCommitLog);
  for (const path of [root, paths.commitLog]) refuseFile(disk, path);
  if (disk.stat(root) === null) throw new Error(`${root} is not there`);
  if (!isStore(disk, paths))
    throw new Error(`${root} is no store: it has no commitlog, no consumequeue and no checkpoint`);
  const { settings, origins } = resolved;
  const wantsIndex = origins.has('messageIndexEnable') ? settings.messageIndexEnable : keepsIndex(disk, paths);
  return { paths, ...knownSizes(disk, paths, givenSizes(resolved)), indexShape: givenShape(resolved), wantsIndex };
}

/** By what was said at the last stop: only there is it known that none is kept. */
function keepsIndex(disk: Disk, { checkpoint }: StorePaths): boolean {
  const vouched = readVouched(disk, checkpoint);
  return vouched === null || vouched.stoppedAt < 0 || vouched.indexEnd !== NO_INDEX_KEPT;
}

/** Null for what is no whole number from 0 on, or too large to be exact. */
export function wholeNumber(text: string): number | null {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : null;
}

/** Throws when there is a file where a folder is wanted, or on the way to it. */
export function refuseFile(disk: Disk, folder: string): void {
  const parent = dirname(folder);
  if (parent !== folder) refuseFile(disk, parent);
  if (disk.stat(folder)?.isDirectory === false) throw new Error(`${folder} is a file, not a folder of a store`);
}

/** Whether nothing tells the shape of the index, neither settings nor files. */
export function isIndexShapeAssumed(disk: Disk, { paths, sizes, indexShape }: StoreArguments): boolean {
  const index = { directory: paths.index, given: undefined, state: 'clean', sizes } as const;
  return indexShape === undefined && indexHeads(disk, index, new Findings()).length === 0;
}

/** Only what somebody has given: a default says nothing of this store. */
function givenSizes({ settings, origins }: Resolved<BrokerSettings>): Partial<StoreSizes> {
  return {
    ...(origins.has('mappedFileSizeCommitLog') ? { segmentSizeBytes: settings.mappedFileSizeCommitLog } : {}),
    ...(origins.has('mappedFileSizeConsumeQueue') ? { queueFileSizeBytes: settings.mappedFileSizeConsumeQueue } : {}),
  };
}

function givenShape({ settings, origins }: Resolved<BrokerSettings>): IndexFileShape | undefined {
  const isGiven = origins.has('maxHashSlotNum') || origins.has('maxIndexNum');
  return isGiven ? { slots: settings.maxHashSlotNum, entries: settings.maxIndexNum } : undefined;
}
