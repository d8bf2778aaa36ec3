import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { DiskFailedError, type FileStat, NodeDisk, writeWhole } from '../../src/store/disk.ts';
import { type LiveProcess, type ProcessTable, SystemProcesses } from '../../src/store/process-table.ts';
import { StoreOwnedError } from '../../src/store/store-errors.ts';
import { liveOwner, StoreLock } from '../../src/store/store-lock.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import { temporaryFolder } from '../support/folders.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

const paths = storePathsOf('/store');
const BOOT = '0badc0de';
const LOCK_OF_10 = `lock.10-10-${BOOT}`;

/** A machine whose processes are told by hand: number and time of start. */
class Machine {
  readonly startedMs = new Map<number, number>();
  /** What a process has open. One that is not here is somebody else's, whose files cannot be seen. */
  readonly open = new Map<number, readonly string[]>();
  readonly ofSystem = new Set<number>();

  seenBy(self: number): ProcessTable {
    return {
      self,
      find: (processId) => this.#find(processId),
      hasOpen: (processId, paths) => this.open.get(processId)?.some((path) => paths.includes(path)) ?? null,
    };
  }

  #find(processId: number): LiveProcess | null {
    const startedMs = this.startedMs.get(processId);
    if (startedMs === undefined) return null;
    return { identity: `${processId}-${startedMs}-${BOOT}`, startedMs, isOfSystem: this.ofSystem.has(processId) };
  }
}

function machine(...processIds: number[]): Machine {
  const result = new Machine();
  for (const processId of processIds) result.startedMs.set(processId, processId);
  return result;
}

/** The only process that a container sees: its own. */
function containerWith(self: number, startedMs: number): ProcessTable {
  const container = new Machine();
  container.startedMs.set(self, startedMs);
  return container.seenBy(self);
}

describe('a folder of something else', () => {
  it('is refused, and nothing is put there', () => {
    const disk = new MemoryDisk();
    disk.put('/store/photos/1.jpg', 'a picture');
    disk.journal.length = 0;
    expect(() => StoreLock.acquire(disk, paths, machine(10).seenBy(10))).toThrow(
      '/store is no store, and has photos in it: nothing was changed',
    );
    expect(disk.journal).toEqual([]);
  });

  it.each([
    'broker.conf',
    'config/topics.json',
    '.git',
    'lost+found/x',
    'checkpoint.tmp',
    'commitlog/x',
    'repair-settings.json',
  ])('is none that has only %s', (name) => {
    const disk = new MemoryDisk();
    disk.put(`/store/${name}`, '');
    expect(() => StoreLock.acquire(disk, paths, machine(10).seenBy(10))).not.toThrow();
  });
});

describe('the lock of a store', () => {
  it('is taken and given back, and tells a clean stop from a crash', () => {
    const disk = new MemoryDisk();
    const processes = machine(10).seenBy(10);
    const first = StoreLock.acquire(disk, paths, processes);
    expect(first.cleanStop).toBe(true);
    expect(Buffer.from(disk.readWhole('/store/abort')).toString()).toBe('10');
    first.release(false);
    const second = StoreLock.acquire(disk, paths, processes);
    expect(second.cleanStop).toBe(false);
    second.release(true);
    expect(disk.list('/store')).toEqual([]);
    expect(StoreLock.acquire(disk, paths, processes).cleanStop).toBe(true);
  });

  it('makes it durable that the store is open before anything is done with it', () => {
    const disk = new MemoryDisk();
    StoreLock.acquire(disk, paths, machine(10).seenBy(10));
    expect(disk.journal).toEqual(['fsync /', 'fdatasync /store/abort', 'fsync /store']);
  });

  it('notices who has opened the store since, and who has closed it again', () => {
    const disk = new MemoryDisk();
    const lock = StoreLock.acquire(disk, paths, machine(10).seenBy(10));
    expect(lock.isUntouched()).toBe(true);
    disk.put('/store/abort', '11');
    expect(lock.isUntouched()).toBe(false);
    disk.unlink('/store/abort');
    expect(lock.isUntouched()).toBe(false);
  });

  it('is refused while a live process has it, and its files are left alone', () => {
    const disk = new MemoryDisk();
    const both = machine(10, 11);
    StoreLock.acquire(disk, paths, both.seenBy(10));
    const before = disk.list('/store');
    expect(() => StoreLock.acquire(disk, paths, both.seenBy(11))).toThrow(StoreOwnedError);
    expect(() => StoreLock.acquire(disk, paths, both.seenBy(11))).toThrow('/store is open in process 10');
    expect(disk.list('/store')).toEqual(before);
    expect(Buffer.from(disk.readWhole('/store/abort')).toString()).toBe('10');
  });

  it.each([
    ['when abort is opened', 'open'],
    ['when it is written', 'write'],
    ['at the last fsync', 'fsync'],
  ] as const)('is given back %s, for want of descriptors or room', (_, operation) => {
    for (const clean of [true, false]) {
      const disk = new MemoryDisk();
      const processes = machine(10).seenBy(10);
      const lock = StoreLock.acquire(disk, paths, processes);
      disk.fault = (called) => (called === operation ? (operation === 'write' ? 'ENOSPC' : 'EMFILE') : null);
      lock.release(clean);
      disk.fault = () => null;
      // The file is read by way of its name, and not written when the stop was a clean one.
      const isLeft = operation === 'open';
      expect(StoreLock.acquire(disk, paths, processes).cleanStop).toBe(clean && !isLeft);
    }
  });

  it('is given back when the disk fails, which is told', () => {
    const disk = new MemoryDisk();
    const processes = machine(10).seenBy(10);
    const lock = StoreLock.acquire(disk, paths, processes);
    disk.fault = (_, path) => (path === '/store/abort' ? 'EIO' : null);
    expect(() => lock.release(false)).toThrow('EIO');
    disk.fault = () => null;
    expect(StoreLock.acquire(disk, paths, processes).cleanStop).toBe(false);
  });

  it('is refused to a second owner in the same process', () => {
    const disk = new MemoryDisk();
    const processes = machine(10).seenBy(10);
    const owner = StoreLock.acquire(disk, paths, processes);
    expect(() => StoreLock.acquire(disk, paths, processes)).toThrow('open in this process already');
    owner.release(true);
    StoreLock.acquire(disk, paths, processes);
  });

  it('passes from a killed process to the next, also when a later process has its number', () => {
    const disk = new MemoryDisk();
    const processes = machine(10, 11, 12);
    disk.nowMs = 1000;
    StoreLock.acquire(disk, paths, processes.seenBy(10));
    processes.startedMs.delete(10);
    expect(StoreLock.acquire(disk, paths, processes.seenBy(11)).cleanStop).toBe(false);
    processes.startedMs.set(11, 5000);
    const lock = StoreLock.acquire(disk, paths, processes.seenBy(12));
    expect(lock.cleanStop).toBe(false);
    expect(disk.list('/store')).toEqual(['abort', `lock.12-12-${BOOT}`]);
  });

  it('passes from a killed container to the next, whose process has the same number', () => {
    const disk = new MemoryDisk();
    StoreLock.acquire(disk, paths, containerWith(1, 1000));
    const lock = StoreLock.acquire(disk, paths, containerWith(1, 9000));
    expect(lock.cleanStop).toBe(false);
    expect(disk.list('/store')).toEqual(['abort', `lock.1-9000-${BOOT}`]);
    expect(lock.takenBy()).toBeNull();
    lock.release(true);
    expect(disk.list('/store')).toEqual([]);
  });

  it('notices a broker of another container with the same process number, and leaves it its files', () => {
    const disk = new MemoryDisk();
    const first = StoreLock.acquire(disk, paths, containerWith(1, 1000));
    const second = StoreLock.acquire(disk, paths, containerWith(1, 9000));
    expect(first.takenBy()).toBe('a process of another container');
    expect(first.isUntouched()).toBe(false);
    expect(second.takenBy()).toBeNull();
    for (const clean of [true, false]) {
      first.release(clean);
      expect(disk.list('/store')).toEqual(['abort', `lock.1-9000-${BOOT}`]);
      expect(second.isUntouched()).toBe(true);
    }
  });

  it('leaves the lock of a process that it cannot see when it is refused', () => {
    const disk = new MemoryDisk();
    disk.nowMs = 60_000;
    const first = StoreLock.acquire(disk, paths, containerWith(1, 58_000));
    const other = machine(10);
    // Apache's broker, which runs beside it and had a store open already that this one takes for free.
    other.startedMs.set(1, 59_000);
    other.open.set(1, ['/store/lock']);
    expect(() => StoreLock.acquire(disk, paths, other.seenBy(10))).toThrow('process 1 has the store open');
    expect(first.takenBy()).toBeNull();
  });

  it('lets at most one of two win that start at the same time', () => {
    // The second start falls between any two calls of the first. Both processes are too young for their abort files to count.
    for (let step = 1; ; step++) {
      const disk = new MemoryDisk();
      const both = machine(10_000, 11_000);
      let owners = 0;
      let calls = 0;
      let isNested = false;
      const attempt = (self: number): void => {
        try {
          StoreLock.acquire(disk, paths, both.seenBy(self));
          owners++;
        } catch (error) {
          expect(error).toBeInstanceOf(StoreOwnedError);
        }
      };
      disk.before = () => {
        if (isNested || ++calls !== step) return;
        isNested = true;
        attempt(11_000);
      };
      attempt(10_000);
      expect(owners, `second start before call ${step} of the first`).toBeLessThanOrEqual(1);
      if (!isNested) break;
      expect(step).toBeLessThan(50);
    }
  });

  it('takes no other file for the lock of a dead process', () => {
    const disk = new MemoryDisk();
    const others = ['lock.', 'lock.7-of-mine', 'lock.7.bak', 'lock.txt', 'lock.x-7-00000000'];
    const dead = ['lock.7', 'lock.8-123456-01234567'];
    for (const name of [...others, ...dead]) disk.put(`/store/${name}`, '');
    StoreLock.acquire(disk, paths, machine(10).seenBy(10)).release(true);
    expect(disk.list('/store')).toEqual(others);
  });

  describe("with a number in abort, as Apache's broker leaves it", () => {
    let disk: MemoryDisk;
    let processes: Machine;
    const acquire = (): StoreLock => StoreLock.acquire(disk, paths, processes.seenBy(10));
    const owner = (): number | null => liveOwner(disk, paths, processes.seenBy(10));

    beforeEach(() => {
      disk = new MemoryDisk();
      disk.nowMs = 60_000;
      disk.put('/store/abort', '4711');
      processes = machine(10);
      processes.startedMs.set(4711, 58_000);
    });

    function expectRefusal(): void {
      expect(owner()).toBe(4711);
      expect(acquire).toThrow('/store/abort says that process 4711 has the store open');
      expect(disk.list('/store')).toEqual(expect.not.arrayContaining([LOCK_OF_10]));
      expect(Buffer.from(disk.readWhole('/store/abort')).toString()).toBe('4711');
    }

    function expectStart(): void {
      expect(owner()).toBeNull();
      expect(acquire().cleanStop).toBe(false);
    }

    it.each([
      // From before it looks at the store until it has closed it.
      ['the lock', ['/dev/null', '/store/lock']],
      // Somebody has removed the lock.
      ['the checkpoint', ['/store/checkpoint']],
    ])('is refused while that process has %s open, and be it nothing else', (_what, files) => {
      processes.open.set(4711, files);
      expectRefusal();
      // Also where the number is of an earlier broker, and the one that has it now is about to write it again.
      processes.startedMs.set(4711, 90_000);
      expectRefusal();
      expect(acquire).toThrow(/stop it first$/);
    });

    it('is not refused where that process has nothing of it open', () => {
      processes.open.set(4711, ['/store/commitlog/00000000000000000000', '/elsewhere/lock']);
      expectStart();
    });

    it("is refused where nobody can see what that process has open, and says how to go on where it is no broker's", () => {
      expectRefusal();
      expect(acquire).toThrow(/stop it first\. If .* no broker.*`echo crashed > \/store\/abort`/);
      disk.put('/store/abort', 'crashed\n');
      expectStart();
    });

    it('is not refused where such a process began after the file was written', () => {
      processes.startedMs.set(4711, 90_000);
      expectStart();
    });

    it('is not refused where that is a process of the system, unless it is seen to have it open', () => {
      processes.ofSystem.add(4711);
      processes.open.set(4711, ['/store/lock']);
      expectRefusal();
      processes.open.delete(4711);
      expectStart();
    });

    it.each(['lock.4711-9000-01234567', 'lock.4711'])(
      'is not refused where a dead process has left %s, and so the number',
      (name) => {
        disk.put(`/store/${name}`, '');
        expectStart();
      },
    );

    it('is refused where another broker has written the number since', () => {
      disk.put('/store/lock.4711-9000-01234567', '');
      disk.put('/store/lock.4712-9000-01234567', '');
      disk.nowMs += 600_000;
      disk.put('/store/abort', '4711');
      expectRefusal();
      disk.put('/store/lock.4711-9000-01234567', '');
      processes.open.set(4711, ['/store/lock']);
      expectRefusal();
    });
  });

  it('tells when another broker has opened the store in spite of it, and leaves its abort alone', () => {
    const disk = new MemoryDisk();
    const lock = StoreLock.acquire(disk, paths, machine(10).seenBy(10));
    expect(lock.takenBy()).toBeNull();
    writeWhole(disk, '/store/abort', Buffer.from(''));
    expect(lock.takenBy()).toBeNull();
    writeWhole(disk, '/store/abort', Buffer.from('11'));
    expect(lock.takenBy()).toBe('process 11');
    const given = StoreLock.acquire(new MemoryDisk(), paths, machine(10).seenBy(10));
    given.release(false);
    expect(given.takenBy()).toBeNull();
    for (const clean of [true, false]) {
      lock.release(clean);
      expect(Buffer.from(disk.readWhole('/store/abort')).toString()).toBe('11');
      writeWhole(disk, `/store/${LOCK_OF_10}`, Buffer.from(''));
    }
    disk.unlink('/store/abort');
    expect(lock.takenBy()).toBeNull();
  });

  it('is given back when a broker that it does not see has opened the store and closed it again', () => {
    const disk = new MemoryDisk();
    for (const clean of [true, false]) {
      const lock = StoreLock.acquire(disk, paths, machine(10).seenBy(10));
      disk.unlink('/store/abort');
      lock.release(clean);
      // What this owner has left half done is told of.
      expect(disk.list('/store')).toEqual(clean ? [] : ['abort']);
    }
  });

  it('says who has the store when its own file is gone by the time that it is refused', () => {
    const disk = new MemoryDisk();
    const both = machine(10, 11);
    StoreLock.acquire(disk, paths, both.seenBy(10));
    const processes = both.seenBy(11);
    const find = (processId: number): LiveProcess | null => {
      // A broker of another container takes it for that of a dead process.
      if (processId === 10) disk.unlink(`/store/lock.11-11-${BOOT}`);
      return processes.find(processId);
    };
    expect(() => StoreLock.acquire(disk, paths, { ...processes, find })).toThrow('/store is open in process 10');
  });

  it('may be looked for while its broker is closing the store', () => {
    for (let step = 1, isInTime = true; isInTime; step++) {
      const disk = new MemoryDisk();
      disk.nowMs = 60_000;
      disk.put('/store/abort', '4711');
      let calls = 0;
      disk.before = () => {
        if (++calls === step) disk.unlink('/store/abort');
      };
      expect([null, 4711]).toContain(liveOwner(disk, paths, machine(10, 4711).seenBy(10)));
      isInTime = calls >= step;
    }
  });

  it('is free for another process when the owner has given it up and lives on', () => {
    const disk = new MemoryDisk();
    const both = machine(10, 11);
    StoreLock.acquire(disk, paths, both.seenBy(10)).release(false);
    expect(StoreLock.acquire(disk, paths, both.seenBy(11)).cleanStop).toBe(false);
  });

  it('can be given back after a start that failed', () => {
    const disk = new MemoryDisk();
    const processes = machine(10).seenBy(10);
    disk.fault = (operation, path) => (operation === 'fdatasync' && path.endsWith('abort') ? 'EIO' : null);
    expect(() => StoreLock.acquire(disk, paths, processes)).toThrow('EIO');
    disk.fault = () => null;
    StoreLock.acquire(disk, paths, processes);
  });
});

describe('the processes of this machine', () => {
  it('know themselves, a child, and that the child is gone', async () => {
    const processes = new SystemProcesses(new NodeDisk());
    const self = processes.find(process.pid);
    expect(self?.identity).toBe(processes.find(process.pid)?.identity);
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
    const processId = child.pid!;
    expect(processes.find(processId)?.identity).not.toBe(self?.identity);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
    expect(processes.find(processId)).toBeNull();
  });

  it('do not count one that has ended and whose end nobody has asked for', () => {
    const disk = new MemoryDisk();
    disk.put('/proc/sys/kernel/random/boot_id', '0123456789');
    disk.put('/proc/stat', 'btime 1700000000\n');
    const stat = (state: string): string => `10 (a ) name) ${state} ${'0 '.repeat(18)}4711 0`;
    disk.put('/proc/10/stat', stat('S'));
    expect(new SystemProcesses(disk).find(10)?.identity).toBe('10-4711-01234567');
    disk.put('/proc/10/stat', stat('Z'));
    expect(new SystemProcesses(disk).find(10)).toBeNull();
  });

  it('tell what is of the system: the first, and the threads of the kernel', () => {
    const disk = new MemoryDisk();
    disk.put('/proc/sys/kernel/random/boot_id', '0123456789');
    disk.put('/proc/stat', 'btime 1700000000\n');
    const put = (processId: number, flags: number): void =>
      disk.put(`/proc/${processId}/stat`, `${processId} (x) S 2 0 0 0 -1 ${flags} ${'0 '.repeat(12)}4711 0`);
    put(1, 0x400100);
    put(7, 0x4208060);
    put(4711, 0x400100);
    const processes = new SystemProcesses(disk);
    expect([1, 7, 4711].map((processId) => processes.find(processId)?.isOfSystem)).toEqual([true, true, false]);
    expect(processes.find(7)?.identity).toBe('7-4711-01234567');
  });

  it('have files open by whatever name, as far as that can be seen', () => {
    const disk = new MemoryDisk();
    disk.put('/proc/sys/kernel/random/boot_id', '0123456789');
    for (const path of ['/store/lock', '/store/checkpoint', '/elsewhere/lock']) disk.put(path, '');
    disk.makeDirectory('/proc/4711/fd');
    const processes = new SystemProcesses(disk);
    const looked = (): boolean | null => processes.hasOpen(4711, ['/store/lock', '/store/checkpoint', '/store/none']);
    expect(looked()).toBe(false);
    disk.link('/elsewhere/lock', '/proc/4711/fd/3');
    expect(looked()).toBe(false);
    disk.link('/store/checkpoint', '/proc/4711/fd/4');
    expect(looked()).toBe(true);
    for (const code of ['EACCES', 'EPERM']) {
      disk.fault = (operation, path) => (operation === 'list' && path === '/proc/4711/fd' ? code : null);
      expect(looked()).toBeNull();
    }
    disk.fault = (operation) => (operation === 'list' ? 'ESRCH' : null);
    expect(looked()).toBe(false);
  });

  it('do not show what is open in a process that may be listed only', () => {
    const disk = new (class extends MemoryDisk {
      override stat(path: string): FileStat | null {
        if (path === '/proc/4711/fd/3') throw new DiskFailedError(path, 'stat', 'EACCES');
        return super.stat(path);
      }
    })();
    for (const path of ['/proc/sys/kernel/random/boot_id', '/store/lock', '/proc/4711/fd/3']) disk.put(path, '0');
    expect(new SystemProcesses(disk).hasOpen(4711, ['/store/lock'])).toBeNull();
  });

  it('say when they were started', (context) => {
    const started = new SystemProcesses(new NodeDisk()).find(process.pid)?.startedMs;
    if (process.platform !== 'linux') context.skip();
    const expected = Date.now() - process.uptime() * 1000;
    expect(Math.abs(started! - expected)).toBeLessThan(3000);
  });

  it.runIf(process.platform === 'linux')(
    'have a store open on the real disk, also by another path, or not',
    async () => {
      const folder = temporaryFolder('lock');
      const other = `${folder}-link`;
      symlinkSync(folder, other);
      const lock = join(folder, 'lock');
      writeFileSync(lock, 'lock');
      const script = "require('fs').openSync(process.argv[1], 'r+'); process.stdin.resume(); console.log()";
      const disk = new NodeDisk();
      const started: ChildProcess[] = [];
      const start = async (opened: string): Promise<void> => {
        const child = spawn(process.execPath, ['-e', script, opened]);
        started.push(child);
        await once(child.stdout, 'data');
        writeFileSync(join(folder, 'abort'), String(child.pid));
      };
      try {
        await start(lock);
        const processes = new SystemProcesses(disk);
        for (const root of [folder, other])
          expect(() => StoreLock.acquire(disk, storePathsOf(root), processes)).toThrow(/has the store open/);
        await start('/dev/null');
        expect(StoreLock.acquire(disk, storePathsOf(folder), processes).cleanStop).toBe(false);
      } finally {
        for (const child of started) child.kill('SIGKILL');
        rmSync(other);
      }
    },
  );

  it('own a store on the real disk', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringmq-lock-'));
    const disk = new NodeDisk();
    const processes = new SystemProcesses(disk);
    const lock = StoreLock.acquire(disk, storePathsOf(folder), processes);
    expect(() => StoreLock.acquire(disk, storePathsOf(folder), processes)).toThrow(StoreOwnedError);
    lock.release(true);
    expect(disk.list(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});
