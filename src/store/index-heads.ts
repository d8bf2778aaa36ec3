/** The index files that a verification can compare with the log, and what is wrong with the size of the others. Part of verify-plan.ts. */
import { join } from 'node:path';
import {
  FIRST_INDEX_ENTRY,
  INDEX_HEADER_BYTES,
  type IndexFileShape,
  type IndexHeader,
  indexFileBytes,
  readIndexHeader,
} from '../layout/index-file.ts';
import { type Disk, openUnlessGone } from './disk.ts';
import type { Findings } from './findings.ts';
import { indexFileNames } from './index-files.ts';
import { indexShapeOf, isShapeSearched } from './index-shape.ts';
import type { IndexFileHead } from './verify-keys.ts';

interface Found {
  readonly path: string;
  readonly size: number;
  /** Null for a file that is shorter. */
  readonly header: IndexHeader | null;
  readonly shape: IndexFileShape | null;
}

/** `given`: what the settings say. `isCrashed`: the newest file may not have its size yet, and goes at the next start. */
export function indexHeads(
  disk: Disk,
  directory: string,
  given: IndexFileShape | undefined,
  isCrashed: boolean,
  findings: Findings,
): IndexFileHead[] {
  const all = indexFileNames(disk, { directory }).flatMap((name) => look(disk, join(directory, name), given) ?? []);
  const expected = given ?? all.find(({ shape }) => shape !== null)?.shape ?? null;
  const heads: IndexFileHead[] = [];
  for (const [i, { path, size, header, shape: own }] of all.entries()) {
    // Where the header is damaged nothing fits what is in the file, but all files have one shape.
    const shape = own ?? (expected !== null && size === indexFileBytes(expected) ? expected : null);
    const isYoung = isCrashed && i === all.length - 1;
    if (isMisfit(size, header, shape, expected)) {
      const what =
        misfitText(size, expected) + (isYoung ? ': the next start removes it' : ': a broker refuses to start');
      findings.add({
        kind: 'index-header',
        file: path,
        offset: 0,
        what,
        matters: !isYoung,
        advice: isYoung ? 'nothing' : 'repair',
      });
    } else if (shape === null && !isEmpty(header)) {
      const what =
        'its size is not the default one and too large to find out how many slots it has: it was not checked (--set maxHashSlotNum, maxIndexNum)';
      findings.add({ kind: 'index-shape', file: path, offset: null, what, matters: false, advice: 'settings' });
    } else if (shape !== null && header !== null && !isEmpty(header)) {
      heads.push({ path, header, shape });
    }
  }
  return heads;
}

function look(disk: Disk, path: string, given: IndexFileShape | undefined): Found | null {
  const size = disk.stat(path)?.size ?? 0;
  if (size < INDEX_HEADER_BYTES) return { path, size, header: null, shape: null };
  const file = openUnlessGone(disk, path);
  if (file === null) return null;
  try {
    const bytes = new Uint8Array(INDEX_HEADER_BYTES);
    file.read(bytes, 0, bytes.length, 0);
    return { path, size, header: readIndexHeader(new DataView(bytes.buffer)), shape: indexShapeOf(file, size, given) };
  } finally {
    file.close();
  }
}

/** Made ahead of time: nothing is in it yet. */
function isEmpty(header: IndexHeader | null): boolean {
  return header?.nextEntry === FIRST_INDEX_ENTRY;
}

function isMisfit(
  size: number,
  header: IndexHeader | null,
  shape: IndexFileShape | null,
  expected: IndexFileShape | null,
): boolean {
  if (header === null) return true;
  if (expected !== null) return size !== indexFileBytes(expected);
  // It was looked through, and nothing fits what is in it.
  return shape === null && !isEmpty(header) && isShapeSearched(size);
}

function misfitText(size: number, expected: IndexFileShape | null): string {
  if (expected === null) return `no number of slots fits its ${size} bytes and its entries`;
  return `has ${size} bytes, not ${indexFileBytes(expected)} (${expected.slots} slots, ${expected.entries} entries)`;
}
