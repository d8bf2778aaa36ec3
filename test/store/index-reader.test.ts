/** What control keeps of index files between queries: names, headers and open files, and how it gives up those that go. */
import { beforeEach, expect, it } from 'vitest';
import { indexFileNames, indexFilePath } from '../../src/store/index-files.ts';
import { IndexReader } from '../../src/store/index-reader.ts';
import { SEVERAL_FILES, storeWithSeveralIndexFiles } from '../support/index-builds.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';

let disk: MemoryDisk;
let names: bigint[];
let reader: IndexReader;
let calls: string[];

beforeEach(() => {
  disk = storeWithSeveralIndexFiles();
  names = indexFileNames(disk, SEVERAL_FILES).map(BigInt);
  expect(names.length).toBeGreaterThan(4);
  reader = new IndexReader(disk, SEVERAL_FILES, 64);
  calls = [];
  disk.fault = (operation) => {
    calls.push(operation);
    return null;
  };
});

const pathOf = (name: bigint): string => indexFilePath(SEVERAL_FILES, String(name));

/** As a query that looks at all files does; which of them it found. */
function query(newest: bigint): bigint[] {
  return reader
    .filesFrom(newest)
    .filter(
      (file) => (file.name === newest || reader.head(file) !== null) && reader.open(file)?.readHeader() !== undefined,
    )
    .map(({ name }) => name);
}

it('has all files up to the newest, newest first, and asks the disk for names and headers once', () => {
  const newest = names.at(-1)!;
  expect(query(newest)).toEqual(names.toReversed());
  calls = [];
  expect(query(newest)).toEqual(names.toReversed());
  expect(new Set(calls)).toEqual(new Set(['read']));
  expect(disk.openFiles).toBe(names.length);
  reader.close();
  expect(disk.openFiles).toBe(0);
});

it('leaves out a file that is just being made until it is the newest', () => {
  const newest = names.at(-2)!;
  expect(query(newest)).toEqual(names.slice(0, -1).toReversed());
  expect(query(names.at(-1)!)).toEqual(names.toReversed());
});

it('reads the header of a file when it is complete, not as it was while it was the newest', () => {
  const newest = names.at(-2)!;
  disk.bytesOf(pathOf(newest)).fill(0, 0, 40);
  query(newest);
  const whole = new IndexReader(disk, SEVERAL_FILES, 64);
  disk.bytesOf(pathOf(newest))[39] = 77;
  query(names.at(-1)!);
  for (const one of [whole, reader]) {
    const file = one.filesFrom(names.at(-1)!).find(({ name }) => name === newest)!;
    expect(one.head(file)!.nextEntry).toBe(77);
  }
});

it('closes the files whose messages are gone, and opens them no more, also before they are removed', () => {
  const newest = names.at(-1)!;
  query(newest);
  const [, second] = reader.filesFrom(newest).toReversed();
  reader.dropBelow(reader.head(second!)!.endLogOffset);
  // Not closed: the others that are complete. The newest is opened again.
  expect(disk.openFiles).toBe(names.length - 2);
  expect(query(newest)).toEqual(names.slice(1).toReversed());
  expect(disk.openFiles).toBe(names.length - 1);
  const fresh = new IndexReader(disk, SEVERAL_FILES, 64);
  fresh.dropBelow(Number.MAX_SAFE_INTEGER);
  reader.close();
  reader = fresh;
  expect(query(newest)).toEqual([newest]);
  expect(disk.openFiles).toBe(1);
});

it('passes over a file that somebody has removed, and closes it with the next list', () => {
  const newest = names.at(-2)!;
  const [first, second] = names;
  reader.filesFrom(newest);
  disk.unlink(pathOf(first!));
  expect(query(newest)).toEqual(names.slice(1, -1).toReversed());
  disk.unlink(pathOf(second!));
  // It is open.
  expect(query(newest)).toEqual(names.slice(1, -1).toReversed());
  expect(query(names.at(-1)!)).toEqual(names.slice(2).toReversed());
  expect(disk.openFiles).toBe(names.length - 2);
});

it('lists the files again when the disk has failed to', () => {
  disk.fault = (operation) => (operation === 'list' ? 'EIO' : null);
  expect(() => query(names.at(-1)!)).toThrow('EIO');
  disk.fault = () => null;
  expect(query(names.at(-1)!)).toEqual(names.toReversed());
});
