/**
 * Answers to stored sends (spec/api.md 5.2, 5.3) without a string or an object per answer. Called by net for each send; answers that
 * report an error, and those of batches with several message ids, take the general path.
 *
 * An answer is mostly like one before: some are kept, and the next is a copy with five places written anew. Where the code, the stage or the
 * length of a place is another, the answer is written from its parts and kept instead.
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

/** An answer that was sent, and where its values lie in it; each ends where the next name, or the header's end, begins. */
interface KeptAnswer {
  readonly bytes: Uint8Array;
  readonly code: StoredCode;
  readonly durability: DurabilityStage;
  readonly logOffsetAt: number;
  readonly queueIdAt: number;
  readonly queueIdEnd: number;
  readonly queueOffsetAt: number;
  readonly queueOffsetEnd: number;
  /** Both 0 without a transaction id. */
  readonly transactionIdAt: number;
  readonly transactionIdEnd: number;
  readonly opaqueAt: number;
  readonly opaqueEnd: number;
}

/** Answers of several connections and queues take turns; those whose numbers have about as many digits are kept at one place. */
const KEPT_MAX = 64;

function placeOf(opaque: number, queueOffset: number): number {
  return (Math.clz32(opaque) * 7 + Math.clz32(queueOffset)) % KEPT_MAX;
}

export class SendResponseWriter {
  readonly #header: ResponseHeader;
  /** One front for each durability stage; each ends before the offset in the message id. */
  readonly #fronts: readonly Uint8Array[];
  readonly #queueId: Uint8Array;
  readonly #queueOffset: Uint8Array;
  readonly #transactionId: Uint8Array;
  readonly #sizeMaxWithoutText: number;
  readonly #kept: (KeptAnswer | null)[] = new Array(KEPT_MAX).fill(null);

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
    const place = placeOf(opaque, queueOffset);
    const kept = this.#kept[place] ?? null;
    const isLike =
      kept !== null &&
      code === kept.code &&
      durability === kept.durability &&
      this.#copy(
        kept,
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
    if (isLike) return kept.bytes.length;
    const header = this.#header;
    const front = this.#fronts[DURABILITY_STAGES.indexOf(durability)]!;
    into.set(front, at);
    const logOffsetAt = at + front.length;
    putHexInt64(into, logOffsetAt, logOffset);
    const queueIdEnd = header.putNumber(into, logOffsetAt + HEX_INT64_BYTES, this.#queueId, queueId);
    const queueOffsetEnd = header.putNumber(into, queueIdEnd, this.#queueOffset, queueOffset);
    const hasId = transactionIdStart < transactionIdEnd;
    const idEnd = hasId
      ? header.putText(into, queueOffsetEnd, this.#transactionId, transactionId, transactionIdStart, transactionIdEnd)
      : queueOffsetEnd;
    const end = header.finish(into, at, idEnd, code, opaque, 0);
    const opaqueAt = header.opaqueAt(into, at, end);
    this.#kept[place] = {
      bytes: Uint8Array.prototype.slice.call(into, at, end),
      code,
      durability,
      logOffsetAt: logOffsetAt - at,
      queueIdAt: logOffsetAt + HEX_INT64_BYTES + this.#queueId.length - at,
      queueIdEnd: queueIdEnd - at,
      queueOffsetAt: queueIdEnd + this.#queueOffset.length - at,
      queueOffsetEnd: queueOffsetEnd - at,
      transactionIdAt: hasId ? queueOffsetEnd + this.#transactionId.length - at : 0,
      transactionIdEnd: hasId ? idEnd - at : 0,
      opaqueAt: opaqueAt - at,
      opaqueEnd: header.putOpaque(into, opaqueAt, opaque) - at,
    };
    return end - at;
  }

  /** The kept answer with other values; false, and garbage at `at`, when one of them has another length. */
  #copy(
    kept: KeptAnswer,
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
    const textAt = at + kept.transactionIdAt;
    const textEnd = at + kept.transactionIdEnd;
    if (transactionIdEnd - transactionIdStart !== textEnd - textAt) return false;
    into.set(kept.bytes, at);
    putHexInt64(into, at + kept.logOffsetAt, logOffset);
    return (
      header.putNumber(into, at + kept.queueIdAt, NAMED, queueId) === at + kept.queueIdEnd &&
      header.putNumber(into, at + kept.queueOffsetAt, NAMED, queueOffset) === at + kept.queueOffsetEnd &&
      (textAt === textEnd ||
        header.putText(into, textAt, NAMED, transactionId, transactionIdStart, transactionIdEnd) === textEnd) &&
      header.putOpaque(into, at + kept.opaqueAt, opaque) === at + kept.opaqueEnd
    );
  }
}
