/**
 * Keeps the `checkpoint` file, from which a start after a crash takes how far back it has to look. Flush writes it, control at a start that
 * finds nothing of RingMQ's there and at a stop; it never names a store time before everything up to it is on the disk, in the log and in
 * every queue.
 */

import { dirname } from 'node:path';
import { assert } from '../base/assert.ts';
import {
  CHECKPOINT_FILE_BYTES,
  type CheckpointFields,
  decodeCheckpoint,
  decodeVouched,
  encodeCheckpoint,
  type Vouched,
} from '../layout/checkpoint-file.ts';
import { type Disk, type DiskFile, isMissing, isShortage, replaceFile, writeFully } from './disk.ts';

/** How far upstream goes back behind the named times, because store times are not in order to the millisecond (spec/store.md 10.1). */
const SLACK_MS = 3000;

export const EMPTY_CHECKPOINT: CheckpointFields = {
  logTimestamp: 0,
  queuesTimestamp: 0,
  indexTimestamp: 0,
  masterFlushedOffset: 0,
  confirmedOffset: 0,
};

/** What the file says; zeros when there is none, it is too short, or it names what is no time. */
export function readCheckpoint(disk: Disk, path: string): CheckpointFields {
  const fields = decodeCheckpoint(contents(disk, path)) ?? EMPTY_CHECKPOINT;
  return namesTimes(fields) ? fields : EMPTY_CHECKPOINT;
}

/** What counts of the file. */
export interface FoundCheckpoint {
  /** Zeros when there is none, it is too short or damaged. */
  readonly fields: CheckpointFields;
  /** It names times that no broker has written there. */
  readonly isDamaged: boolean;
}

/**
 * A broker names no time that has not come yet, unless its clock was ahead: then its records have such times as well. Times later than the
 * newest record alone are no damage: upstream names what is in a queue, or in a buffer of the log, and a crash may take that from the log.
 * `newestStoreMs` is asked for the store time of the newest record only when it matters.
 */
export function findCheckpoint(disk: Disk, path: string, nowMs: number, newestStoreMs: () => number): FoundCheckpoint {
  const fields = decodeCheckpoint(contents(disk, path)) ?? EMPTY_CHECKPOINT;
  const isDamaged = !namesTimes(fields, nowMs) && !namesTimes(fields, Math.max(nowMs, newestStoreMs()));
  return { fields: isDamaged ? EMPTY_CHECKPOINT : fields, isDamaged };
}

/** Times, that is, and none later than `latestMs`. */
export function namesTimes(
  { logTimestamp, queuesTimestamp, indexTimestamp }: CheckpointFields,
  latestMs = Number.MAX_SAFE_INTEGER,
): boolean {
  return [logTimestamp, queuesTimestamp, indexTimestamp].every((time) => time >= 0 && time <= latestMs);
}

/** What RingMQ itself has said there; null when it has not, or somebody else has written the file since. */
export function readVouched(disk: Disk, path: string): Vouched | null {
  return decodeVouched(contents(disk, path));
}

function contents(disk: Disk, path: string): Uint8Array {
  try {
    return disk.readWhole(path);
  } catch (error) {
    if (isMissing(error)) return new Uint8Array(0);
    throw error;
  }
}

/** Everything stored up to this time, in ms, is in the log and in the queues. */
export function safeTimestamp(checkpoint: CheckpointFields): number {
  return Math.max(0, Math.min(checkpoint.logTimestamp, checkpoint.queuesTimestamp) - SLACK_MS);
}

export class CheckpointWriter {
  readonly #disk: Disk;
  readonly #path: string;
  #file: DiskFile | null = null;
  #last: CheckpointFields;
  #hasWritten = false;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
    this.#last = readCheckpoint(disk, path);
  }

  /**
   * Replaces what is given and flushes the file. The fields lie in one sector, so a loss of power leaves the old ones or the new. False
   * on a shortage: the old checkpoint stays, from which a start has to look further back.
   */
  write(changes: Partial<CheckpointFields>, vouched: Vouched | null): boolean {
    const fields = { ...this.#last, ...changes };
    // What an earlier process has named may lie beyond a log that was cut since; what this one has named never does.
    if (this.#hasWritten) {
      assert(fields.logTimestamp >= this.#last.logTimestamp, 'the checkpoint of the log does not go back');
      assert(fields.queuesTimestamp >= this.#last.queuesTimestamp, 'the checkpoint of the queues does not go back');
    }
    try {
      this.#file ??= this.#disk.open(this.#path, 'create');
      writeFully(this.#file, encodeCheckpoint(fields, vouched), 0, CHECKPOINT_FILE_BYTES, 0);
      this.#file.sync();
      if (!this.#hasWritten) this.#disk.syncDirectory(dirname(this.#path));
    } catch (error) {
      if (isShortage(error)) return false;
      throw error;
    }
    this.#last = fields;
    this.#hasWritten = true;
    return true;
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }
}

/**
 * Says something of a store that is not served yet, beside what counts of upstream's fields. On the disk before it is there to be read: a
 * start that is killed here leaves nothing, or a file whose name the next one makes durable together with that of its `abort`.
 */
export function vouchAtStart(
  disk: Disk,
  path: string,
  vouched: Vouched,
  fields: CheckpointFields = readCheckpoint(disk, path),
): void {
  replaceFile(disk, path, encodeCheckpoint(fields, vouched));
}
