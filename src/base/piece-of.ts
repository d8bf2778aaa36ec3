/**
 * A view of `bytes[start, end)`, which must lie in `bytes`. To ask a typed array for its buffer takes longer than to make a view of that, so
 * the buffer of the last memory is kept: a chunk or a ring, of which net and append view a piece for each message.
 */

let last: Uint8Array = new Uint8Array(0);
let lastBuffer = last.buffer;
let lastOffset = 0;

export function pieceOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (bytes !== last) {
    last = bytes;
    lastBuffer = bytes.buffer;
    lastOffset = bytes.byteOffset;
  }
  return new Uint8Array(lastBuffer, lastOffset + start, end - start);
}
