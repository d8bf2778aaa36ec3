/**
 * What the scan of a queue has chosen for a pull: a status with the queue's bounds and the records to send, ascending by queue and log
 * offset. One object per net thread is filled again for each pull; cold pulls keep a copy.
 */
import { asLogOffset, asQueueOffset, type LogOffset, type QueueOffset } from '../base/units.ts';
import { ResponseCode } from '../remoting/codes.ts';
import type { PullCode, PullStatus } from '../remoting/pull-response-writer.ts';

export class PullSelection {
  status: PullStatus = 'NO_MESSAGE_IN_QUEUE';
  /** What the pull asked for. */
  offset: QueueOffset = asQueueOffset(0);
  nextBeginOffset: QueueOffset = asQueueOffset(0);
  minOffset: QueueOffset = asQueueOffset(0);
  maxOffset: QueueOffset = asQueueOffset(0);
  /** Log offset of the last entry that was looked at, chosen or not; -1 when none was. */
  lastScanned: LogOffset = asLogOffset(-1);
  count = 0;
  bodyLength = 0;
  /** Of the chosen records: log offset, size, and queue offset counted from {@link offset}. */
  readonly logOffsets: Float64Array;
  readonly sizes: Int32Array;
  readonly steps: Int32Array;

  constructor(recordsMax: number) {
    this.logOffsets = new Float64Array(recordsMax);
    this.sizes = new Int32Array(recordsMax);
    this.steps = new Int32Array(recordsMax);
  }

  get recordsMax(): number {
    return this.sizes.length;
  }

  begin(offset: QueueOffset, minOffset: QueueOffset, maxOffset: QueueOffset): void {
    this.offset = offset;
    this.minOffset = minOffset;
    this.maxOffset = maxOffset;
    this.lastScanned = asLogOffset(-1);
    this.count = 0;
    this.bodyLength = 0;
  }

  end(status: PullStatus, nextBeginOffset: number): void {
    this.status = status;
    this.nextBeginOffset = asQueueOffset(nextBeginOffset);
  }

  add(logOffset: number, size: number, step: number): void {
    const at = this.count++;
    this.logOffsets[at] = logOffset;
    this.sizes[at] = size;
    this.steps[at] = step;
    this.bodyLength += size;
  }

  /** Sends the first `count` records only, at least one; the next pull begins at the first that is left out. */
  keep(count: number): void {
    if (count >= this.count) return;
    this.nextBeginOffset = asQueueOffset(this.offset + this.steps[count]!);
    this.count = count;
    this.bodyLength = 0;
    for (let i = 0; i < count; i++) this.bodyLength += this.sizes[i]!;
  }

  /**
   * The log no longer holds what lies below `logStart`, the first record included: nothing is sent, and the next pull begins at the first
   * record that is still there. Upstream sends these at once, behind what is gone.
   */
  remove(logStart: number): void {
    let gone = 1;
    while (gone < this.count && this.logOffsets[gone]! < logStart) gone++;
    if (gone < this.count) this.nextBeginOffset = asQueueOffset(this.offset + this.steps[gone]!);
    this.status = 'MESSAGE_WAS_REMOVING';
    this.count = 0;
    this.bodyLength = 0;
  }

  /** The response code of the status (spec/api.md 8.3). */
  get code(): PullCode {
    switch (this.status) {
      case 'FOUND':
        return ResponseCode.SUCCESS;
      case 'NO_MATCHED_MESSAGE':
      case 'MESSAGE_WAS_REMOVING':
        return ResponseCode.PULL_RETRY_IMMEDIATELY;
      case 'NO_MATCHED_LOGIC_QUEUE':
      case 'NO_MESSAGE_IN_QUEUE':
        return this.offset === 0 ? ResponseCode.PULL_NOT_FOUND : ResponseCode.PULL_OFFSET_MOVED;
      case 'OFFSET_FOUND_NULL':
      case 'OFFSET_OVERFLOW_ONE':
        return ResponseCode.PULL_NOT_FOUND;
      default:
        return ResponseCode.PULL_OFFSET_MOVED;
    }
  }

  copy(): PullSelection {
    const copy = new PullSelection(this.count);
    copy.begin(this.offset, this.minOffset, this.maxOffset);
    copy.end(this.status, this.nextBeginOffset);
    copy.lastScanned = this.lastScanned;
    for (let i = 0; i < this.count; i++) copy.add(this.logOffsets[i]!, this.sizes[i]!, this.steps[i]!);
    return copy;
  }
}
