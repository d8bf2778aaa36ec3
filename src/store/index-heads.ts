/**
 * The index files that a verification can compare with the log, and those that a start refuses. Which these are follows from the settings of
 * the broker; where they are not given, from what the files hold. Part of verify-plan.ts.
 */
import { counted } from '../base/counted.ts';
import {
  FIRST_INDEX_ENTRY,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  type IndexFileShape,
  type IndexHeader,
  indexEntryPosition,
  indexFileBytes,
  readIndexHeader,
} from '../layout/index-file.ts';
import { type Disk, openUnlessGone } from './disk.ts';
import type { Findings } from './findings.ts';
import { type FoundIndexFile, foundIndexFiles, misfits } from './index-files.ts';
import { type JudgedIndex, judgeIndexFiles } from './index-recovery.ts';
import { DEFAULT_INDEX_SHAPE, indexShapeOf, isShapeSearched, isShapeSize } from './index-shape.ts';
import { DEFAULT_STORE_SIZES, type StoreSizes } from './store-sizes.ts';
import type { StoreState } from './store-state.ts';
import type { IndexFileHead } from './verify-keys.ts';

export interface IndexToLookAt {
  readonly directory: string;
  /** What the settings say. */
  readonly given: IndexFileShape | undefined;
  readonly state: StoreState;
  readonly sizes: StoreSizes;
}

/** Heads of the files that can be compared. */
export function indexHeads(disk: Disk, index: IndexToLookAt, findings: Findings): IndexFileHead[] {
  const { directory, given, state } = index;
  const looked = foundIndexFiles(disk, { directory }).flatMap((file) => look(disk, file, given) ?? []);
  const judgedBy = (shape: IndexFileShape): JudgedIndex =>
    judgeIndexFiles(disk, { directory, shape }, state === 'clean');
  const told = given ?? toldShape(looked, (shape) => judgedBy(shape).refused.length);
  const shape = told ?? DEFAULT_INDEX_SHAPE;
  const { refused, kept, unfinished } = judgedBy(shape);
  const refusedPaths = new Set(refused.map(({ path }) => path));
  for (const { file, header } of looked.filter(({ file }) => refusedPaths.has(file.path)))
    addRefused(findings, file, header, told, index.sizes);
  const halfWiped = refused.length === 0 ? misfits(kept, shape) : [];
  // A broker that runs is about to give them their size.
  if (state === 'crashed') {
    for (const { path, isFolder } of unfinished) if (!isFolder) addExpected(findings, path, UNFINISHED);
    for (const { path } of halfWiped) addExpected(findings, path, HALF_WIPED);
  }
  const fitting = new Set(kept.map(({ path }) => path).filter((path) => !refusedPaths.has(path)));
  // A crash may have taken the header only: the next start counts again, or builds the file anew.
  if (state === 'clean') {
    const empty = looked.filter(({ file, header }) => fitting.has(file.path) && isEmpty(header));
    for (const { file } of empty) if (hasEntry(disk, file, shape)) addUncounted(findings, file.path);
  }
  return looked.flatMap(({ file: { path }, header }) =>
    fitting.has(path) && header !== null && !isEmpty(header) ? { path, header, shape } : [],
  );
}

/** What a file holds that has lost its end may fit what is left of it: the others know better, and the larger one. */
function toldShape(looked: readonly Looked[], misfitsOf: (shape: IndexFileShape) => number): IndexFileShape | null {
  const bySize = new Map(
    looked.flatMap(({ file, shape }) => (shape === null ? [] : [[file.sizeBytes, shape] as const])),
  );
  const sizes = [...bySize.keys()].sort((a, b) => b - a);
  const [best] = sizes.map((size) => bySize.get(size)!).sort((a, b) => misfitsOf(a) - misfitsOf(b));
  return best ?? null;
}

const UNFINISHED = 'was made just before the crash, or the file before it was: the next start removes it';
const HALF_WIPED = 'a start that took it back has lost power: the next start goes on with that';

const UNCOUNTED = 'its header counts no entry, and there are some: a start counts them again';

function addUncounted(findings: Findings, file: string): void {
  findings.add({ kind: 'index-header', file, offset: 0, what: UNCOUNTED, matters: true, advice: 'repair' });
}

/** Whether the first entry is one, whatever the header says. */
function hasEntry(disk: Disk, { path, sizeBytes }: FoundIndexFile, shape: IndexFileShape): boolean {
  const at = indexEntryPosition(shape, FIRST_INDEX_ENTRY);
  if (sizeBytes < at + INDEX_ENTRY_BYTES) return false;
  const open = openUnlessGone(disk, path);
  if (open === null) return false;
  try {
    const entry = new Uint8Array(INDEX_ENTRY_BYTES);
    return open.read(entry, 0, entry.length, at) === entry.length && entry.some((byte) => byte !== 0);
  } finally {
    open.close();
  }
}

function addExpected(findings: Findings, file: string, what: string): void {
  findings.add({ kind: 'index-header', file, offset: 0, what, matters: false, advice: 'nothing' });
}

/** `told`: null where neither settings nor files tell what they hold, and the broker may have them otherwise than by default. */
function addRefused(
  findings: Findings,
  { path: file, sizeBytes, isFolder }: FoundIndexFile,
  header: IndexHeader | null,
  told: IndexFileShape | null,
  { segmentSizeBytes }: StoreSizes,
): void {
  if (isFolder) {
    findings.addFolder(file);
    return;
  }
  // A log with files of the default size speaks for defaults.
  const isDefault = segmentSizeBytes === DEFAULT_STORE_SIZES.segmentSizeBytes;
  const expected = told ?? (isDefault && isEmpty(header) ? DEFAULT_INDEX_SHAPE : null);
  const mayFit = isEmpty(header) ? isShapeSize(sizeBytes) : header !== null && !isShapeSearched(sizeBytes);
  if (expected === null && mayFit) {
    const what = `nothing tells how many slots and entries its ${counted(sizeBytes, 'byte')} are for: it was not checked, and a broker whose settings make another size refuses to start (--set maxHashSlotNum, maxIndexNum)`;
    findings.add({ kind: 'index-shape', file, offset: null, what, matters: isDefault, advice: 'settings' });
    return;
  }
  const what = `${misfitText(sizeBytes, expected)}: a broker refuses to start`;
  findings.add({ kind: 'index-header', file, offset: 0, what, matters: true, advice: 'repair' });
}

interface Looked {
  readonly file: FoundIndexFile;
  /** Null for what is too short to have one. */
  readonly header: IndexHeader | null;
  /** What it holds tells it; null where it does not. */
  readonly shape: IndexFileShape | null;
}

function look(disk: Disk, file: FoundIndexFile, given: IndexFileShape | undefined): Looked | null {
  const { path, sizeBytes } = file;
  if (file.isFolder || sizeBytes < INDEX_HEADER_BYTES) return { file, header: null, shape: null };
  const open = openUnlessGone(disk, path);
  if (open === null) return null;
  try {
    const bytes = new Uint8Array(INDEX_HEADER_BYTES);
    open.read(bytes, 0, bytes.length, 0);
    return { file, header: readIndexHeader(new DataView(bytes.buffer)), shape: indexShapeOf(open, sizeBytes, given) };
  } finally {
    open.close();
  }
}

/** Made ahead of time: nothing is in it yet. */
function isEmpty(header: IndexHeader | null): boolean {
  return header?.nextEntry === FIRST_INDEX_ENTRY;
}

function misfitText(sizeBytes: number, expected: IndexFileShape | null): string {
  if (expected === null) return `no number of slots fits its ${counted(sizeBytes, 'byte')} and its entries`;
  return `has ${counted(sizeBytes, 'byte')}, not ${indexFileBytes(expected)} (${counted(expected.slots, 'slot')}, ${counted(expected.entries, 'entry', 'entries')})`;
}
