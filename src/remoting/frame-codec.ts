/**
 * The general path between frames and {@link RemotingCommand}, in both serializations. Called by control for its requests, by the
 * NameServer, by clients, and by net for what the scanners do not understand.
 */
import { FRAME_SIZE_MAX_BYTES } from '../base/limits.ts';
import {
  FRAME_HEAD_BYTES,
  FRAME_LENGTH_BYTES,
  FrameAt,
  HEADER_SIZE_MAX_BYTES,
  int32At,
  putFrameHead,
  SERIALIZE_JSON,
  SERIALIZE_ROCKETMQ,
  uint24At,
} from '../layout/remoting-frame.ts';
import { binaryHeader, readBinaryHeader } from './binary-header.ts';
import { VERSION_CURRENT } from './codes.ts';
import { type ExtFields, FrameError, FrameFlag, type RemotingCommand } from './command.ts';
import { jsonHeader, readJsonHeader } from './json-header.ts';

/**
 * Decodes the frame in `bytes[start, end)`, its length field included. The body is a view of `bytes`.
 * @throws FrameError where Java's decoder fails (golden answers/bad-frames).
 */
export function decodeFrame(bytes: Uint8Array, start: number, end: number): RemotingCommand {
  if (end - start < FRAME_HEAD_BYTES) throw new FrameError(`a frame of ${end - start} bytes has no header length`);
  const length = int32At(bytes, start + FrameAt.length);
  if (length !== end - start - FRAME_LENGTH_BYTES) {
    throw new FrameError(`length field ${length} in a frame of ${end - start} bytes`);
  }
  const headerStart = start + FrameAt.header;
  const headerLength = uint24At(bytes, start + FrameAt.headerLength);
  const headerEnd = headerStart + headerLength;
  if (headerEnd > end) throw new FrameError(`header length ${headerLength} in a frame of ${end - start} bytes`);
  const body = headerEnd < end ? bytes.subarray(headerEnd, end) : null;
  switch (bytes[start + FrameAt.serializeType]) {
    case SERIALIZE_JSON:
      return readJsonHeader(bytes, headerStart, headerEnd, body);
    case SERIALIZE_ROCKETMQ:
      return readBinaryHeader(bytes, headerStart, headerEnd, body);
    default:
      throw new FrameError(`serialize type ${bytes[start + FrameAt.serializeType]}`);
  }
}

/**
 * Encodes a command as a whole frame, in the serialization it names. In ROCKETMQ the code has 16 bits and wraps, as upstream's does.
 * @throws RangeError when the result would be no legal frame.
 */
export function encodeFrame(command: RemotingCommand): Uint8Array {
  const header = command.serializeType === SERIALIZE_JSON ? jsonHeader(command) : binaryHeader(command);
  const bodyLength = command.body?.length ?? 0;
  const size = FRAME_HEAD_BYTES + header.length + bodyLength;
  if (header.length > HEADER_SIZE_MAX_BYTES || size > FRAME_SIZE_MAX_BYTES) {
    throw new RangeError(`a frame of ${size} bytes with a header of ${header.length} is too large`);
  }
  const frame = new Uint8Array(size);
  putFrameHead(frame, 0, command.serializeType, header.length, bodyLength);
  frame.set(header, FrameAt.header);
  if (command.body !== null) frame.set(command.body, FRAME_HEAD_BYTES + header.length);
  return frame;
}

export function isResponse(flag: number): boolean {
  return (flag & FrameFlag.response) !== 0;
}

/** The sender wants no answer, not even an error. */
export function isOneWay(flag: number): boolean {
  return (flag & FrameFlag.oneWay) !== 0;
}

/** A request of this process. */
export function requestOf(
  code: number,
  opaque: number,
  extFields: ExtFields | null = null,
  body: Uint8Array | null = null,
): RemotingCommand {
  return { ...OWN, code, opaque, flag: 0, remark: null, extFields, body, serializeType: SERIALIZE_JSON };
}

/** The answer to `request`: same opaque, same serialization. */
export function responseTo(
  request: Pick<RemotingCommand, 'opaque' | 'serializeType'>,
  code: number,
  remark: string | null = null,
  extFields: ExtFields | null = null,
  body: Uint8Array | null = null,
): RemotingCommand {
  const { opaque, serializeType } = request;
  return { ...OWN, code, opaque, flag: FrameFlag.response, remark, extFields, body, serializeType };
}

/** RingMQ presents itself as a Java broker of the version it behaves like (spec/remoting.md 15). */
const OWN = { language: 'JAVA', version: VERSION_CURRENT } as const;
