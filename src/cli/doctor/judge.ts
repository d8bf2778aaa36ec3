/** What the facts of `ringmq doctor` mean: one line for each thing that was looked at. Pure, so that a test can make up a machine. */
import { duration } from '../../bench/quantities.ts';
import { levelOf, usedPercent } from '../../store/retention.ts';
import { sizeText, timeText } from '../tool-output.ts';
import { type DoctorLine, line } from './doctor-line.ts';
import type { DoctorFacts, SyncLatency } from './facts.ts';
import { judgeSettings } from './judge-settings.ts';

/** A disk that has to wait for its medium or its battery takes longer. */
const SYNC_SUSPICIOUS_US = 20;
const SYNC_SLOW_US = 20_000;
const WRITE_SLOW_BYTES_PER_SECOND = 50 * 2 ** 20;
const CLOCK_DRIFT_MAX_MS = 50;
const CLOCK_SLACK_MS = 1000;
const US_PER_MS = 1000;
const MEMORY_LOW_BYTES = 512 * 2 ** 20;
const NO_DISK_KINDS = /^(?:tmpfs|ramfs)\b/;
const NETWORK_KINDS = /^(?:nfs4?|cifs|smb3|ceph|glusterfs|fuse\.sshfs|9p)\b/;

export function judge(facts: DoctorFacts): DoctorLine[] {
  return [
    ...judgeStore(facts),
    ...judgeSync(facts),
    judgeWrites(facts),
    judgeSpace(facts),
    ...judgeStoreDisk(facts),
    ...judgeMemory(facts),
    ...judgeClock(facts),
    ...judgeSettings(facts),
  ];
}

function judgeStore({ store, machine }: DoctorFacts): DoctorLine[] {
  const lines: DoctorLine[] = [];
  if (!store.exists) {
    lines.push(line('ok', 'store', store.folder, 'is not there yet: a broker makes it'));
  } else {
    const log = `${store.folder}, ${sizeText(store.logBytes)} of log`;
    const owner =
      store.ownerProcess === null
        ? 'no broker has it open'
        : `process ${store.ownerProcess} has it open: its load shows in the figures`;
    lines.push(line('ok', 'store', log, owner));
  }
  if (!store.isWritable) {
    lines.push(
      line(
        'bad',
        'permissions',
        `user ${machine.userId ?? 'unknown'}`,
        'may not write there: run as its owner, or chown it',
      ),
    );
  } else if (store.ownerUserId !== null && machine.userId !== null && store.ownerUserId !== machine.userId) {
    const users = `user ${store.ownerUserId} owns it, this is ${machine.userId}`;
    lines.push(
      line(
        'warn',
        'permissions',
        users,
        'a broker of this user makes files that its owner cannot write: run as the owner',
      ),
    );
  }
  return lines;
}

function judgeSync({ disk, settings }: DoctorFacts): DoctorLine[] {
  if (disk.problem !== null) return [line('bad', 'disk', disk.folder, `could not be measured: ${disk.problem}`)];
  const lines: DoctorLine[] = [];
  if (NO_DISK_KINDS.test(disk.kind)) {
    lines.push(
      line('bad', 'file system', disk.kind, 'is memory: everything is lost with the power, whatever is acknowledged'),
    );
  } else if (NETWORK_KINDS.test(disk.kind)) {
    lines.push(
      line('warn', 'file system', disk.kind, 'lies on another machine: the store lock does not see brokers elsewhere'),
    );
  } else {
    lines.push(line('ok', 'file system', disk.kind, ''));
  }
  const isSync = settings?.flushDiskType === 'SYNC_FLUSH';
  lines.push(
    syncLine('fdatasync, written blocks', disk.zeroedSync!, isSync, 'the least that a send with sync flush waits'),
  );
  lines.push(
    syncLine(
      'fdatasync, new blocks',
      disk.sparseSync!,
      isSync,
      'the same where the log grows into a hole (zeroWriteNextSegment avoids it)',
    ),
  );
  return lines;
}

function syncLine(what: string, { p50Us, p99Us }: SyncLatency, isSync: boolean, means: string): DoctorLine {
  const figure = `p50 ${duration(p50Us)}, p99 ${duration(p99Us)}`;
  if (p50Us < SYNC_SUSPICIOUS_US) {
    const doubt =
      'too quick for a disk that honours it: a loss of power may take messages that were acknowledged as flushed';
    return line(isSync ? 'bad' : 'warn', what, figure, doubt);
  }
  if (p50Us > SYNC_SLOW_US) return line('warn', what, figure, `${means}; slow`);
  return line('ok', what, figure, means);
}

/** Queues and index lie on another disk than the log. */
function judgeStoreDisk(facts: DoctorFacts): DoctorLine[] {
  const { storeDisk } = facts;
  if (storeDisk === null) return [];
  const other = { ...facts, disk: storeDisk };
  const lines = [...judgeSync(other), judgeWrites(other), judgeSpace(other)];
  return lines.map(({ verdict, what, figure, means }) => line(verdict, `${what} (queues, index)`, figure, means));
}

function judgeWrites({ disk }: DoctorFacts): DoctorLine {
  if (disk.writeBytesPerSecond === null) return line('warn', 'writes', 'not measured', '');
  const figure = `${sizeText(disk.writeBytesPerSecond)}/s`;
  const isSlow = disk.writeBytesPerSecond < WRITE_SLOW_BYTES_PER_SECOND;
  return line(
    isSlow ? 'warn' : 'ok',
    'writes',
    figure,
    isSlow ? 'sends cannot be faster than this for long' : 'to the disk, one short burst',
  );
}

/** Watermarks of an unknown broker are the defaults, in percent of the disk. */
const DEFAULT_WATERMARKS = {
  diskMaxUsedSpaceRatio: 75,
  diskSpaceCleanForciblyRatio: 85,
  diskSpaceWarningLevelRatio: 90,
};

function judgeSpace({ disk, settings }: DoctorFacts): DoctorLine {
  const { usedBytes, freeBytes } = disk;
  // As the broker counts it.
  const used = usedPercent({ total: usedBytes + freeBytes, free: freeBytes, usable: freeBytes });
  const figure = `${sizeText(disk.freeBytes)} of ${sizeText(disk.usedBytes + disk.freeBytes)} free, ${used} % used`;
  const marks = settings ?? DEFAULT_WATERMARKS;
  const clean = marks.diskMaxUsedSpaceRatio;
  const force = marks.diskSpaceCleanForciblyRatio;
  const refuse = marks.diskSpaceWarningLevelRatio;
  const level = levelOf(used, marks);
  if (level === 'refuse')
    return line('bad', 'space', figure, `above ${refuse} % (diskSpaceWarningLevelRatio): sends are refused`);
  if (level === 'clean') return line('warn', 'space', figure, `above ${force} %: files are deleted whatever their age`);
  if (level === 'warn')
    return line('warn', 'space', figure, `above ${clean} %: old files are deleted before deleteWhen`);
  return line('ok', 'space', figure, `watermarks at ${clean}, ${force} and ${refuse} %`);
}

function judgeMemory({ machine }: DoctorFacts): DoctorLine[] {
  const { memoryBytes, memoryLimitBytes, availableBytes, dirtyRatio, dirtyBackgroundRatio, swappiness } = machine;
  const lines: DoctorLine[] = [];
  const limit = memoryLimitBytes < memoryBytes ? `, control group allows ${sizeText(memoryLimitBytes)}` : '';
  const free = availableBytes === null ? '' : `, ${sizeText(availableBytes)} available`;
  const figure = `${sizeText(memoryBytes)}${limit}${free}`;
  const isLow = memoryLimitBytes < MEMORY_LOW_BYTES;
  lines.push(
    line(
      isLow ? 'warn' : 'ok',
      'memory',
      figure,
      isLow
        ? 'little is left for the page cache: reads come from the disk'
        : 'what is free keeps the newest log in the page cache',
    ),
  );
  if (dirtyRatio === null || dirtyBackgroundRatio === null) return lines;
  const kernel = `vm.dirty_ratio ${dirtyRatio}, vm.dirty_background_ratio ${dirtyBackgroundRatio}, vm.swappiness ${swappiness ?? '?'}`;
  const isTight = dirtyRatio > 0 && dirtyRatio < 5;
  lines.push(
    line(
      isTight ? 'warn' : 'ok',
      'kernel',
      kernel,
      isTight
        ? 'writers are held up when few pages are dirty: 10 or more'
        : 'RingMQ flushes by itself long before these',
    ),
  );
  return lines;
}

function judgeClock({ machine, store }: DoctorFacts): DoctorLine[] {
  const { nowMs, wallDriftMs, measuredMs } = machine;
  const lines: DoctorLine[] = [];
  const jumps = Math.abs(wallDriftMs) > CLOCK_DRIFT_MAX_MS;
  lines.push(
    line(
      jumps ? 'warn' : 'ok',
      'clock',
      `${timeText(nowMs)}, ${wallDriftMs} ms off in ${duration(measuredMs * US_PER_MS)}`,
      jumps ? 'wall time jumps: store times would' : 'wall time goes as monotonic time',
    ),
  );
  if (store.newestStoreMs === null) return lines;
  const ahead = store.newestStoreMs - nowMs;
  if (ahead > CLOCK_SLACK_MS) {
    const means = `${duration(ahead * US_PER_MS)} in the future: store times never go back, so new messages get this time until the clock has passed it`;
    lines.push(line('bad', 'newest message', timeText(store.newestStoreMs), means));
  } else {
    lines.push(line('ok', 'newest message', timeText(store.newestStoreMs), 'not in the future'));
  }
  return lines;
}
