/** CRC-32 (IEEE) by Node's own zlib, present from Node 20.15; a loop in JavaScript costs about ten times as much at 1 KiB. */
import { crc32 } from 'node:zlib';

/** The body checksum of a stored record: CRC-32 with the sign bit cleared (spec/store.md 3.1). */
export function bodyCrc32(body: Uint8Array): number {
  return crc32(body) & 0x7fffffff;
}
