/**
 * What a repair that is interrupted leaves for the next one: that there was one, which the checkpoint says, and the settings that it went by,
 * because the files that told them may be gone. These lie in a file of the store's folder, on the disk before anything is taken away. They
 * count only as long as the checkpoint says so: what a broker has made since may be of other settings.
 */
import type { Vouched } from '../layout/checkpoint-file.ts';
import type { IndexFileShape } from '../layout/index-file.ts';
import { QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { hasFolder, readVouched } from './checkpoint.ts';
import { type Disk, removeIfThere, replaceFile } from './disk.ts';
import { type FoundSettings, findSettings } from './settings-file.ts';
import type { StorePaths } from './store-paths.ts';
import { SIZE_SETTINGS, type StoreSizes } from './store-sizes.ts';

/** In the checkpoint the number of queues, and of their entries, which no broker says. */
export const UNFINISHED = -1;

/** Whether a repair has said it that has not come to its end. */
export function isUnfinishedRepair(vouched: Vouched | null): boolean {
  return vouched?.queueCount === UNFINISHED;
}

/** What the repair knew; what it did not is left out. */
export interface RepairSettings {
  readonly sizes: Partial<StoreSizes>;
  readonly indexShape: IndexFileShape | undefined;
  /** Whether there is to be a key index. */
  readonly wantsIndex: boolean;
}

export const INDEX_SETTING_NAMES = {
  slots: 'maxHashSlotNum',
  entries: 'maxIndexNum',
  wanted: 'messageIndexEnable',
} as const;

/** Durable when this returns. What there was stays when this throws. */
export function keepRepairSettings(disk: Disk, { repairSettings }: StorePaths, settings: RepairSettings): void {
  const { sizes, indexShape, wantsIndex } = settings;
  const named = {
    [SIZE_SETTINGS.segmentSizeBytes]: sizes.segmentSizeBytes,
    [SIZE_SETTINGS.queueFileSizeBytes]: sizes.queueFileSizeBytes,
    [INDEX_SETTING_NAMES.slots]: indexShape?.slots,
    [INDEX_SETTING_NAMES.entries]: indexShape?.entries,
    [INDEX_SETTING_NAMES.wanted]: wantsIndex,
  };
  try {
    replaceFile(disk, repairSettings, Buffer.from(`${JSON.stringify(named, null, 2)}\n`));
  } catch (error) {
    removeIfThere(disk, `${repairSettings}.tmp`);
    throw error;
  }
}

/** What counts of them: missing where no repair is unfinished. */
export function findRepairSettings(
  disk: Disk,
  { checkpoint, repairSettings }: StorePaths,
): FoundSettings<RepairSettings> {
  if (!isUnfinishedRepair(readVouched(disk, checkpoint))) return { kind: 'missing' };
  if (hasFolder(disk, repairSettings)) return { kind: 'missing' };
  return findSettings(disk, repairSettings, parse);
}

/** The repair is through, or a broker takes the store. Durable when this returns. */
export function forgetRepairSettings(disk: Disk, { root, repairSettings }: StorePaths): void {
  const files = [repairSettings, `${repairSettings}.tmp`].filter((path) => disk.stat(path)?.isDirectory === false);
  if (files.length === 0) return;
  for (const path of files) disk.unlink(path);
  disk.syncDirectory(root);
}

/** Throws for what no repair has written. */
function parse(text: string): RepairSettings {
  const members: unknown = JSON.parse(text);
  if (typeof members !== 'object' || members === null) throw new Error('no object');
  const named = new Map(Object.entries(members));
  const segmentSizeBytes = numberNamed(named, SIZE_SETTINGS.segmentSizeBytes, 1);
  const queueFileSizeBytes = numberNamed(named, SIZE_SETTINGS.queueFileSizeBytes, QUEUE_ENTRY_BYTES);
  const slots = numberNamed(named, INDEX_SETTING_NAMES.slots, 1);
  const entries = numberNamed(named, INDEX_SETTING_NAMES.entries, 1);
  const wantsIndex: unknown = named.get(INDEX_SETTING_NAMES.wanted);
  if (typeof wantsIndex !== 'boolean') throw new Error(`${INDEX_SETTING_NAMES.wanted} is not in it`);
  return {
    sizes: {
      ...(segmentSizeBytes !== undefined && { segmentSizeBytes }),
      ...(queueFileSizeBytes !== undefined && { queueFileSizeBytes }),
    },
    indexShape: slots === undefined || entries === undefined ? undefined : { slots, entries },
    wantsIndex,
  };
}

const INT32_MAX = 2 ** 31 - 1;

/** A multiple of `unit`; undefined when it is left out. */
function numberNamed(named: ReadonlyMap<string, unknown>, name: string, unit: number): number | undefined {
  const value = named.get(name);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value > 0 && value <= INT32_MAX && value % unit === 0) return value;
  throw new Error(`${name} is ${JSON.stringify(value)}`);
}
