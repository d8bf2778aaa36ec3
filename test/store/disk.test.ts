import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  DiskFailedError,
  isMissing,
  isWritten,
  NodeDisk,
  removeIfThere,
  replaceFile,
  writeFully,
  writeWhole,
} from '../../src/store/disk.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

let folder: string;
const disk = new NodeDisk();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringmq-disk-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('the disk of the machine', () => {
  it('writes from shared memory and reads into private memory at positions', () => {
    const shared = Buffer.from(new SharedArrayBuffer(64));
    shared.write('xxhello, logxx');
    const file = disk.open(join(folder, 'a'), 'create');
    file.resize(32);
    expect(file.write(shared, 2, 10, 5)).toBe(10);
    file.sync();
    const into = Buffer.alloc(40, '-');
    expect(file.read(into, 1, 40 - 1, 5)).toBe(27);
    expect(into.toString('latin1', 0, 12)).toBe('-hello, log\0');
    file.close();
    expect(readFileSync(join(folder, 'a')).length).toBe(32);
  });

  it('unlinks a file while this thread goes on, and says what went wrong', async () => {
    const path = join(folder, 'a');
    writeFileSync(path, 'gone soon');
    let isBack = false;
    const unlinked = (): Promise<Error | null> =>
      new Promise((resolve) =>
        disk.unlinkAside(path, (failure) => {
          expect(isBack).toBe(true);
          resolve(failure);
        }),
      );
    const first = unlinked();
    isBack = true;
    expect(await first).toBeNull();
    expect(existsSync(path)).toBe(false);
    expect(isMissing(await unlinked())).toBe(true);
  });

  it('tells the room of a file system, and nothing of a path that is not there', () => {
    const { total, free, usable } = disk.usage(folder)!;
    expect(total).toBeGreaterThan(1024 * 1024);
    expect(free).toBeLessThanOrEqual(total);
    expect(usable).toBeLessThanOrEqual(free);
    expect(disk.usage(join(folder, 'nothing'))).toBeNull();
  });

  it('creates only when told to, and leaves the bytes of a file that is there', () => {
    const path = join(folder, 'a');
    expect(() => disk.open(path, 'read')).toThrow(/^open .*a: ENOENT$/);
    expect(() => disk.open(path, 'write')).toThrow(DiskFailedError);
    writeFileSync(path, 'kept');
    disk.open(path, 'create').close();
    expect(readFileSync(path, 'utf8')).toBe('kept');
    expect(() => disk.open(path, 'exclusive')).toThrow('EEXIST');
    disk.open(join(folder, 'b'), 'exclusive').close();
    expect(disk.list(folder)).toEqual(['a', 'b']);
  });

  it('says what is not there', () => {
    expect(disk.list(join(folder, 'none'))).toEqual([]);
    // What cannot be looked at is not the same as nothing: a store would begin anew.
    expect(() => disk.list(join(folder, 'x'.repeat(300)))).toThrow(/ENAMETOOLONG/);
    expect(disk.stat(join(folder, 'none'))).toBeNull();
    disk.removeTree(join(folder, 'none'));
    try {
      disk.readWhole(join(folder, 'none'));
      expect.unreachable();
    } catch (error) {
      expect(isMissing(error)).toBe(true);
    }
    expect(isMissing(new DiskFailedError('a', 'open', 'EACCES'))).toBe(false);
    expect(new DiskFailedError('a', 'open', 'EACCES').message).toContain('start as the owner of the store');
  });

  it('links without replacing', () => {
    writeFileSync(join(folder, 'a'), 'one');
    writeFileSync(join(folder, 'b'), 'two');
    expect(disk.link(join(folder, 'a'), join(folder, 'b'))).toBe(false);
    expect(disk.link(join(folder, 'a'), join(folder, 'c'))).toBe(true);
    expect(readFileSync(join(folder, 'b'), 'utf8')).toBe('two');
    expect(readFileSync(join(folder, 'c'), 'utf8')).toBe('one');
  });

  it('makes, stats and removes folders', () => {
    const deep = join(folder, 'x', 'y', 'z');
    disk.makeDirectory(deep);
    disk.makeDirectory(deep);
    disk.syncDirectory(deep);
    expect(disk.stat(deep)?.isDirectory).toBe(true);
    disk.removeTree(join(folder, 'x'));
    expect(disk.list(folder)).toEqual([]);
  });

  it('fails with the path, the operation and the code', () => {
    const file = disk.open(join(folder, 'a'), 'create');
    file.close();
    expect(() => file.sync()).toThrow(/^fdatasync .*a: EBADF$/);
    expect(() => file.write(Buffer.from('a'), 0, 1, 0)).toThrow(DiskFailedError);
  });

  it('tells a full disk apart', (context) => {
    if (disk.stat('/dev/full') === null) context.skip();
    const full = disk.open('/dev/full', 'write');
    expect(() => full.write(Buffer.from('a'), 0, 1, 0)).toThrow('disk full: write /dev/full');
    full.close();
  });
});

describe('writing the whole of something', () => {
  it('goes on after short writes', () => {
    const memory = new MemoryDisk();
    memory.writeMax = 3;
    const file = memory.open('/a', 'create');
    writeFully(file, Buffer.from('--0123456789--'), 2, 10, 1);
    expect(Buffer.from(memory.bytesOf('/a')).toString()).toBe('\u00000123456789');
  });

  it('makes a small file what it is told to be, whatever it was', () => {
    const memory = new MemoryDisk();
    memory.put('/a', 'the longer old text');
    memory.writeMax = 2;
    writeWhole(memory, '/a', Buffer.from('new'));
    expect(Buffer.from(memory.readWhole('/a')).toString()).toBe('new');
    expect(memory.journal).toEqual(['fdatasync /a']);
    expect(memory.openFiles).toBe(0);
  });

  it('tells whether something was written to a part of a file', () => {
    const memory = new MemoryDisk();
    memory.put('/a', Uint8Array.of(1, 0, 0, 0, 1));
    const parts: [from: number, length: number][] = [
      [0, 1],
      [1, 3],
      [1, 4],
      [4, 9],
      [5, 9],
    ];
    expect(parts.map(([from, length]) => isWritten(memory, '/a', from, length))).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    expect(memory.openFiles).toBe(0);
  });

  it('removes a file that need not be there', () => {
    const memory = new MemoryDisk();
    memory.put('/a', 'old');
    removeIfThere(memory, '/a');
    removeIfThere(memory, '/a');
    expect(memory.list('/')).toEqual([]);
    memory.fault = () => 'EACCES';
    expect(() => removeIfThere(memory, '/a')).toThrow('EACCES');
  });

  it('replaces a file so that the new contents are durable before the name is', () => {
    const memory = new MemoryDisk();
    memory.put('/a', 'the longer old text');
    replaceFile(memory, '/a', Buffer.from('new'));
    expect(Buffer.from(memory.readWhole('/a')).toString()).toBe('new');
    expect(memory.journal).toEqual(['fdatasync /a.tmp', 'rename /a.tmp /a', 'fsync /']);
  });

  it('leaves the old file when the disk is full', () => {
    const memory = new MemoryDisk();
    memory.put('/a', 'old');
    memory.roomBytes = 2;
    expect(() => replaceFile(memory, '/a', Buffer.from('new'))).toThrow('disk full');
    expect(Buffer.from(memory.readWhole('/a')).toString()).toBe('old');
  });
});
