/** Reads single records of the log by their offset, which a client may have made up. Control's queries and the tools use it. */
import { asLogOffset } from '../base/units.ts';
import { RECORD_MAGIC_V1, RECORD_MAGIC_V2, RecordAt, RecordCursor } from '../layout/message-record.ts';
import type { LogReader } from './log-reader.ts';
import { segmentEnd } from './segments.ts';

/** Most messages are shorter. */
const FIRST_READ_BYTES = 4096;

export interface FoundRecord {
  /** The whole record, in memory of its own. */
  readonly bytes: Buffer;
  /** Positions are of {@link bytes}. */
  readonly cursor: RecordCursor;
}

/** Null unless a whole record that says this offset lies at `offset` and ends at `logEnd` or before. */
export function readRecordAt(reader: LogReader, offset: number, logEnd: number): FoundRecord | null {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset >= logEnd) return null;
  const room = Math.min(segmentEnd(reader.files, offset), logEnd) - offset;
  const bytes = read(reader, offset, Math.min(FIRST_READ_BYTES, room));
  if (bytes.length < RecordAt.bodyCrc) return null;
  const magic = bytes.readInt32BE(RecordAt.magic);
  const size = bytes.readInt32BE(RecordAt.totalSize);
  if ((magic !== RECORD_MAGIC_V1 && magic !== RECORD_MAGIC_V2) || size < RecordAt.bornHost || size > room) return null;
  const whole = size <= bytes.length ? bytes.subarray(0, size) : read(reader, offset, size);
  const cursor = new RecordCursor();
  const view = new DataView(whole.buffer, whole.byteOffset, whole.length);
  const isRecord = whole.length === size && cursor.load(view, 0) && cursor.physicalOffset === offset;
  return isRecord ? { bytes: whole, cursor } : null;
}

function read(reader: LogReader, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  return bytes.subarray(0, reader.read(asLogOffset(offset), length, bytes, 0));
}
