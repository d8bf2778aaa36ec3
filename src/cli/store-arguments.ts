/** The store that a tool is pointed at: where its parts lie and how large its files are, by the settings that are given and by the files. */
import { dirname, resolve } from 'node:path';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import { BROKER_NAMES, type Resolved, resolveBroker } from '../config/resolve.ts';
import type { Disk } from '../store/disk.ts';
import { type GivenSettings, type KnownSettings, knownSettings } from '../store/known-settings.ts';
import { isStore } from '../store/store-folder.ts';
import { type StorePaths, storePathsOf } from '../store/store-paths.ts';
import { gather } from './server-options.ts';

export interface StoreFlags {
  readonly config?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
}

export interface StoreArguments extends KnownSettings {
  readonly paths: StorePaths;
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
  return { paths, ...knownSettings(disk, paths, givenSettings(resolved)) };
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

/** Only what somebody has given: a default says nothing of this store. */
function givenSettings({ settings, origins }: Resolved<BrokerSettings>): GivenSettings {
  const hasShape = origins.has('maxHashSlotNum') || origins.has('maxIndexNum');
  return {
    sizes: {
      ...(origins.has('mappedFileSizeCommitLog') && { segmentSizeBytes: settings.mappedFileSizeCommitLog }),
      ...(origins.has('mappedFileSizeConsumeQueue') && { queueFileSizeBytes: settings.mappedFileSizeConsumeQueue }),
    },
    ...(hasShape && { indexShape: { slots: settings.maxHashSlotNum, entries: settings.maxIndexNum } }),
    ...(origins.has('messageIndexEnable') && { wantsIndex: settings.messageIndexEnable }),
  };
}
