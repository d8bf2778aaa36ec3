/**
 * Big-endian int64 as plain numbers, without a BigInt per value (hot paths of layout/ and the agents call this). Values outside
 * ±(2^53 - 1) lose precision: `readInt64Exact` is there for fields that foreign clients may fill with anything.
 */

const TWO_32 = 0x1_0000_0000;

/** Reads the int64 at `at`. Exact for every value this project writes itself (offsets, timestamps). */
export function readInt64(view: DataView, at: number): number {
  return view.getInt32(at) * TWO_32 + view.getUint32(at + 4);
}

/** Writes a safe integer as int64 at `at`. */
export function writeInt64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  view.setInt32(at, high);
  view.setInt32(at + 4, (value - high * TWO_32) | 0);
}

/** Reads the int64 at `at` with all 64 bits. */
export function readInt64Exact(view: DataView, at: number): bigint {
  return view.getBigInt64(at);
}
