import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NET_THREADS_MAX, QUEUE_HANDLES_READ_MAX, QUEUE_HANDLES_WRITE_MAX } from '../../src/base/limits.ts';
import { NodeDisk } from '../../src/store/disk.ts';
import { descriptorLimit, descriptorShares, shareDescriptors } from '../../src/threads/descriptor-shares.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             63432                63432                processes
Max open files            4096                 524288               files
Max locked memory         8388608              8388608              bytes
`;

function diskWith(limits: string): MemoryDisk {
  const disk = new MemoryDisk();
  disk.put('/proc/self/limits', limits);
  return disk;
}

describe('the limit of descriptors', () => {
  it('is the soft one of this process', () => {
    expect(descriptorLimit(diskWith(LIMITS))).toBe(4096);
    expect(descriptorLimit(diskWith(LIMITS.replace('4096     ', 'unlimited')))).toBe(Number.MAX_SAFE_INTEGER);
    if (process.platform === 'linux') expect(descriptorLimit(new NodeDisk())).toBeGreaterThan(0);
  });

  it('is taken for 1024 where the system does not say', () => {
    expect(descriptorLimit(new MemoryDisk())).toBe(1024);
    expect(descriptorLimit(diskWith('nothing of that kind'))).toBe(1024);
  });
});

describe('the shares', () => {
  it('are what is wanted when there is enough', () => {
    const shares = shareDescriptors(1_000_000, { netThreads: 2, connectionsMax: 16_384 });
    expect(shares).toEqual({
      queueWriter: QUEUE_HANDLES_WRITE_MAX,
      queueReader: QUEUE_HANDLES_READ_MAX,
      index: 64,
      connections: 16_384,
    });
  });

  it('lower the connections when there is not', () => {
    const { connections } = descriptorShares(diskWith(LIMITS), { netThreads: 2, connectionsMax: 16_384 });
    expect(connections).toBe((4096 * 0.5 - 128 - 64) / 2);
  });

  it('never give queue files more than half, nor all together more than there are', () => {
    const limits = fc.integer({ min: 256, max: 100_000 });
    const nets = fc.integer({ min: 1, max: NET_THREADS_MAX });
    fc.assert(
      fc.property(limits, nets, (limit, netThreads) => {
        const shares = shareDescriptors(limit, { netThreads, connectionsMax: 1_000_000 });
        const files = shares.queueWriter + shares.queueReader * (netThreads + 1);
        expect(files).toBeLessThanOrEqual(limit / 2);
        expect(files + shares.index + shares.connections * netThreads).toBeLessThan(limit);
      }),
    );
  });

  it('leave at least one of each, however few there are', () => {
    const shares = shareDescriptors(20, { netThreads: 4, connectionsMax: 100 });
    expect(Object.values(shares).every((share) => share >= 1)).toBe(true);
  });
});
