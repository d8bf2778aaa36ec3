/** Entries read by the page are those that the file has, in whatever order chains name them. */
import { beforeEach, describe, expect, it } from 'vitest';
import { INDEX_ENTRY_BYTES, indexEntryPosition, indexFileBytes } from '../../src/layout/index-file.ts';
import { ChainEntries } from '../../src/store/chain-entries.ts';
import { IndexFile } from '../../src/store/index-file.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

const PATH = '/index/20240101000000000';
const PAGE_BYTES = 4096;
/** Entries of several pages, some of which lie on two. */
const SHAPE = { slots: 7, entries: 1000 };

let disk: MemoryDisk;
let bytes: Uint8Array;
let file: IndexFile;
let reads: number;

beforeEach(() => {
  disk = new MemoryDisk();
  bytes = Uint8Array.from({ length: indexFileBytes(SHAPE) }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
  disk.put(PATH, bytes);
  file = IndexFile.open(disk, PATH, SHAPE, 'read');
  reads = 0;
  disk.fault = (operation) => {
    if (operation === 'read') reads++;
    return null;
  };
});

function read(entries: ChainEntries, entry: number): Uint8Array {
  const into = new Uint8Array(INDEX_ENTRY_BYTES);
  entries.read(entry, into);
  return into;
}

function expected(entry: number): Uint8Array {
  const at = indexEntryPosition(SHAPE, entry);
  return bytes.slice(at, at + INDEX_ENTRY_BYTES);
}

describe('the entries of a chain', () => {
  for (const step of [1, 7, 203, 204, 205, 206, 333])
    it(`are those of the file, ${step} apart`, () => {
      const entries = new ChainEntries();
      entries.begin(file);
      for (let entry = SHAPE.entries - 1; entry > 0; entry -= step) {
        expect(read(entries, entry), String(entry)).toEqual(expected(entry));
      }
    });

  it('take one read for each page when they are neighbours', () => {
    const entries = new ChainEntries();
    entries.begin(file);
    for (let entry = SHAPE.entries - 1; entry > 0; entry--) read(entries, entry);
    expect(reads).toBe(Math.ceil(bytes.length / PAGE_BYTES));
  });

  it('are found in any order, as a damaged chain may name them', () => {
    const entries = new ChainEntries();
    entries.begin(file);
    for (const entry of [500, 501, 500, 1, 999, 2, 502]) expect(read(entries, entry)).toEqual(expected(entry));
  });

  it('are not those of the file before', () => {
    const other = '/index/20240101000000001';
    disk.put(other, new Uint8Array(bytes.length));
    const entries = new ChainEntries();
    entries.begin(file);
    read(entries, 500);
    entries.begin(IndexFile.open(disk, other, SHAPE, 'read'));
    expect(read(entries, 500)).toEqual(new Uint8Array(INDEX_ENTRY_BYTES));
  });

  it('are not what was read before a read that failed', () => {
    const entries = new ChainEntries();
    entries.begin(file);
    read(entries, 500);
    expect(() => read(entries, SHAPE.entries)).toThrow('too short');
    expect(read(entries, 500)).toEqual(expected(500));
  });
});
