/**
 * The files of Apache's timer (spec/store.md 19): slots of `timerwheel`, units of `timerlog`, the head of `timercheck` in the config folder. Read by
 * `ringmq inspect`; RingMQ's broker has no timer yet.
 *
 * ```
 * slot   0             8                 16               24                32
 *        | second i64  | first unit i64  | last unit i64  | count i32 | ... |
 *
 * unit   0          4                12          16             24           28           36         40             44       52
 *        | size i32 | previous unit  | kind i32  | written at   | delay i32  | log offset | size i32 | topic hash   | reserved |
 *        | 52       | i64, -1 at end |           | i64 ms       | ms         | i64        |          | i32          | i64      |
 *
 * check  0                8                  16                  24               32
 *        | read up to i64 | log flushed i64  | queue offset i64  | master's i64   | version: state, time, counter i64 |
 * ```
 */
import { assert } from '../base/assert.ts';
import { readInt64 } from '../base/int64.ts';

export const TimerSlotAt = { second: 0, firstUnit: 8, lastUnit: 16, count: 24 } as const;
export const TIMER_SLOT_BYTES = 32;

export const TimerUnitAt = {
  size: 0,
  previousUnit: 4,
  kind: 12,
  writtenAt: 16,
  delayMs: 24,
  logOffset: 28,
  recordSize: 36,
  topicHash: 40,
  reserved: 44,
} as const;
export const TIMER_UNIT_BYTES = 52;

export const TimerCheckAt = { readUpTo: 0, logFlushedTo: 8, queueOffset: 16, masterQueueOffset: 24 } as const;
export const TIMER_CHECK_BYTES = 32;

assert(TimerUnitAt.reserved + 8 === TIMER_UNIT_BYTES, 'the reserved field ends the unit');
assert(TimerCheckAt.masterQueueOffset + 8 === TIMER_CHECK_BYTES, 'the master follows the queue offset');

export interface TimerSlot {
  /** Whole seconds since the epoch, with the default precision. */
  readonly second: number;
  readonly firstUnit: number;
  readonly lastUnit: number;
  readonly count: number;
}

export function readTimerSlot(view: DataView, at: number): TimerSlot {
  return {
    second: readInt64(view, at + TimerSlotAt.second),
    firstUnit: readInt64(view, at + TimerSlotAt.firstUnit),
    lastUnit: readInt64(view, at + TimerSlotAt.lastUnit),
    count: view.getInt32(at + TimerSlotAt.count),
  };
}

export interface TimerUnit {
  readonly previousUnit: number;
  /** Bits: 1 default, 2 to be filed again, 4 deletes. */
  readonly kind: number;
  readonly writtenAt: number;
  readonly delayMs: number;
  readonly logOffset: number;
  readonly recordSize: number;
  readonly topicHash: number;
}

/** The unit at `at`, or null when there is none: a filler or zeros. */
export function readTimerUnit(view: DataView, at: number): TimerUnit | null {
  if (view.getInt32(at + TimerUnitAt.size) !== TIMER_UNIT_BYTES) return null;
  return {
    previousUnit: readInt64(view, at + TimerUnitAt.previousUnit),
    kind: view.getInt32(at + TimerUnitAt.kind),
    writtenAt: readInt64(view, at + TimerUnitAt.writtenAt),
    delayMs: view.getInt32(at + TimerUnitAt.delayMs),
    logOffset: readInt64(view, at + TimerUnitAt.logOffset),
    recordSize: view.getInt32(at + TimerUnitAt.recordSize),
    topicHash: view.getInt32(at + TimerUnitAt.topicHash),
  };
}

export interface TimerCheck {
  readonly readUpTo: number;
  readonly logFlushedTo: number;
  readonly queueOffset: number;
  readonly masterQueueOffset: number;
}

/** Null when the file is too short to hold the fields. */
export function decodeTimerCheck(bytes: Uint8Array): TimerCheck | null {
  if (bytes.length < TIMER_CHECK_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    readUpTo: readInt64(view, TimerCheckAt.readUpTo),
    logFlushedTo: readInt64(view, TimerCheckAt.logFlushedTo),
    queueOffset: readInt64(view, TimerCheckAt.queueOffset),
    masterQueueOffset: readInt64(view, TimerCheckAt.masterQueueOffset),
  };
}
