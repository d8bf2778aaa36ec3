/** The index files that a verification can compare with the log, and what is wrong with the size of the others. Part of verify-plan.ts. */
import { join } from 'node:path';
import { counted } from '../base/counted.ts';
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
import { countFinished, indexFileNames } from './index-files.ts';
import { refusedIndexFile } from './index-recovery.ts';
import { DEFAULT_INDEX_SHAPE, indexShapeOf, isShapeSearched } from './index-shape.ts';
import type { StoreState } from './store-state.ts';
import type { IndexFileHead } from './verify-keys.ts';

interface Found {
  readonly path: string;
  readonly size: number;
  /** Null for a file that is shorter. */
  readonly header: IndexHeader | null;
  readonly shape: IndexFileShape | null;
}

/** `given`: what the settings say. */
export function indexHeads(
  disk: Disk,
  directory: string,
  given: IndexFileShape | undefined,
  state: StoreState,
  findings: Findings,
): IndexFileHead[] {
  const all = indexFileNames(disk, { directory }).flatMap((name) => look(disk, join(directory, name), given) ?? []);
  const finished = state === 'clean' ? all.length : countFinished(all.map(({ size }) => size));
  // A broker that runs is about to give them their size.
  if (state === 'crashed') for (const { path } of all.slice(finished)) addExpected(findings, path, UNFINISHED);
  const found = all.slice(0, finished);
  const expected = given ?? found.find(({ shape }) => shape !== null)?.shape ?? null;
  const shapeAtStart = expected ?? DEFAULT_INDEX_SHAPE;
  // A start puts all of them right, or none.
  const areHalfWiped =
    state === 'crashed' && refusedIndexFile(disk, { directory, shape: shapeAtStart }, false) === null;
  const heads: IndexFileHead[] = [];
  for (const { path, size, header, shape: own } of found) {
    // Where the header is damaged nothing fits what is in the file, but all files have one shape.
    const shape = own ?? (expected !== null && size === indexFileBytes(expected) ? expected : null);
    if (isMisfit(size, header, shape, expected)) {
      if (areHalfWiped) {
        addExpected(findings, path, HALF_WIPED);
        heads.push({ path, header: header!, shape: shapeAtStart });
      } else {
        const what = `${misfitText(size, expected)}: a broker refuses to start`;
        findings.add({ kind: 'index-header', file: path, offset: 0, what, matters: true, advice: 'repair' });
      }
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

const UNFINISHED = 'was made just before the crash, or the file before it was: the next start removes it';
const HALF_WIPED = 'a start that took it back has lost power: the next start goes on with that';

function addExpected(findings: Findings, path: string, what: string): void {
  findings.add({ kind: 'index-header', file: path, offset: 0, what, matters: false, advice: 'nothing' });
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
  if (expected === null) return `no number of slots fits its ${counted(size, 'byte')} and its entries`;
  return `has ${counted(size, 'byte')}, not ${indexFileBytes(expected)} (${counted(expected.slots, 'slot')}, ${counted(expected.entries, 'entry', 'entries')})`;
}
