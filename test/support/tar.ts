/** Reads the files out of a gzipped tar archive: enough of the format for the recorded stores of Apache's broker. */
import { gunzipSync } from 'node:zlib';

const BLOCK = 512;

/** Calls `each` for every regular file. */
export function readTar(archive: Uint8Array, each: (path: string, contents: Buffer) => void): void {
  const bytes = gunzipSync(archive);
  let longName: string | null = null;
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(text(bytes, at + 124, 12), 8);
    const type = String.fromCharCode(bytes[at + 156]!);
    const contents = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (type === 'L') {
      longName = text(contents, 0, size);
    } else {
      if (type === '0') each(longName ?? text(bytes, at, 100), contents);
      else if (type !== '5') throw new Error(`entry of type ${type} in the archive`);
      longName = null;
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

function text(bytes: Buffer, at: number, length: number): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString('utf8', at, end < 0 || end > at + length ? at + length : end);
}
