/**
 * Answers to stored sends (spec/api.md 5.2, 5.3) without a string or an object per answer. Called by net for each send; answers that
 * report an error, and those of batches with several message ids, take the general path.
 *
 * An answer is mostly like the one before: the last one is kept, and the next is a copy of it with five places written anew. When one of
 * them has another length, the answer is written from its parts and kept instead.
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

/** The name of a place that has its name already. */
const NAMED = new Uint8Array(0);

export class SendResponseWriter {
  readonly #header: ResponseHeader;
  /** One front for each durability stage; each ends before the offset in the message id. */
  readonly #fronts: readonly Uint8Array[];
  readonly #queueId: Uint8Array;
  readonly #queueOffset: Uint8Array;
  readonly #transactionId: Uint8Array;
  readonly #sizeMaxWithoutText: number;
  /** The last answer, empty before the first, and where its values lie; each ends where the next name, or the header's end, begins. */
  #last: Uint8Array = NAMED;
  #lastCode = 0;
  #lastStage: DurabilityStage = 'written';
  #logOffsetAt = 0;
  #queueIdAt = 0;
  #queueIdEnd = 0;
  #queueOffsetAt = 0;
  #queueOffsetEnd = 0;
  /** Both 0 without a transaction id. */
  #transactionIdAt = 0;
  #transactionIdEnd = 0;
  #opaqueAt = 0;
  #opaqueEnd = 0;

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
    const isLike =
      code === this.#lastCode &&
      durability === this.#lastStage &&
      this.#copyLast(
        into,
        at,
        opaque,
        queueId,
        queueOffset,
        logOffset,
        transactionId,
        transactionIdStart,
        transactionIdEnd,
      );
    if (isLike) return this.#last.length;
    const header = this.#header;
    const front = this.#fronts[DURABILITY_STAGES.indexOf(durability)]!;
    into.set(front, at);
    this.#lastCode = code;
    this.#lastStage = durability;
    this.#logOffsetAt = front.length;
    let next = at + front.length;
    putHexInt64(into, next, logOffset);
    next += HEX_INT64_BYTES;
    this.#queueIdAt = next + this.#queueId.length - at;
    next = header.putNumber(into, next, this.#queueId, queueId);
    this.#queueIdEnd = next - at;
    this.#queueOffsetAt = next + this.#queueOffset.length - at;
    next = header.putNumber(into, next, this.#queueOffset, queueOffset);
    this.#queueOffsetEnd = next - at;
    const hasId = transactionIdStart < transactionIdEnd;
    this.#transactionIdAt = hasId ? next + this.#transactionId.length - at : 0;
    if (hasId) {
      next = header.putText(into, next, this.#transactionId, transactionId, transactionIdStart, transactionIdEnd);
    }
    this.#transactionIdEnd = hasId ? next - at : 0;
    const end = header.finish(into, at, next, code, opaque, 0);
    this.#opaqueAt = header.opaqueAt(into, at, end) - at;
    this.#opaqueEnd = header.putOpaque(into, at + this.#opaqueAt, opaque) - at;
    this.#last = Uint8Array.prototype.slice.call(into, at, end);
    return end - at;
  }

  /** The last answer with other values; false, and garbage at `at`, when one of them has another length. */
  #copyLast(
    into: Uint8Array,
    at: number,
    opaque: number,
    queueId: number,
    queueOffset: number,
    logOffset: number,
    transactionId: Uint8Array,
    transactionIdStart: number,
    transactionIdEnd: number,
  ): boolean {
    const header = this.#header;
    const textAt = at + this.#transactionIdAt;
    const textEnd = at + this.#transactionIdEnd;
    if (transactionIdEnd - transactionIdStart !== textEnd - textAt) return false;
    into.set(this.#last, at);
    putHexInt64(into, at + this.#logOffsetAt, logOffset);
    return (
      header.putNumber(into, at + this.#queueIdAt, NAMED, queueId) === at + this.#queueIdEnd &&
      header.putNumber(into, at + this.#queueOffsetAt, NAMED, queueOffset) === at + this.#queueOffsetEnd &&
      (textAt === textEnd ||
        header.putText(into, textAt, NAMED, transactionId, transactionIdStart, transactionIdEnd) === textEnd) &&
      header.putOpaque(into, at + this.#opaqueAt, opaque) === at + this.#opaqueEnd
    );
  }
}
