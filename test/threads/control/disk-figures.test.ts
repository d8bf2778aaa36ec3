import { describe, expect, it } from 'vitest';
import { DiskFailedError } from '../../../src/store/disk.ts';
import { diskFigures } from '../../../src/threads/control/disk-figures.ts';
import { goldenJson } from '../../support/golden.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';

const GIB = 1024 ** 3;
const FOLDER = '/store/commitlog';

function figures(
  percents: { log: number; queues: number },
  total = 252 * GIB,
  free = 238.2 * GIB,
): Record<string, string> {
  const disk = new MemoryDisk();
  disk.makeDirectory(FOLDER);
  disk.usageOf = () => ({ total, free, usable: free });
  return diskFigures(disk, FOLDER, { percents: () => percents }, () => {});
}

describe('the figures of the disk', () => {
  it('are written as by Apache’s broker', () => {
    const { exchanges } = goldenJson<{ exchanges: { code: number; response: { bodyJson: { table: object } } }[] }>(
      'remoting/json/index.json',
    );
    const { table } = exchanges.find(({ code }) => code === 28)!.response.bodyJson;
    const ours = figures({ log: 16, queues: 16 });
    expect(table).toMatchObject({
      commitLogDiskRatio: ours.commitLogDiskRatio,
      consumeQueueDiskRatio: ours.consumeQueueDiskRatio,
      commitLogDirCapacity: ours.commitLogDirCapacity,
    });
    expect(ours[`commitLogDiskRatio_${FOLDER}`]).toBe('0.16');
  });

  it.each([
    [-1, '-1.0'],
    [0, '0.0'],
    [7, '0.07'],
    [50, '0.5'],
    [100, '1.0'],
  ])('%d percent is %s', (percent, text) => {
    expect(figures({ log: percent, queues: percent }).commitLogDiskRatio).toBe(text);
  });

  it.each([
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536 * 1024, '1.5 MiB'],
    [3 * 1024 ** 4, '3.0 TiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(figures({ log: 1, queues: 1 }, bytes, 0).commitLogDirCapacity).toBe(`Total : ${text}, Free : 0 B.`);
  });

  it('are left out when the system does not say', () => {
    const lines: string[] = [];
    const retention = {
      percents(): never {
        throw new DiskFailedError(FOLDER, 'statfs', 'EIO');
      },
    };
    expect(diskFigures(new MemoryDisk(), FOLDER, retention, (_, line) => lines.push(line))).toEqual({});
    expect(lines).toEqual([`the room of the disk is not known: statfs ${FOLDER}: EIO`]);
  });
});
