/** The files of Apache's timer. RingMQ has no timer yet, so a look at them is all there is. Part of `ringmq inspect`. */
import {
  decodeTimerCheck,
  readTimerSlot,
  readTimerUnit,
  TIMER_SLOT_BYTES,
  TIMER_UNIT_BYTES,
} from '../../layout/timer-files.ts';
import type { Disk } from '../../store/disk.ts';
import { timeText } from '../tool-output.ts';
import type { Inspection, Shown } from './inspection.ts';

const NOT_BUILT = 'RingMQ keeps the file as it is and does not follow it: the timer is not built yet';
const MS_PER_SECOND = 1000;

export function inspectTimerWheel(disk: Disk, path: string, limit: number): Inspection {
  const bytes = disk.readWhole(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const rows: Shown[][] = [];
  let used = 0;
  for (let at = 0; at + TIMER_SLOT_BYTES <= bytes.length; at += TIMER_SLOT_BYTES) {
    const { second, firstUnit, lastUnit, count } = readTimerSlot(view, at);
    if (second === 0 || lastUnit < 0 || count === 0) continue;
    used++;
    if (rows.length < limit)
      rows.push([at / TIMER_SLOT_BYTES, timeText(second * MS_PER_SECOND), firstUnit, lastUnit, count]);
  }
  return {
    kind: 'timer wheel',
    path,
    facts: { slots: Math.floor(bytes.length / TIMER_SLOT_BYTES), 'slots in use': used },
    columns: ['slot', 'due', 'first unit at', 'last unit at', 'messages'],
    rows,
    notes: [NOT_BUILT],
  };
}

export function inspectTimerLog(disk: Disk, path: string, start: number, limit: number): Inspection {
  const bytes = disk.readWhole(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const rows: Shown[][] = [];
  let units = 0;
  for (let at = 0; at + TIMER_UNIT_BYTES <= bytes.length; at += TIMER_UNIT_BYTES) {
    const unit = readTimerUnit(view, at);
    if (unit === null) break;
    units++;
    if (rows.length === limit) continue;
    const { writtenAt, delayMs, logOffset, recordSize, kind, previousUnit } = unit;
    rows.push([start + at, timeText(writtenAt), delayMs, logOffset, recordSize, kind, previousUnit]);
  }
  return {
    kind: 'timer log',
    path,
    facts: { units, 'begins at': start, 'ends at': start + units * TIMER_UNIT_BYTES },
    columns: ['at', 'written', 'delay ms', 'log offset', 'size', 'kind', 'previous unit'],
    rows,
    notes: [NOT_BUILT],
  };
}

export function inspectTimerCheck(disk: Disk, path: string): Inspection {
  const check = decodeTimerCheck(disk.readWhole(path));
  if (check === null) return { kind: 'timer checkpoint', path, facts: {}, notes: ['too short to hold its fields'] };
  const { readUpTo, logFlushedTo, queueOffset, masterQueueOffset } = check;
  return {
    kind: 'timer checkpoint',
    path,
    facts: {
      'read up to': timeText(readUpTo),
      'log flushed to': logFlushedTo,
      'queue offset': queueOffset,
      "master's queue offset": masterQueueOffset,
    },
    notes: [NOT_BUILT],
  };
}
