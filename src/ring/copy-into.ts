/**
 * The one copy into shared memory; net threads call it for each body, topic and property they encode. `TypedArray.set` falls to a slow
 * relaxed copy there, and so does `Buffer.copy` on Node 20, where filling with a view of the exact length ends in a plain memcpy. A view
 * costs about 100 ns to make, so shorter pieces go other ways (figures in docs/decisions/0002).
 */
import { pieceOf } from '../base/piece-of.ts';

/** Below this many bytes a loop beats any call. */
const LOOP_MAX_BYTES = 40;
/** Up to here `Buffer.copy`, slow as it is into shared memory on Node 20, beats the making of a view; from Node 22 on it always does. */
const COPY_MAX_BYTES = Number(process.versions.node.split('.')[0]) < 22 ? 160 : Number.POSITIVE_INFINITY;

const copy = Buffer.prototype.copy;

/** Copies `source[sourceStart, sourceEnd)` to `target` at `targetAt`. `target` is a Buffer over shared memory. */
export function copyInto(
  target: Buffer,
  targetAt: number,
  source: Uint8Array,
  sourceStart: number,
  sourceEnd: number,
): void {
  const length = sourceEnd - sourceStart;
  if (length <= LOOP_MAX_BYTES) {
    for (let i = 0; i < length; i++) target[targetAt + i] = source[sourceStart + i]!;
  } else if (length <= COPY_MAX_BYTES) {
    copy.call(source, target, targetAt, sourceStart, sourceEnd);
  } else {
    target.fill(pieceOf(source, sourceStart, sourceEnd), targetAt, targetAt + length);
  }
}

/** Up to here words beat every call, for those who have views of both memories. */
const WORDS_MAX_BYTES = 192;
const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;

/** {@link copyInto} for pieces like properties, with views of the same memories at the same positions. */
export function copyWords(
  target: Buffer,
  targetView: DataView,
  targetAt: number,
  source: Uint8Array,
  sourceView: DataView,
  sourceStart: number,
  sourceEnd: number,
): void {
  const length = sourceEnd - sourceStart;
  if (length > WORDS_MAX_BYTES) {
    copyInto(target, targetAt, source, sourceStart, sourceEnd);
    return;
  }
  let i = 0;
  for (; i <= length - WORD_BYTES; i += WORD_BYTES) {
    targetView.setInt32(targetAt + i, sourceView.getInt32(sourceStart + i));
  }
  for (; i < length; i++) target[targetAt + i] = source[sourceStart + i]!;
}
