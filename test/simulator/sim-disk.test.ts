/** The simulated disk itself: what it keeps, loses and tears. A disk that loses nothing would prove nothing. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { DiskFullError, writeFully } from '../../src/store/disk.ts';
import { CrashedError, SimDisk } from '../support/sim-disk.ts';

const random = seededRandom(1);
const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

function diskWith(name: string, length: number): SimDisk {
  const disk = new SimDisk(random);
  disk.makeDirectory('/d');
  disk.syncDirectory('/');
  const file = disk.open(`/d/${name}`, 'create');
  writeFully(file, bytes(length, 1), 0, length, 0);
  file.sync();
  file.close();
  disk.syncDirectory('/d');
  return disk;
}

function write(disk: SimDisk, path: string, length: number, value: number, at = 0): void {
  const file = disk.open(path, 'create');
  writeFully(file, bytes(length, value), 0, length, at);
  file.close();
}

describe('a loss of power', () => {
  it('takes what was not synced, and leaves what was', () => {
    const disk = diskWith('a', 1000);
    write(disk, '/d/a', 1000, 2);
    const kept = disk.afterCrash('power', random, 0);
    expect(kept.readWhole('/d/a')).toEqual(bytes(1000, 1));
    write(kept, '/d/a', 1000, 3);
    expect(kept.afterCrash('power', random, 1).readWhole('/d/a')).toEqual(bytes(1000, 3));
  });

  it('keeps each sector or loses it', () => {
    const seen = new Set<string>();
    for (let round = 0; round < 200; round++) {
      const disk = diskWith('a', 1536);
      write(disk, '/d/a', 1536, 2);
      const left = disk.afterCrash('power', random, 0.5).readWhole('/d/a');
      const sectors = [0, 512, 1024].map((at) => left.subarray(at, at + 512));
      for (const sector of sectors) expect(sector.every((byte) => byte === sector[0])).toBe(true);
      seen.add(sectors.map((sector) => sector[0]).join(''));
    }
    expect(seen.size).toBe(8);
  });

  it('loses the names of files that were synced, if their folder was not', () => {
    const disk = diskWith('a', 10);
    const file = disk.open('/d/b', 'create');
    writeFully(file, bytes(10, 1), 0, 10, 0);
    file.sync();
    file.close();
    disk.unlink('/d/a');
    expect(disk.list('/d')).toEqual(['b']);
    expect(disk.afterCrash('power', random, 0).list('/d')).toEqual(['a']);
  });

  it('leaves a rename done or not done, and nothing between', () => {
    for (const kept of [0, 1]) {
      const disk = diskWith('old', 10);
      write(disk, '/d/new', 10, 2);
      disk.open('/d/new', 'write').sync();
      disk.syncDirectory('/d');
      disk.rename('/d/new', '/d/old');
      const left = disk.afterCrash('power', random, kept);
      expect(left.list('/d')).toEqual(kept === 0 ? ['new', 'old'] : ['old']);
      expect(left.readWhole('/d/old')).toEqual(bytes(10, kept === 0 ? 1 : 2));
    }
  });

  it('may undo a cut that was not synced', () => {
    const disk = diskWith('a', 2048);
    const file = disk.open('/d/a', 'write');
    file.resize(512);
    file.resize(2048);
    expect(disk.readWhole('/d/a').subarray(512)).toEqual(bytes(1536, 0));
    expect(disk.copy(random).afterCrash('power', random, 0).readWhole('/d/a')).toEqual(bytes(2048, 1));
    file.sync();
    expect(disk.afterCrash('power', random, 0).readWhole('/d/a').subarray(512)).toEqual(bytes(1536, 0));
  });

  it('takes nothing of what was written behind a cut when it is synced', () => {
    const disk = diskWith('a', 100);
    const file = disk.open('/d/a', 'write');
    file.resize(50);
    file.resize(100);
    file.write(bytes(50, 2), 0, 50, 50);
    // The system has been quicker.
    for (let turn = 0; turn < 20; turn++) disk.writeBackSome(random);
    file.sync();
    const left = disk.afterCrash('power', random, 0).readWhole('/d/a');
    expect([left.subarray(0, 50), left.subarray(50)]).toEqual([bytes(50, 1), bytes(50, 2)]);
  });
});

describe('a killed process', () => {
  it('leaves everything that it has written, still to be synced', () => {
    const disk = diskWith('a', 10);
    write(disk, '/d/a', 10, 2);
    const next = disk.afterCrash('kill', random, 0);
    expect(next.readWhole('/d/a')).toEqual(bytes(10, 2));
    expect(() => disk.readWhole('/d/a')).toThrow(CrashedError);
    expect(next.afterCrash('power', random, 0).readWhole('/d/a')).toEqual(bytes(10, 1));
  });

  it('ends before a call, or in the middle of a write', () => {
    const disk = diskWith('a', 2000);
    const file = disk.open('/d/a', 'write');
    disk.crashAt = disk.calls + 1;
    disk.crashShare = 0.5;
    expect(() => file.write(bytes(1900, 2), 0, 1900, 100)).toThrow(CrashedError);
    const left = disk.afterCrash('kill', random, 0).readWhole('/d/a');
    const parts = [left.subarray(0, 100), left.subarray(100, 1024), left.subarray(1024)];
    expect(parts).toEqual([bytes(100, 1), bytes(924, 2), bytes(976, 1)]);
  });
});

it('counts its room in sectors, takes a part of a write, and gives room back', () => {
  const disk = diskWith('a', 512);
  disk.capacityBytes = disk.usedBytes + 512;
  const file = disk.open('/d/a', 'write');
  expect(file.write(bytes(2000, 2), 0, 2000, 0)).toBe(1024);
  expect(() => file.write(bytes(1, 2), 0, 1, 1024)).toThrow(DiskFullError);
  file.resize(512);
  expect(file.write(bytes(10, 2), 0, 10, 512)).toBe(10);
});

it('after a failed fdatasync takes lost sectors for clean', () => {
  const disk = diskWith('a', 51_200);
  write(disk, '/d/a', 51_200, 2);
  const file = disk.open('/d/a', 'write');
  disk.faults = { fail: (operation) => (operation === 'fdatasync' ? 'EIO' : null), shorten: (length) => length };
  expect(() => file.sync()).toThrow('EIO');
  disk.faults = { fail: () => null, shorten: (length) => length };
  file.sync();
  expect(disk.readWhole('/d/a')).toEqual(bytes(51_200, 2));
  const left = disk.afterCrash('power', random, 0).readWhole('/d/a');
  expect(new Set(left)).toEqual(new Set([1, 2]));
});

describe('an fdatasync', () => {
  /** A disk on which a file of three sectors is synced; `during` is done meanwhile. */
  function synced(during: (disk: SimDisk, write: (value: number, at: number) => void) => void): SimDisk {
    const disk = diskWith('a', 1536);
    const file = disk.open('/d/a', 'write');
    const sector = (value: number, at: number): void => void file.write(bytes(512, value), 0, 512, at);
    sector(2, 0);
    sector(2, 512);
    disk.during = () => during(disk, sector);
    try {
      file.sync();
    } catch (error) {
      expect(error).toBeInstanceOf(CrashedError);
    }
    return disk;
  }

  const firstBytes = (disk: SimDisk): number[] => {
    const left = disk.readWhole('/d/a');
    return Array.from({ length: left.length / 512 }, (_, sector) => left[sector * 512]!);
  };

  it('covers what was written before it began, and nothing of what comes meanwhile', () => {
    const disk = synced((_, write) => {
      for (const at of [512, 1024, 1536]) write(3, at);
    });
    expect(firstBytes(disk.copy(random))).toEqual([2, 3, 3, 3]);
    expect(firstBytes(disk.copy(random).afterCrash('power', random, 0))).toEqual([2, 2, 1]);
    disk.open('/d/a', 'write').sync();
    expect(firstBytes(disk.afterCrash('power', random, 0))).toEqual([2, 3, 3, 3]);
  });

  it('may be ended when any part of that is on the platter', () => {
    const seen = new Set<string>();
    for (let round = 0; round < 100; round++) {
      const disk = synced((dying, write) => {
        dying.crashAt = dying.calls + 1;
        // Whoever has this turn does not notice.
        expect(() => write(3, 1024)).toThrow(CrashedError);
      });
      seen.add(firstBytes(disk.afterCrash('power', random, 0)).join(''));
    }
    expect([...seen].sort()).toEqual(['111', '121', '211', '221']);
  });
});
