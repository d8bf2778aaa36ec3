/** Gathers what `ringmq doctor` judges: reads and measures, changes nothing but one file that it removes again. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { textOrNull } from '../../bench/files.ts';
import type { BrokerSettings } from '../../broker/broker-settings.ts';
import { readVouched } from '../../store/checkpoint.ts';
import { type Disk, NodeDisk, openUnlessGone } from '../../store/disk.ts';
import { judgeIndexFiles } from '../../store/index-recovery.ts';
import { indexShapeOf } from '../../store/index-shape.ts';
import { knownSettings } from '../../store/known-settings.ts';
import { isIndexKept, wasStoppedInOrder } from '../../store/log-at-start.ts';
import { findLogEnds } from '../../store/log-ends.ts';
import { SystemProcesses } from '../../store/process-table.ts';
import { liveOwner } from '../../store/store-lock.ts';
import { type StorePaths, storePathsOf } from '../../store/store-paths.ts';
import { toldSizes } from '../../store/store-sizes.ts';
import { descriptorLimit } from '../../threads/descriptor-shares.ts';
import { memoryLimitBytes } from '../../threads/memory-limit.ts';
import type { ToolProgress } from '../tool-progress.ts';
import { probeDisk } from './disk-probe.ts';
import type { DiskFacts, IndexMisfit, MachineFacts, StoreFacts } from './facts.ts';

const KIB = 1024;
const US_PER_MS = 1000;

/** `settings`: null when they cannot be used. */
export function storeFacts(folder: string, settings: BrokerSettings | null): StoreFacts {
  const disk = new NodeDisk();
  const paths = storePathsOf(folder, settings?.storePathCommitLog);
  const told = toldSizes(disk, paths);
  const ends = findLogEnds(disk, paths, knownSettings(disk, paths).sizes);
  const exists = existsSync(folder);
  return {
    folder,
    exists,
    ownerProcess: exists ? liveOwner(disk, paths, new SystemProcesses(disk)) : null,
    ownerUserId: exists ? statSync(folder).uid : null,
    isWritable: isWritable(nearestFolder(folder)),
    isStoppedInOrder: wasStoppedInOrder(disk, paths),
    segmentSize: told.segmentSizeBytes,
    queueFileSize: told.queueFileSizeBytes,
    indexMisfit: settings === null ? null : findIndexMisfit(disk, paths, settings),
    logBytes: ends.end - ends.start,
    oldestStoreMs: ends.oldestStoreMs,
    newestStoreMs: ends.newestStoreMs,
  };
}

function findIndexMisfit(disk: Disk, paths: StorePaths, settings: BrokerSettings): IndexMisfit | null {
  if (!settings.messageIndexEnable) return null;
  const shape = { slots: settings.maxHashSlotNum, entries: settings.maxIndexNum };
  const cleanStop = wasStoppedInOrder(disk, paths) && isIndexKept(readVouched(disk, paths.checkpoint));
  const [refused] = judgeIndexFiles(disk, { directory: paths.index, shape }, cleanStop).refused;
  if (refused === undefined) return null;
  const { path, sizeBytes, isFolder } = refused;
  if (isFolder) return { path, sizeBytes: null, shape: null };
  const file = openUnlessGone(disk, path);
  if (file === null) return null;
  try {
    return { path, sizeBytes, shape: indexShapeOf(file, sizeBytes) };
  } finally {
    file.close();
  }
}

/**
 * Measures the disk or the disks, and meanwhile whether the two clocks go alike. `commitLog`: where the log lies, if not in the folder. `begin`
 * is told how many disks are measured.
 */
export function diskAndMachineFacts(
  folder: string,
  commitLog: string | undefined,
  begin: (disks: number) => ToolProgress,
): { disk: DiskFacts; storeDisk: DiskFacts | null; machine: MachineFacts } {
  const wallMs = systemClock.nowMs();
  const monotonicUs = systemClock.monotonicUs();
  const root = nearestFolder(folder);
  const log = commitLog === undefined ? root : nearestFolder(commitLog);
  const { disk, storeDisk } = probeDisks(root, log, begin);
  const passedMs = (systemClock.monotonicUs() - monotonicUs) / US_PER_MS;
  const nowMs = systemClock.nowMs();
  const machine: MachineFacts = {
    cores: cpus().length,
    memoryBytes: totalmem(),
    memoryLimitBytes: memoryLimitBytes(),
    availableBytes: availableMemory(),
    nowMs,
    wallDriftMs: Math.round(nowMs - wallMs - passedMs),
    measuredMs: Math.round(passedMs),
    descriptorLimit: descriptorLimit(new NodeDisk()),
    userId: process.getuid?.() ?? null,
    dirtyRatio: kernelNumber('dirty_ratio'),
    dirtyBackgroundRatio: kernelNumber('dirty_background_ratio'),
    swappiness: kernelNumber('swappiness'),
  };
  return { disk, storeDisk, machine };
}

function probeDisks(
  root: string,
  log: string,
  begin: (disks: number) => ToolProgress,
): { disk: DiskFacts; storeDisk: DiskFacts | null } {
  const isOne = statSync(root).dev === statSync(log).dev;
  const progress = begin(isOne ? 1 : 2);
  const advance = (share: number): void => progress.advance(share);
  try {
    return { disk: probeDisk(log, advance), storeDisk: isOne ? null : probeDisk(root, advance) };
  } finally {
    progress.end();
  }
}

function availableMemory(): number | null {
  const kib = /^MemAvailable:\s+(\d+) kB/m.exec(textOrNull('/proc/meminfo') ?? '')?.[1];
  return kib === undefined ? null : Number(kib) * KIB;
}

function kernelNumber(name: string): number | null {
  const text = textOrNull(`/proc/sys/vm/${name}`);
  return text === null ? null : Number(text);
}

/** The folder itself, or the nearest one above it that is there. */
function nearestFolder(folder: string): string {
  let nearest = resolve(folder);
  while (!existsSync(nearest)) nearest = dirname(nearest);
  return nearest;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
