/** CRC-32 (IEEE) by Node's own zlib, present from Node 20.15; a loop in JavaScript costs about ten times as much at 1 KiB. */
import { crc32 as zlibCrc32 } from 'node:zlib';

/** Going on from the checksum `of` what comes before. */
export function crc32(bytes: Uint8Array, of = 0): number {
  return zlibCrc32(bytes, of);
}

/** The body checksum of a stored record: CRC-32 with the sign bit cleared (spec/store.md 3.1). */
export function bodyCrc32(body: Uint8Array): number {
  return zlibCrc32(body) & 0x7fffffff;
}
