/**
 * Whether a log is one of Apache RocketMQ's at all. A walk takes whatever is no record for the end of the log, which a start cuts off: so
 * recovery and the tools ask this where it ends with its first file's first byte. No crash leaves such bytes there: what did not get to the disk
 * is zero.
 */
import { asLogOffset } from '../base/units.ts';
import { BLANK_HEAD_BYTES, BLANK_MAGIC, RECORD_MAGIC_V1, RECORD_MAGIC_V2, RecordAt } from '../layout/message-record.ts';
import type { LogReader } from './log-reader.ts';

const MAGICS: readonly number[] = [RECORD_MAGIC_V1, RECORD_MAGIC_V2, BLANK_MAGIC];

/** Words for what the file that starts at `start`, the log's first, begins with; null for a record, a filler and zeros. */
export function foreignFormat(reader: LogReader, start: number): string | null {
  const head = new DataView(new ArrayBuffer(BLANK_HEAD_BYTES));
  const bytes = new Uint8Array(head.buffer);
  if (reader.read(asLogOffset(start), bytes.length, bytes, 0) < bytes.length) return null;
  const magic = head.getInt32(RecordAt.magic);
  if (magic === 0 || MAGICS.includes(magic)) return null;
  const isSwapped = MAGICS.includes(head.getInt32(RecordAt.magic, true));
  const found = `0x${(magic >>> 0).toString(16).padStart(8, '0')}`;
  const whose = isSwapped ? 'that of a record in the other byte order' : 'which no record of Apache RocketMQ has';
  return `begins with the magic number ${found}, ${whose}`;
}
