/**
 * The key index's part of a start: brings its files to what the log vouches for, before dispatch loads the newest one. Its end is also asked for
 * when a stop or a repair says it in the checkpoint.
 *
 * Entries are put in the order of the log and never changed, and each remembers the one before it in its slot. So a file can be taken back
 * to any earlier state: going back from the newest entry, each slot gets what its entry remembers. That needs the newer entries to be
 * whole, which a loss of power may have undone: then all slots are built anew from the entries that are kept (0.1 s for each two million).
 */
import { partition } from '../base/partition.ts';
import type { LogOffset } from '../base/units.ts';
import {
  FIRST_INDEX_ENTRY,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  INDEX_SLOT_BYTES,
  type IndexHeader,
  indexEntryKeyHash,
  indexEntryLogOffset,
  indexEntryPrevious,
  indexEntrySeconds,
  indexFileBytes,
} from '../layout/index-file.ts';
import type { Disk, OpenMode } from './disk.ts';
import { IndexFile } from './index-file.ts';
import {
  checkedIndexFileNames,
  countFinished,
  type FoundIndexFile,
  foundIndexFiles,
  type IndexFiles,
  indexFilePath,
  isHalfWiped,
  misfitError,
  misfits,
  newestIndexed,
} from './index-files.ts';

const CHUNK_ENTRIES = 16 * 1024;
const CHUNK_SLOTS = 64 * 1024;
const MS_PER_SECOND = 1000;

export interface IndexRecoverySettings {
  /** Entries of records from here on go. */
  readonly limit: LogOffset;
  /** Files that end after this store time (in ms) are not believed: they may not have been on the disk when the checkpoint was written. */
  readonly believedTo: number;
  /** Store time of the record at a log offset; -1 when there is none. */
  readonly storeTimeAt: (logOffset: number) => number;
}

/** What is to be done to the files. Nothing is changed before {@link carryOut}. */
export interface IndexCut {
  /** Log offset of the newest message that stays in the index; -1 when none does. */
  readonly end: number;
  carryOut(): void;
}

/** How all files are taken back to `limit`. Throws for files of another size. */
export function findIndexCut(disk: Disk, files: IndexFiles, settings: IndexRecoverySettings): IndexCut {
  const refused = refusedIndexFile(disk, files, false);
  if (refused !== null) throw misfitError(refused, files.shape);
  const found = foundIndexFiles(disk, files);
  const kept = found.slice(0, finishedOf(found));
  const gone = found.slice(kept.length);
  const cutOf = ({ path, sizeBytes }: FoundIndexFile): FileCut =>
    withIndexFile(disk, files, path, 'read', (file) => new FileCut(file, sizeBytes, settings));
  // What comes behind a file that has lost something would leave a gap.
  const broken = kept.findIndex((file) => !isBelieved(disk, files, file, settings) && cutOf(file).isShorter);
  if (broken >= 0) gone.unshift(...kept.splice(broken + 1));
  let newest: FileCut | null = null;
  while (newest === null && kept.length > 0) {
    const cut = cutOf(kept.at(-1)!);
    if (cut.isEmpty) gone.unshift(kept.pop()!);
    else newest = cut;
  }
  return {
    end: newest?.end ?? -1,
    carryOut() {
      for (const { path } of gone.toReversed()) disk.unlink(path);
      if (gone.length > 0) disk.syncDirectory(files.directory);
      // The start before was ended while it took them back.
      for (const { path } of misfits(kept, files.shape))
        withIndexFile(disk, files, path, 'write', (file) => file.grow());
      if (newest !== null) withIndexFile(disk, files, kept.at(-1)!.path, 'write', (file) => newest.carryOut(file));
    },
  };
}

/** Whether the file was on the disk, with all that its header counts, when the checkpoint was written. */
function isBelieved(
  disk: Disk,
  files: IndexFiles,
  { path }: FoundIndexFile,
  { believedTo }: IndexRecoverySettings,
): boolean {
  return withIndexFile(disk, files, path, 'read', (file) => file.readHeader().endTimestamp <= believedTo);
}

/**
 * The file for which a start refuses the index; null when it takes all of them. It only looks, and knows what a start after a crash puts right
 * by itself. Called by a start, and by the command line's tools.
 */
export function refusedIndexFile(disk: Disk, files: IndexFiles, cleanStop: boolean): FoundIndexFile | null {
  const found = foundIndexFiles(disk, files);
  const wrong = misfits(cleanStop ? found : found.slice(0, finishedOf(found)), files.shape);
  if (!cleanStop && areHalfWiped(disk, files, wrong)) return null;
  return wrong[0] ?? null;
}

function finishedOf(found: readonly FoundIndexFile[]): number {
  return countFinished(found.map(({ sizeBytes }) => sizeBytes));
}

/** A loss of power has ended a start that took files back. Where others are of a wrong size too, it is the settings that are wrong. */
function areHalfWiped(disk: Disk, files: IndexFiles, wrong: readonly FoundIndexFile[]): boolean {
  return wrong.every(({ path, sizeBytes }) => {
    if (sizeBytes < INDEX_HEADER_BYTES) return false;
    const header = withIndexFile(disk, files, path, 'read', (file) => file.readHeader());
    return isHalfWiped(files.shape, header, sizeBytes);
  });
}

function withIndexFile<T>(
  disk: Disk,
  { shape }: IndexFiles,
  path: string,
  mode: OpenMode,
  action: (file: IndexFile) => T,
): T {
  const file = IndexFile.open(disk, path, shape, mode);
  try {
    return action(file);
  } finally {
    file.close();
  }
}

/** Where the index ends after a clean stop: log offset of its newest message, -1 when it is empty. Throws for files of another size. */
export function indexEnd(disk: Disk, files: IndexFiles): number {
  const name = checkedIndexFileNames(disk, files).at(-1);
  if (name === undefined) return -1;
  return withIndexFile(disk, files, indexFilePath(files, name), 'read', (file) => newestIndexed(file.readHeader()));
}

/** How one file is taken back: what stays is found at once, the file may be closed until it is changed. */
class FileCut {
  #file: IndexFile;
  readonly #header: IndexHeader;
  readonly #settings: IndexRecoverySettings;
  readonly #slots: Int32Array;
  readonly #entries = new EntryReader();
  readonly #isBelieved: boolean;
  /** Number of the first entry that goes. */
  readonly #keep: number;
  /** Log offset of the newest entry that is left. */
  readonly end: number;

  constructor(file: IndexFile, sizeBytes: number, settings: IndexRecoverySettings) {
    this.#file = file;
    this.#header = file.readHeader();
    this.#settings = settings;
    this.#slots = new Int32Array(file.shape.slots);
    const { nextEntry, endTimestamp } = this.#header;
    this.#isBelieved = nextEntry <= file.shape.entries && endTimestamp <= settings.believedTo;
    const isShort = sizeBytes < indexFileBytes(file.shape);
    this.#keep = this.#isBelieved
      ? this.#entriesBelow(nextEntry)
      : this.#wholeEntries(isShort ? nextEntry : file.shape.entries);
    this.end = this.isEmpty ? -1 : this.#entries.load(file, this.#keep - 1).logOffset;
  }

  get isEmpty(): boolean {
    return this.#keep === FIRST_INDEX_ENTRY;
  }

  /** Something is missing that its header counts. */
  get isShorter(): boolean {
    return this.#keep < this.#header.nextEntry;
  }

  /** `file`: the same one, of its full size. */
  carryOut(file: IndexFile): void {
    this.#file = file;
    const keep = this.#keep;
    const { nextEntry } = this.#header;
    if (this.#isBelieved) {
      this.#loadSlots();
      const newest = newestOf(this.#slots);
      // The file says what it should already, but for entries that were not counted yet.
      if (keep === nextEntry && newest < keep && this.#isHeaderOf(keep)) {
        file.wipeEntriesFrom(keep);
        return;
      }
      if (!this.#undo(keep, Math.max(nextEntry, newest + 1))) this.#rebuild(keep);
    }
    this.#write(keep);
  }

  #isHeaderOf(keep: number): boolean {
    const { usedSlots, endLogOffset } = this.#header;
    return usedSlots === this.#usedSlots() && endLogOffset === this.#entries.load(this.#file, keep - 1).logOffset;
  }

  #usedSlots(): number {
    let used = 0;
    for (let slot = 0; slot < this.#slots.length; slot++) if (this.#slots[slot] !== 0) used++;
    return used;
  }

  /**
   * How many entries, by number, lie before the limit; those below `end` are in order. The header may count more than has got to the disk,
   * but what lies before the limit was flushed: a page that was lost comes behind it.
   */
  #entriesBelow(end: number): number {
    const { limit } = this.#settings;
    const isBefore = (entry: number): boolean => {
      const found = this.#entries.load(this.#file, entry);
      return isPut(found) && found.logOffset < limit;
    };
    return partition(FIRST_INDEX_ENTRY, end, isBefore);
  }

  /**
   * The end of the entries before `entries` that are whole and lie before the limit, with the slots as they make them: a page that was lost
   * is zero.
   */
  #wholeEntries(entries: number): number {
    const { limit } = this.#settings;
    const { slots } = this.#file.shape;
    let end = FIRST_INDEX_ENTRY;
    let newest = 0;
    this.#entries.each(this.#file, FIRST_INDEX_ENTRY, entries, (entry, found) => {
      const isInOrder = found.logOffset >= newest && found.logOffset < limit && found.seconds >= 0;
      if (!isPut(found) || !isInOrder || found.previous < 0 || found.previous >= entry) return false;
      const slot = found.keyHash % slots;
      if (found.previous !== this.#slots[slot]) return false;
      this.#slots[slot] = entry;
      newest = found.logOffset;
      end = entry + 1;
      return true;
    });
    return end;
  }

  #loadSlots(): void {
    this.#eachChunk((first, count) => {
      const part = this.#slotBytes(first, count);
      this.#file.readSlots(first, count, part);
      part.swap32();
    });
  }

  /** The slots in memory, in this machine's byte order. */
  #slotBytes(first: number, count: number): Buffer {
    return Buffer.from(this.#slots.buffer, first * INDEX_SLOT_BYTES, count * INDEX_SLOT_BYTES);
  }

  /** Takes the entries `[keep, end)` back, newest first. False when that does not lead to slots of kept entries only. */
  #undo(keep: number, end: number): boolean {
    const { slots, entries } = this.#file.shape;
    if (end > entries) return false;
    let isWhole = true;
    this.#entries.eachBackward(this.#file, keep, end, (entry, found) => {
      const isOne = found.logOffset >= this.#settings.limit && found.previous >= 0 && found.previous < entry;
      isWhole &&= isOne && found.keyHash >= 0;
      if (isWhole) this.#slots[found.keyHash % slots] = found.previous;
    });
    return isWhole && this.#slots.every((entry) => entry >= 0 && entry < keep);
  }

  #rebuild(keep: number): void {
    this.#slots.fill(0);
    this.#entries.each(this.#file, FIRST_INDEX_ENTRY, keep, (entry, { keyHash }) => {
      this.#slots[keyHash % this.#slots.length] = entry;
      return true;
    });
  }

  /** Leaves a file that looks as if it had never held more. */
  #write(keep: number): void {
    const beginLogOffset = this.#entries.load(this.#file, FIRST_INDEX_ENTRY).logOffset;
    const { logOffset, seconds } = this.#entries.load(this.#file, keep - 1);
    const { storeTimeAt } = this.#settings;
    const beginTimestamp = this.#header.beginTimestamp || Math.max(0, storeTimeAt(beginLogOffset));
    const stored = storeTimeAt(logOffset);
    // The record may be gone with its segment: the entry knows its time to the second.
    const endTimestamp = stored >= 0 ? stored : beginTimestamp + seconds * MS_PER_SECOND;
    this.#writeSlots();
    const usedSlots = this.#usedSlots();
    this.#file.writeHeader({
      beginTimestamp,
      endTimestamp,
      beginLogOffset,
      endLogOffset: logOffset,
      usedSlots,
      nextEntry: keep,
    });
    this.#file.wipeEntriesFrom(keep);
  }

  /** Only what has changed: the file of a young index is a hole for the most part, and is to stay one. */
  #writeSlots(): void {
    const bytes = Buffer.alloc(CHUNK_SLOTS * INDEX_SLOT_BYTES);
    const before = Buffer.alloc(CHUNK_SLOTS * INDEX_SLOT_BYTES);
    this.#eachChunk((first, count) => {
      const length = count * INDEX_SLOT_BYTES;
      this.#file.readSlots(first, count, before);
      this.#slotBytes(first, count).copy(bytes);
      bytes.subarray(0, length).swap32();
      if (!bytes.subarray(0, length).equals(before.subarray(0, length))) this.#file.writeSlots(first, count, bytes, 0);
    });
  }

  #eachChunk(action: (first: number, count: number) => void): void {
    for (let first = 0; first < this.#slots.length; first += CHUNK_SLOTS) {
      action(first, Math.min(CHUNK_SLOTS, this.#slots.length - first));
    }
  }
}

/** There are millions: a loop, and no call for each. */
function newestOf(slots: Int32Array): number {
  let newest = 0;
  for (let slot = 0; slot < slots.length; slot++) if (slots[slot]! > newest) newest = slots[slot]!;
  return newest;
}

export interface FoundEntry {
  keyHash: number;
  logOffset: number;
  seconds: number;
  previous: number;
}

/** A page that was lost is zero. */
function isPut({ keyHash, logOffset, seconds, previous }: FoundEntry): boolean {
  return keyHash !== 0 || logOffset !== 0 || seconds !== 0 || previous !== 0;
}

/** Reads entries in chunks to one object that is used again for each. */
export class EntryReader {
  readonly #found: FoundEntry = { keyHash: 0, logOffset: 0, seconds: 0, previous: 0 };
  readonly #bytes = new Uint8Array(CHUNK_ENTRIES * INDEX_ENTRY_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);

  load(file: IndexFile, entry: number): FoundEntry {
    file.readEntries(entry, 1, this.#bytes);
    return this.#at(0);
  }

  /** From `from` up to `end`, until `look` returns false. */
  each(file: IndexFile, from: number, end: number, look: (entry: number, found: FoundEntry) => boolean): void {
    for (let first = from; first < end; first += CHUNK_ENTRIES) {
      const count = Math.min(CHUNK_ENTRIES, end - first);
      file.readEntries(first, count, this.#bytes);
      for (let i = 0; i < count; i++) if (!look(first + i, this.#at(i))) return;
    }
  }

  /** From the last before `end` down to `from`. */
  eachBackward(file: IndexFile, from: number, end: number, look: (entry: number, found: FoundEntry) => void): void {
    for (let to = end; to > from; to -= CHUNK_ENTRIES) {
      const first = Math.max(from, to - CHUNK_ENTRIES);
      file.readEntries(first, to - first, this.#bytes);
      for (let entry = to - 1; entry >= first; entry--) look(entry, this.#at(entry - first));
    }
  }

  #at(index: number): FoundEntry {
    const at = index * INDEX_ENTRY_BYTES;
    const found = this.#found;
    found.keyHash = indexEntryKeyHash(this.#view, at);
    found.logOffset = indexEntryLogOffset(this.#view, at);
    found.seconds = indexEntrySeconds(this.#view, at);
    found.previous = indexEntryPrevious(this.#view, at);
    return found;
  }
}
