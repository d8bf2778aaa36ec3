/**
 * The head of an answer to a pull: the frame up to its body, which follows from someone else's buffer (spec/api.md 8.1, 8.3). Called by
 * net for each pull; refusals take the general path.
 */
import type { SerializeType } from '../layout/remoting-frame.ts';
import type { ResponseCode } from './codes.ts';
import {
  FINISH_SIZE_MAX_BYTES,
  NUMBER_SIZE_MAX_BYTES,
  type ResponseHeader,
  responseHeaderFor,
} from './response-header.ts';

/** What a read of the store came to; goes out as the remark (spec/api.md 8.3). */
export const PULL_STATUSES = [
  'FOUND',
  'NO_MATCHED_MESSAGE',
  'MESSAGE_WAS_REMOVING',
  'OFFSET_FOUND_NULL',
  'OFFSET_OVERFLOW_BADLY',
  'OFFSET_OVERFLOW_ONE',
  'OFFSET_TOO_SMALL',
  'NO_MATCHED_LOGIC_QUEUE',
  'NO_MESSAGE_IN_QUEUE',
  'OFFSET_RESET',
] as const;
export type PullStatus = (typeof PULL_STATUSES)[number];

/** The codes that clients take for the result of a pull. */
export type PullCode = (typeof ResponseCode)[
  | 'SUCCESS'
  | 'PULL_NOT_FOUND'
  | 'PULL_RETRY_IMMEDIATELY'
  | 'PULL_OFFSET_MOVED'];

export class PullResponseWriter {
  readonly #header: ResponseHeader;
  readonly #fronts: readonly Uint8Array[];
  readonly #nextBeginOffset: Uint8Array;
  readonly #minOffset: Uint8Array;
  readonly #maxOffset: Uint8Array;
  readonly #suggestWhichBrokerId: Uint8Array;
  /** Room that {@link write} may need. */
  readonly sizeMax: number;

  constructor(serializeType: SerializeType) {
    const header = responseHeaderFor(serializeType);
    this.#header = header;
    this.#fronts = PULL_STATUSES.map((status) =>
      header.front(
        status,
        [
          ['topicSysFlag', '0'],
          ['groupSysFlag', '0'],
        ],
        0,
      ),
    );
    this.#nextBeginOffset = header.fieldName('nextBeginOffset');
    this.#minOffset = header.fieldName('minOffset');
    this.#maxOffset = header.fieldName('maxOffset');
    this.#suggestWhichBrokerId = header.fieldName('suggestWhichBrokerId');
    const fields = [this.#nextBeginOffset, this.#minOffset, this.#maxOffset, this.#suggestWhichBrokerId];
    this.sizeMax =
      Math.max(...this.#fronts.map((front) => front.length)) +
      fields.reduce((size, field) => size + field.length + NUMBER_SIZE_MAX_BYTES, FINISH_SIZE_MAX_BYTES);
  }

  /** Writes everything before the body to `into` at `at` and returns its size; `bodyLength` bytes of records are to follow. */
  write(
    into: Uint8Array,
    at: number,
    opaque: number,
    code: PullCode,
    status: PullStatus,
    nextBeginOffset: number,
    minOffset: number,
    maxOffset: number,
    suggestWhichBrokerId: number,
    bodyLength: number,
  ): number {
    const header = this.#header;
    const front = this.#fronts[PULL_STATUSES.indexOf(status)]!;
    into.set(front, at);
    let next = at + front.length;
    next = header.putNumber(into, next, this.#nextBeginOffset, nextBeginOffset);
    next = header.putNumber(into, next, this.#minOffset, minOffset);
    next = header.putNumber(into, next, this.#maxOffset, maxOffset);
    next = header.putNumber(into, next, this.#suggestWhichBrokerId, suggestWhichBrokerId);
    return header.finish(into, at, next, code, opaque, bodyLength) - at;
  }
}
