/**
 * The one copy into shared memory. `TypedArray.set` falls to a byte-wise relaxed copy there, and `Buffer.copy` does on Node 20; filling
 * with a view of the exact length ends in a plain memcpy (figures in docs/decisions/0002).
 */

/** Below this many bytes a loop beats any call. */
const LOOP_MAX_BYTES = 40;
const fillIsFastest = Number(process.versions.node.split('.')[0]) < 22;

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
  } else if (fillIsFastest) {
    target.fill(source.subarray(sourceStart, sourceEnd), targetAt, targetAt + length);
  } else {
    (source as Buffer).copy(target, targetAt, sourceStart, sourceEnd);
  }
}
