/**
 * What retention decides, without doing it: how full a disk is and what follows from that, whether it is time to delete, and which
 * segments of the log go (spec/store.md 15). Control asks at every look (threads/control/log-retention); net only sees the outcome.
 */
import type { DiskUsage } from './disk.ts';

const HOUR_MS = 3_600_000;

/** By upstream's names; the ratios are percents. */
export interface RetentionSettings {
  /** In hours, counted from when a file was last written to. */
  readonly fileReservedTime: number;
  /** Hours of the day, joined by `;`. */
  readonly deleteWhen: string;
  readonly deleteFileBatchMax: number;
  readonly diskMaxUsedSpaceRatio: number;
  readonly diskSpaceCleanForciblyRatio: number;
  readonly diskSpaceWarningLevelRatio: number;
  readonly cleanFileForciblyEnable: boolean;
}

/**
 * `warn`: what has expired goes at any hour. `clean`: the oldest goes whether it has expired or not. `refuse`: that, and no send is
 * taken.
 */
export type DiskLevel = 'normal' | 'warn' | 'clean' | 'refuse';

const LEVELS: readonly DiskLevel[] = ['normal', 'warn', 'clean', 'refuse'];

/** Why it is time to delete. */
export type RetentionCause = 'hour' | 'space' | 'manual';

/** What is known at a look. */
export interface RetentionLook {
  readonly nowMs: number;
  /** Of the day, where the broker is. */
  readonly hour: number;
  readonly level: DiskLevel;
  /** Looks that an operator has asked for and that are still to come, this one included. */
  readonly manualRuns: number;
}

/** The log's files as they are found. */
export interface RetainedLog {
  /** In order. */
  readonly starts: readonly number[];
  modifiedMs(start: number): number;
  /** False while its records are not flushed, or not durable in every queue; nor are then those of what follows. */
  mayGo(start: number): boolean;
}

export interface RetentionDecision {
  readonly cause: RetentionCause;
  /** Files go whether they have expired or not. */
  readonly isForced: boolean;
  /** Starts of the segments that go now, the oldest first. */
  readonly starts: readonly number[];
}

/** Percent of the file system that is used, rounded up as upstream does; -1 for a path that is not there. */
export function usedPercent(usage: DiskUsage | null): number {
  if (usage === null) return -1;
  const used = usage.total - usage.free;
  const whole = used + usage.usable;
  return whole <= 0 ? -1 : Math.ceil((used * 100) / whole);
}

export function levelOf(
  percent: number,
  settings: Pick<
    RetentionSettings,
    'diskSpaceWarningLevelRatio' | 'diskSpaceCleanForciblyRatio' | 'diskMaxUsedSpaceRatio'
  >,
): DiskLevel {
  if (percent > settings.diskSpaceWarningLevelRatio) return 'refuse';
  if (percent > settings.diskSpaceCleanForciblyRatio) return 'clean';
  return percent > settings.diskMaxUsedSpaceRatio ? 'warn' : 'normal';
}

export function worseLevel(one: DiskLevel, other: DiskLevel): DiskLevel {
  return LEVELS.indexOf(one) > LEVELS.indexOf(other) ? one : other;
}

/** Null when it is not time to delete. */
export function decideRetention(
  log: RetainedLog,
  settings: RetentionSettings,
  look: RetentionLook,
): RetentionDecision | null {
  const cause = causeOf(settings, look);
  if (cause === null) return null;
  const isForced = settings.cleanFileForciblyEnable && (look.level === 'clean' || look.level === 'refuse');
  const writtenBefore = look.nowMs - settings.fileReservedTime * HOUR_MS;
  const starts: number[] = [];
  for (const start of log.starts.slice(0, -1)) {
    if (starts.length >= settings.deleteFileBatchMax) break;
    if (!isForced && log.modifiedMs(start) > writtenBefore) break;
    if (!log.mayGo(start)) break;
    starts.push(start);
  }
  return { cause, isForced, starts };
}

/** The one that says most: a disk that fills up, then somebody who asked, then the hour. */
function causeOf({ deleteWhen }: RetentionSettings, { level, manualRuns, hour }: RetentionLook): RetentionCause | null {
  if (level !== 'normal') return 'space';
  if (manualRuns > 0) return 'manual';
  return hoursOf(deleteWhen).includes(hour) ? 'hour' : null;
}

function hoursOf(deleteWhen: string): number[] {
  return deleteWhen
    .split(';')
    .filter((hour) => hour !== '')
    .map(Number);
}
