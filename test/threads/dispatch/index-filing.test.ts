/** Builds the key index of Apache's own stores, and takes it over at every moment at which a broker may be killed. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { asLogOffset } from '../../../src/base/units.ts';
import {
  indexEntryLogOffset,
  indexEntryPosition,
  indexEntryPrevious,
  indexSlotPosition,
  readIndexHeader,
  readIndexSlot,
} from '../../../src/layout/index-file.ts';
import { isShortage } from '../../../src/store/disk.ts';
import { IndexFile } from '../../../src/store/index-file.ts';
import { indexFileNames, indexFilePath, newIndexFileName } from '../../../src/store/index-files.ts';
import { findIndexCut, type IndexRecoverySettings } from '../../../src/store/index-recovery.ts';
import type { IndexRound } from '../../../src/threads/dispatch/index-filing.ts';
import { goldenStore, goldenStoreIndex } from '../../support/golden-store.ts';
import { finish, GOLDEN_INDEX, indexBytes, openFiling, putRange, queryFiles } from '../../support/index-builds.ts';
import type { MemoryDisk } from '../../support/memory-disk.ts';

/** Returns where the index ends then. */
function cutIndex(disk: MemoryDisk, files: typeof GOLDEN_INDEX, settings: IndexRecoverySettings): number {
  const cut = findIndexCut(disk, files, settings);
  cut.carryOut();
  return cut.end;
}

const index = goldenStoreIndex('clean.index.json');
const logEnd = index.commitLog.maxOffset;
const times = new Map(index.messages.map((message) => [message.physicalOffset, message.storeTimestamp]));
const storeTimeAt = (logOffset: number): number => times.get(logOffset) ?? -1;

const sorted = (offsets: number[]): number[] => offsets.sort((a, b) => a - b);

/** The golden log without an index. */
function bare(): MemoryDisk {
  const disk = goldenStore('clean');
  disk.removeTree(GOLDEN_INDEX.directory);
  return disk;
}

/** The files of an index that was built of the log up to `to` and no further. */
function built(to: number, files = GOLDEN_INDEX): Uint8Array[] {
  const disk = bare();
  const filing = openFiling(disk, files);
  putRange(filing, { disk, from: 0, to });
  finish(filing);
  return indexBytes(disk, files);
}

describe('the key index', () => {
  it('is Apache’s, byte for byte', () => {
    const byApache = indexBytes(goldenStore('clean'));
    expect(byApache.length).toBeGreaterThan(1);
    expect(built(logEnd)).toEqual(byApache);
  });

  it('answers every query as Apache’s does', () => {
    expect(index.keyQueries.length).toBeGreaterThan(300);
    const disk = goldenStore('clean');
    for (const query of index.keyQueries)
      expect(sorted(queryFiles(disk, query)), query.key).toEqual(query.physicalOffsets);
  });

  it('goes on where it was, at whatever record it was closed', () => {
    const random = seededRandom(5);
    const whole = built(logEnd);
    for (let round = 0; round < 5; round++) {
      const disk = bare();
      const stops = [1, 2, 3].map(() => random.below(logEnd)).sort((a, b) => a - b);
      for (const stop of [...stops, logEnd]) {
        const filing = openFiling(disk);
        // Some of it again: what is in the index is passed over.
        putRange(filing, { disk, from: 0, to: stop });
        finish(filing);
      }
      expect(indexBytes(disk)).toEqual(whole);
    }
  });

  it('waits on a full disk, and puts no key twice', () => {
    const whole = built(logEnd);
    const random = seededRandom(9);
    const disk = bare();
    const filing = openFiling(disk);
    disk.fault = (operation, path) =>
      path.startsWith(GOLDEN_INDEX.directory) && /write|resize|open/.test(operation) && random.next() < 0.3
        ? 'ENOSPC'
        : null;
    let refused = 0;
    // A record that is refused comes again, and nothing behind it before.
    while (!putRange(filing, { disk, from: 0, to: logEnd })) refused++;
    expect(refused).toBeGreaterThan(3);
    disk.fault = () => null;
    finish(filing);
    expect(indexBytes(disk)).toEqual(whole);
  });

  it('vouches in a round for what is in the files, however often the disk was full before it', () => {
    const random = seededRandom(4);
    const files = { directory: GOLDEN_INDEX.directory, shape: { slots: 300, entries: 60 } };
    const disk = bare();
    const filing = openFiling(disk, files);
    let isFull = true;
    disk.fault = (operation, path) =>
      isFull && path.startsWith(GOLDEN_INDEX.directory) && operation === 'write' && random.next() < 0.5
        ? 'ENOSPC'
        : null;
    let rounds = 0;
    let end = 0;
    for (let isIn = false; !isIn; ) {
      isIn = putRange(filing, { disk, from: 0, to: logEnd }, (recordEnd) => {
        end = Math.max(end, recordEnd);
      });
      filing.beginRound(end);
      const round = stepsOf(filing);
      if (round === null || round.logOffset < 0 || rounds++ % 3 !== 0) continue;
      isFull = false;
      const copy = disk.copy();
      const settings = { limit: asLogOffset(end), believedTo: round.storeTimestamp, storeTimeAt };
      expect(cutIndex(copy, files, settings)).toBe(round.logOffset);
      expect(indexBytes(copy, files)).toEqual(built(end, files));
      isFull = true;
    }
    expect(rounds).toBeGreaterThan(3);
  });

  it('gives its files names in the order of their age', () => {
    const name = newIndexFileName(Date.UTC(2026, 10, 26, 12, 0, 0, 7), null);
    expect(name).toMatch(/^202611\d{6}00007$/);
    expect(newIndexFileName(0, name)).toBe(String(BigInt(name) + 1n));
    expect(newIndexFileName(Date.UTC(2026, 10, 26, 12, 0, 1), name) > name).toBe(true);
  });
});

/** A round to its end, or null when the disk is full. */
function stepsOf(filing: ReturnType<typeof openFiling>): IndexRound | null {
  try {
    for (;;) {
      const round = filing.roundStep();
      if (round !== null) return round;
    }
  } catch (cause) {
    if (isShortage(cause)) return null;
    throw cause;
  }
}

function headerOf(disk: MemoryDisk, name: string) {
  const file = IndexFile.open(disk, indexFilePath(GOLDEN_INDEX, name), GOLDEN_INDEX.shape, 'read');
  const header = file.readHeader();
  file.close();
  return header;
}

/** What upstream would miss: entries before the header's end, from which on it puts messages again, that no slot leads to. */
function lostToUpstream(disk: MemoryDisk, files = GOLDEN_INDEX): string[] {
  const lost: string[] = [];
  for (const name of indexFileNames(disk, files)) {
    const bytes = disk.readWhole(indexFilePath(files, name));
    // Upstream makes a file full-size when it opens it.
    if (bytes.length === 0) continue;
    const view = new DataView(bytes.buffer);
    const { nextEntry, endLogOffset } = readIndexHeader(view);
    const reached = new Set<number>();
    for (let slot = 0; slot < files.shape.slots; slot++) {
      const newest = readIndexSlot(view, indexSlotPosition(slot));
      if (newest >= nextEntry) lost.push(`slot ${slot} of ${name}: ${newest} of ${nextEntry}`);
      for (let entry = newest; entry > 0; ) {
        reached.add(entry);
        entry = indexEntryPrevious(view, indexEntryPosition(files.shape, entry));
      }
    }
    for (let entry = 1; entry < nextEntry; entry++) {
      const logOffset = indexEntryLogOffset(view, indexEntryPosition(files.shape, entry));
      if (logOffset < endLogOffset && !reached.has(entry)) lost.push(`entry ${entry} of ${name}`);
    }
  }
  return lost;
}

describe('the key index of a broker that was killed', () => {
  it('has no entries that its header counts and whose page was lost', () => {
    const disk = bare();
    const filing = openFiling(disk);
    putRange(filing, { disk, from: 0, to: logEnd });
    finish(filing);
    const before = indexBytes(disk);
    const path = indexFilePath(GOLDEN_INDEX, indexFileNames(disk, GOLDEN_INDEX).at(-1)!);
    const file = IndexFile.open(disk, path, GOLDEN_INDEX.shape, 'write');
    const header = file.readHeader();
    file.writeHeader({ ...header, nextEntry: header.nextEntry + 2 });
    file.close();
    const settings = { limit: asLogOffset(logEnd), believedTo: header.endTimestamp, storeTimeAt };
    expect(cutIndex(disk, GOLDEN_INDEX, settings)).toBe(header.endLogOffset);
    expect(indexBytes(disk)).toEqual(before);
  });

  /** Stops at every write to the index and shows the disk as it is then, with the end of the newest round that was over. */
  function eachState(
    look: (disk: MemoryDisk, safe: { readonly logOffset: number; readonly storeTimestamp: number }) => void,
  ): void {
    const disk = bare();
    const filing = openFiling(disk);
    const random = seededRandom(3);
    let safe = { logOffset: 0, storeTimestamp: 0 };
    let calls = 0;
    disk.fault = (operation, path) => {
      const isState = path.startsWith(GOLDEN_INDEX.directory) && /write|resize|unlink/.test(operation);
      if (isState) look(disk, safe);
      if (isState) calls++;
      return null;
    };
    let roundTo = -1;
    putRange(filing, { disk, from: 0, to: logEnd }, (end) => {
      if (roundTo < 0 && random.next() < 0.1) {
        filing.beginRound(Number.MAX_SAFE_INTEGER);
        roundTo = end;
      }
      if (roundTo < 0 || random.next() < 0.7) return;
      const round = filing.roundStep();
      if (round === null) return;
      safe = { logOffset: roundTo, storeTimestamp: round.storeTimestamp };
      roundTo = -1;
    });
    filing.close();
    expect(calls).toBeGreaterThan(200);
  }

  it('can be taken over by Apache’s broker at every write', () => {
    eachState((disk) => expect(lostToUpstream(disk)).toEqual([]));
  });

  it('can be taken over while its slots are written in several turns, and change meanwhile', () => {
    const files = { directory: GOLDEN_INDEX.directory, shape: { slots: 400 * 1024, entries: 5000 } };
    const disk = bare();
    const filing = openFiling(disk, files);
    let records = 0;
    let turns = 0;
    putRange(filing, { disk, from: 0, to: logEnd }, () => {
      if (++records % 150 === 0) filing.beginRound(Number.MAX_SAFE_INTEGER);
      if (records % 10 !== 0 || filing.roundStep() !== null) return;
      turns++;
      expect(lostToUpstream(disk, files)).toEqual([]);
    });
    expect(turns).toBeGreaterThan(3);
    filing.close();
  });

  it('is brought back to what the checkpoint vouches for, at every write, as if nothing had come behind it', () => {
    const expected = new Map<number, Uint8Array[]>();
    let states = 0;
    eachState((live, { logOffset, storeTimestamp }) => {
      if (states++ % 11 !== 0) return;
      const disk = live.copy();
      const settings = { limit: asLogOffset(logOffset), believedTo: storeTimestamp, storeTimeAt };
      cutIndex(disk, GOLDEN_INDEX, settings);
      if (!expected.has(logOffset)) expected.set(logOffset, built(logOffset));
      expect(indexBytes(disk)).toEqual(expected.get(logOffset));
    });
  });

  it('is whole again when it is built on from there', () => {
    const whole = built(logEnd);
    let states = 0;
    eachState((live, { logOffset, storeTimestamp }) => {
      if (states++ % 40 !== 0) return;
      const disk = live.copy();
      cutIndex(disk, GOLDEN_INDEX, { limit: asLogOffset(logOffset), believedTo: storeTimestamp, storeTimeAt });
      const filing = openFiling(disk);
      putRange(filing, { disk, from: logOffset, to: logEnd });
      finish(filing);
      expect(indexBytes(disk)).toEqual(whole);
    });
  });

  it('is taken back again when that was ended between its cut and its growth', () => {
    const disk = bare();
    const filing = openFiling(disk);
    putRange(filing, { disk, from: 0, to: logEnd });
    finish(filing);
    const limit = asLogOffset(index.messages[Math.floor(index.messages.length * 0.6)]!.physicalOffset);
    const settings = { limit, believedTo: Number.MAX_SAFE_INTEGER, storeTimeAt };
    const calls: string[] = [];
    disk.fault = (operation, path) => {
      if (path.startsWith(GOLDEN_INDEX.directory) && /write|fdatasync|resize/.test(operation)) calls.push(operation);
      return calls.at(-1) === 'resize' && calls.at(-2) === 'resize' ? 'EIO' : null;
    };
    expect(() => cutIndex(disk, GOLDEN_INDEX, settings)).toThrow('EIO');
    // What tells a half done cut from other settings is on the disk before it.
    expect(calls.slice(-4)).toEqual(['write', 'fdatasync', 'resize', 'resize']);
    disk.fault = () => null;
    const sizes = indexBytes(disk).map(({ length }) => length);
    expect(sizes.at(-1)).toBeLessThan(sizes[0]!);
    cutIndex(disk, GOLDEN_INDEX, settings);
    expect(indexBytes(disk)).toEqual(built(limit));
  });

  it('is refused, and left as it is, when its size is that of other settings', () => {
    const disk = bare();
    const filing = openFiling(disk);
    putRange(filing, { disk, from: 0, to: logEnd });
    finish(filing);
    const before = indexBytes(disk);
    const { slots, entries } = GOLDEN_INDEX.shape;
    for (const shape of [
      { slots, entries: entries + 1 },
      { slots: slots + 5, entries },
      { slots: slots - 5, entries: entries + 2 },
    ]) {
      const settings = { limit: asLogOffset(logEnd), believedTo: Number.MAX_SAFE_INTEGER, storeTimeAt };
      expect(() => cutIndex(disk, { ...GOLDEN_INDEX, shape }, settings)).toThrow('maxIndexNum');
      expect(indexBytes(disk)).toEqual(before);
    }
  });

  it('is not believed where pages were lost: slots come from the entries, and what is missing is told', () => {
    const limit = asLogOffset(index.messages[Math.floor(index.messages.length * 0.6)]!.physicalOffset);
    const disk = bare();
    const filing = openFiling(disk);
    putRange(filing, { disk, from: 0, to: logEnd });
    finish(filing);
    const expected = built(limit);
    const names = indexFileNames(disk, GOLDEN_INDEX);
    const name = names[expected.length - 1]!;
    const bytes = disk.bytesOf(indexFilePath(GOLDEN_INDEX, name));
    // A third of the slots is older than the header says, and the header is newer than what the checkpoint names.
    bytes.fill(0, 40, 440);
    cutIndex(disk, GOLDEN_INDEX, { limit, believedTo: 0, storeTimeAt });
    expect(indexBytes(disk)).toEqual(expected);

    // An entry is lost: the index ends before it.
    const at = 40 + 300 * 4 + 20 * 10;
    const before = disk.copy();
    before.bytesOf(indexFilePath(GOLDEN_INDEX, name)).fill(0, at, at + 20);
    const end = cutIndex(before, GOLDEN_INDEX, { limit, believedTo: 0, storeTimeAt });
    expect(headerOf(before, name)).toMatchObject({ nextEntry: 10, endLogOffset: end });
    expect(end).toBeLessThan(limit);
  });
});
