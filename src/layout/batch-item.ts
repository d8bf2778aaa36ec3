/**
 * One message in the body of a batch send, and in an inner-batch record (spec/api.md 2.2). Read by net, written by the client.
 *
 * ```
 *  0            4       8       12     16            20
 *  | total size | magic | crc   | flag | body length | body | properties length | properties |
 *  | i32        | i32 0 | i32 0 | i32  | i32         |      | i16               |            |
 * ```
 */
import { assert } from '../base/assert.ts';
import { PROPERTIES_SIZE_MAX_BYTES } from '../base/limits.ts';
import { int16At, int32At, putInt16, putInt32 } from './remoting-frame.ts';

const BatchItemAt = { totalSize: 0, magic: 4, bodyCrc: 8, flag: 12, bodyLength: 16, body: 20 } as const;
const PROPERTIES_LENGTH_BYTES = 2;
/** An item without body and properties. */
const BATCH_ITEM_MIN_BYTES = BatchItemAt.body + PROPERTIES_LENGTH_BYTES;

/** Walks the items of a batch without an object for each. */
export class BatchItemCursor {
  flag = 0;
  bodyStart = 0;
  bodyEnd = 0;
  propertiesStart = 0;
  propertiesEnd = 0;
  /** Where the next item starts. */
  next = 0;

  /** Reads the item at `at` of a batch that ends at `end`. False when its parts do not add up to its size. */
  load(bytes: Uint8Array, at: number, end: number): boolean {
    if (at + BATCH_ITEM_MIN_BYTES > end) return false;
    const next = at + int32At(bytes, at + BatchItemAt.totalSize);
    const bodyLength = int32At(bytes, at + BatchItemAt.bodyLength);
    const bodyStart = at + BatchItemAt.body;
    const propertiesLengthAt = bodyStart + bodyLength;
    if (next > end || bodyLength < 0 || propertiesLengthAt + PROPERTIES_LENGTH_BYTES > next) return false;
    const propertiesStart = propertiesLengthAt + PROPERTIES_LENGTH_BYTES;
    const propertiesLength = int16At(bytes, propertiesLengthAt);
    if (propertiesLength < 0 || propertiesStart + propertiesLength !== next) return false;
    this.flag = int32At(bytes, at + BatchItemAt.flag);
    this.bodyStart = bodyStart;
    this.bodyEnd = propertiesLengthAt;
    this.propertiesStart = propertiesStart;
    this.propertiesEnd = next;
    this.next = next;
    return true;
  }
}

export interface BatchItem {
  readonly flag: number;
  readonly body: Uint8Array;
  /** The stored form of layout/message-properties. */
  readonly properties: Uint8Array;
}

/** The body of a batch send. */
export function encodeBatch(items: readonly BatchItem[]): Uint8Array {
  const sizeOf = (item: BatchItem): number => BATCH_ITEM_MIN_BYTES + item.body.length + item.properties.length;
  const batch = new Uint8Array(items.reduce((size, item) => size + sizeOf(item), 0));
  let at = 0;
  for (const item of items) {
    assert(
      item.properties.length <= PROPERTIES_SIZE_MAX_BYTES,
      'the properties of a batch item fit their length field',
    );
    putInt32(batch, at + BatchItemAt.totalSize, sizeOf(item));
    putInt32(batch, at + BatchItemAt.flag, item.flag);
    putInt32(batch, at + BatchItemAt.bodyLength, item.body.length);
    const bodyStart = at + BatchItemAt.body;
    batch.set(item.body, bodyStart);
    const propertiesLengthAt = bodyStart + item.body.length;
    putInt16(batch, propertiesLengthAt, item.properties.length);
    batch.set(item.properties, propertiesLengthAt + PROPERTIES_LENGTH_BYTES);
    at += sizeOf(item);
  }
  return batch;
}
