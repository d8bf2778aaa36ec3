/**
 * Answers to stored sends (spec/api.md 5.2, 5.3) without a string or an object per answer. Called by net for each send; answers that
 * report an error, and those of batches with several message ids, take the general path.
 */
import { HEX_INT64_BYTES, putHexInt64 } from '../layout/ascii.ts';
import { hostIdPrefix } from '../layout/message-id.ts';
import { PropertyName } from '../layout/property-names.ts';
import type { SerializeType } from '../layout/remoting-frame.ts';
import type { ResponseCode } from './codes.ts';
import { DURABILITY_STAGES, type DurabilityStage } from './durability-stage.ts';
import {
  FINISH_SIZE_MAX_BYTES,
  NUMBER_SIZE_MAX_BYTES,
  type ResponseHeader,
  responseHeaderFor,
  TEXT_GROWTH_MAX,
} from './response-header.ts';

/** The codes of a stored message; any other is an error and has no offsets. */
export type StoredCode = (typeof ResponseCode)[
  | 'SUCCESS'
  | 'FLUSH_DISK_TIMEOUT'
  | 'SLAVE_NOT_AVAILABLE'
  | 'FLUSH_SLAVE_TIMEOUT'];

export class SendResponseWriter {
  readonly #header: ResponseHeader;
  /** One front for each durability stage; each ends before the offset in the message id. */
  readonly #fronts: readonly Uint8Array[];
  readonly #queueId: Uint8Array;
  readonly #queueOffset: Uint8Array;
  readonly #transactionId: Uint8Array;
  readonly #sizeMaxWithoutText: number;

  /** `storeHost`: the record's field (8 or 20 bytes). All answers of one broker in one serialization share a writer. */
  constructor(serializeType: SerializeType, storeHost: Uint8Array, regionId: string, traceOn: boolean) {
    this.#header = responseHeaderFor(serializeType);
    this.#fronts = DURABILITY_STAGES.map((stage) =>
      this.#header.front(
        null,
        [
          [PropertyName.MSG_REGION, regionId],
          [PropertyName.TRACE_ON, String(traceOn)],
          ['durability', stage],
          ['msgId', hostIdPrefix(storeHost)],
        ],
        HEX_INT64_BYTES,
      ),
    );
    this.#queueId = this.#header.fieldName('queueId');
    this.#queueOffset = this.#header.fieldName('queueOffset');
    this.#transactionId = this.#header.fieldName('transactionId');
    const names = this.#queueId.length + this.#queueOffset.length + this.#transactionId.length;
    const front = Math.max(...this.#fronts.map((bytes) => bytes.length));
    this.#sizeMaxWithoutText = front + HEX_INT64_BYTES + names + 2 * NUMBER_SIZE_MAX_BYTES + FINISH_SIZE_MAX_BYTES;
  }

  /** Room that {@link write} may need. */
  sizeMax(transactionIdLength: number): number {
    return this.#sizeMaxWithoutText + transactionIdLength * TEXT_GROWTH_MAX;
  }

  /**
   * Writes a whole frame to `into` at `at` and returns its size. The transaction id is the message's UNIQ_KEY, its bytes in
   * `transactionId[transactionIdStart, transactionIdEnd)`; an empty range leaves it out.
   */
  write(
    into: Uint8Array,
    at: number,
    opaque: number,
    code: StoredCode,
    queueId: number,
    queueOffset: number,
    logOffset: number,
    transactionId: Uint8Array,
    transactionIdStart: number,
    transactionIdEnd: number,
    durability: DurabilityStage,
  ): number {
    const header = this.#header;
    const front = this.#fronts[DURABILITY_STAGES.indexOf(durability)]!;
    into.set(front, at);
    let next = at + front.length;
    putHexInt64(into, next, logOffset);
    next = header.putNumber(into, next + HEX_INT64_BYTES, this.#queueId, queueId);
    next = header.putNumber(into, next, this.#queueOffset, queueOffset);
    if (transactionIdStart < transactionIdEnd) {
      next = header.putText(into, next, this.#transactionId, transactionId, transactionIdStart, transactionIdEnd);
    }
    return header.finish(into, at, next, code, opaque, 0) - at;
  }
}
