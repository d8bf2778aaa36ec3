/**
 * The settings that a store's files are made by, as far as tools need them, which are not always given all: what is given counts, then what a
 * repair went by that has not come to its end, then what the files tell, then the defaults. Called by the command line's tools.
 */
import { NO_INDEX_KEPT } from '../layout/checkpoint-file.ts';
import type { IndexFileShape } from '../layout/index-file.ts';
import { readVouched } from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { Findings } from './findings.ts';
import { indexHeads } from './index-heads.ts';
import type { FoundSettings } from './settings-file.ts';
import type { StorePaths } from './store-paths.ts';
import {
  DEFAULT_STORE_SIZES,
  type SizeOrigin,
  type SizeOrigins,
  type StoreSizes,
  type ToldSize,
  toldSizes,
} from './store-sizes.ts';
import { findRepairSettings, type RepairSettings } from './unfinished-repair.ts';

export interface GivenSettings {
  readonly sizes?: Partial<StoreSizes>;
  readonly indexShape?: IndexFileShape;
  readonly wantsIndex?: boolean;
}

export interface KnownSettings {
  readonly sizes: StoreSizes;
  readonly origins: SizeOrigins;
  /** Undefined where only index files may tell it. */
  readonly indexShape: IndexFileShape | undefined;
  /** Whether there is to be a key index. */
  readonly wantsIndex: boolean;
  readonly given: GivenSettings;
  /** Of a repair that has not come to its end. */
  readonly unfinished: FoundSettings<RepairSettings>;
}

export function knownSettings(disk: Disk, paths: StorePaths, given: GivenSettings = {}): KnownSettings {
  const unfinished = findRepairSettings(disk, paths);
  const kept = unfinished.kind === 'read' ? unfinished.value : undefined;
  const told = toldSizes(disk, paths);
  const known = (name: keyof StoreSizes, size: ToldSize | null): { bytes: number; origin: SizeOrigin } => {
    const bytes = given.sizes?.[name] ?? kept?.sizes[name];
    if (bytes !== undefined) return { bytes, origin: 'sure' };
    if (size === null) return { bytes: DEFAULT_STORE_SIZES[name], origin: 'default' };
    return { bytes: size.bytes, origin: size.isSure ? 'sure' : 'guessed' };
  };
  const segments = known('segmentSizeBytes', told.segmentSizeBytes);
  const queues = known('queueFileSizeBytes', told.queueFileSizeBytes);
  return {
    sizes: { segmentSizeBytes: segments.bytes, queueFileSizeBytes: queues.bytes },
    origins: { segmentSizeBytes: segments.origin, queueFileSizeBytes: queues.origin },
    indexShape: given.indexShape ?? kept?.indexShape,
    wantsIndex: given.wantsIndex ?? kept?.wantsIndex ?? keepsIndex(disk, paths),
    given,
    unfinished,
  };
}

/** By what was said at the last stop: only there is it known that none is kept. */
function keepsIndex(disk: Disk, { checkpoint }: StorePaths): boolean {
  const vouched = readVouched(disk, checkpoint);
  return vouched === null || vouched.stoppedAt < 0 || vouched.indexEnd !== NO_INDEX_KEPT;
}

/** Whether nothing tells the shape of the index. */
export function isIndexShapeAssumed(disk: Disk, paths: StorePaths, { sizes, indexShape }: KnownSettings): boolean {
  const index = { directory: paths.index, given: undefined, state: 'clean', sizes } as const;
  return indexShape === undefined && indexHeads(disk, index, new Findings()).length === 0;
}
