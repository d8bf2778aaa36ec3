/** A store of a disk in memory on the simulator's disk, all of it durable: for tests that end a start at any call. */
import { join } from 'node:path';
import { seededRandom } from '../../src/base/random.ts';
import { writeFully } from '../../src/store/disk.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { SimDisk } from './sim-disk.ts';

export function onSimDisk(memory: MemoryDisk, root: string): SimDisk {
  const random = seededRandom(1);
  const disk = new SimDisk(random);
  disk.makeDirectory(root);
  copyFolder(memory, disk, root);
  return disk.afterCrash('power', random, 1);
}

function copyFolder(from: MemoryDisk, to: SimDisk, folder: string): void {
  for (const name of from.list(folder)) {
    const path = join(folder, name);
    if (from.stat(path)?.isDirectory === true) {
      to.makeDirectory(path);
      copyFolder(from, to, path);
      continue;
    }
    const bytes = from.readWhole(path);
    const file = to.open(path, 'create');
    file.resize(bytes.length);
    if (bytes.length > 0) writeFully(file, bytes, 0, bytes.length, 0);
    file.close();
  }
}
