/** How full the disks are, as request 28 tells it, by upstream's keys and in its way of writing. Part of control. */
import { type Disk, DiskFailedError } from '../../store/disk.ts';
import type { LogLevel } from '../thread-messages.ts';
import type { LogRetention } from './log-retention.ts';

const KIB = 1024;
const PREFIXES = 'KMGTPE';
const PERCENT = 100;

export function diskFigures(
  disk: Disk,
  logFolder: string,
  retention: Pick<LogRetention, 'percents'>,
  log: (level: LogLevel, message: string) => void,
): Record<string, string> {
  try {
    const { log: logPercent, queues } = retention.percents();
    const usage = disk.usage(logFolder) ?? { total: 0, free: 0 };
    return {
      commitLogDiskRatio: ratioText(logPercent),
      [`commitLogDiskRatio_${logFolder}`]: ratioText(logPercent),
      consumeQueueDiskRatio: ratioText(queues),
      commitLogDirCapacity: `Total : ${bytesText(usage.total)}, Free : ${bytesText(usage.free)}.`,
    };
  } catch (cause) {
    if (!(cause instanceof DiskFailedError)) throw cause;
    log('warn', `the room of the disk is not known: ${cause.message}`);
    return {};
  }
}

/** As Java prints a double. */
function ratioText(percent: number): string {
  if (percent < 0) return '-1.0';
  return percent % PERCENT === 0 ? (percent / PERCENT).toFixed(1) : String(percent / PERCENT);
}

/** 1536 is `1.5 KiB`. */
function bytesText(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  const power = Math.min(PREFIXES.length, Math.floor(Math.log(bytes) / Math.log(KIB)));
  return `${(bytes / KIB ** power).toFixed(1)} ${PREFIXES[power - 1]}iB`;
}
