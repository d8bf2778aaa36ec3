/** Old files of the key index go when the log has lost their messages. */
import { beforeEach, expect, it } from 'vitest';
import { IndexFile } from '../../../src/store/index-file.ts';
import { indexFileNames, indexFilePath } from '../../../src/store/index-files.ts';
import { IndexReader } from '../../../src/store/index-reader.ts';
import { IndexExpiry } from '../../../src/threads/control/index-expiry.ts';
import { SEVERAL_FILES, storeWithSeveralIndexFiles } from '../../support/index-builds.ts';
import type { MemoryDisk } from '../../support/memory-disk.ts';

let disk: MemoryDisk;
let names: string[];
let logStart: number;
let expiry: IndexExpiry;
let reader: IndexReader;
let lines: string[];

beforeEach(() => {
  disk = storeWithSeveralIndexFiles();
  names = indexFileNames(disk, SEVERAL_FILES);
  expect(names.length).toBeGreaterThan(2);
  logStart = 0;
  lines = [];
  const log = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line), error: () => {} };
  reader = new IndexReader(disk, SEVERAL_FILES, 64);
  expiry = new IndexExpiry({
    ends: { logStart: { read: () => logStart } as never },
    disk,
    files: SEVERAL_FILES,
    reader,
    log,
    wake: () => {},
  });
});

/** Lets it do what is due; removals take a while. */
async function work(): Promise<void> {
  while (expiry.dueInMs() === 0) {
    expiry.doWork();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function endOf(name: string): number {
  const file = IndexFile.open(disk, indexFilePath(SEVERAL_FILES, name), SEVERAL_FILES.shape, 'read');
  const { endLogOffset } = file.readHeader();
  file.close();
  return endLogOffset;
}

it('goes when its last message is gone, and not before', async () => {
  logStart = endOf(names[0]!);
  await work();
  expect(indexFileNames(disk, SEVERAL_FILES)).toEqual(names);
  logStart++;
  await work();
  expect(indexFileNames(disk, SEVERAL_FILES)).toEqual(names.slice(1));
  expect(lines).toEqual([expect.stringContaining(`deleted ${names[0]} of the key index`)]);
});

it('stays as long as it is the newest', async () => {
  logStart = Number.MAX_SAFE_INTEGER;
  await work();
  expect(indexFileNames(disk, SEVERAL_FILES)).toEqual([names.at(-1)]);
});

it('is open for no query when it goes, so that nobody waits for its blocks', async () => {
  const newest = BigInt(names.at(-1)!);
  const openAll = (): number =>
    reader.filesFrom(newest).filter((file) => reader.head(file) !== null && reader.open(file) !== null).length;
  expect(openAll()).toBe(names.length);
  expect(disk.openFiles).toBe(names.length);
  disk.holdsUnlinks = true;
  logStart = endOf(names[1]!) + 1;
  expiry.doWork();
  // One is on its way out, the next one follows.
  expect(indexFileNames(disk, SEVERAL_FILES)).toEqual(names);
  expect(openAll()).toBe(names.length - 2);
  expect(disk.openFiles).toBe(names.length - 2);
  disk.holdsUnlinks = false;
  disk.unlinkHeld();
  await work();
  expect(openAll()).toBe(names.length - 2);
  expect(disk.openFiles).toBe(names.length - 2);
  expect(indexFileNames(disk, SEVERAL_FILES)).toEqual(names.slice(2));
});

it('is tried again when the disk has refused', async () => {
  disk.fault = (operation) => (operation === 'unlink' ? 'EIO' : null);
  logStart = endOf(names[0]!) + 1;
  await work();
  expect(lines).toEqual([expect.stringContaining('will be tried again')]);
  expect(indexFileNames(disk, SEVERAL_FILES)).toEqual(names);
  disk.fault = () => null;
  await work();
  expect(indexFileNames(disk, SEVERAL_FILES)).toEqual(names);
  logStart++;
  await work();
  expect(indexFileNames(disk, SEVERAL_FILES)).toEqual(names.slice(1));
});

it('is waited for at a stop, and no other goes after it', async () => {
  logStart = Number.MAX_SAFE_INTEGER;
  expiry.doWork();
  await expiry.finish();
  await work();
  expect(indexFileNames(disk, SEVERAL_FILES)).toEqual(names.slice(1));
});
