/** Puts a store of a disk in memory into a folder of this machine, for the command line. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from './folders.ts';
import type { MemoryDisk } from './memory-disk.ts';

/** Everything under `/store`, in a temporary folder that also takes what is put beside the store. */
export function realStore(disk: MemoryDisk): string {
  const root = `${temporaryFolder('store')}/store`;
  copy(disk, '/store', root);
  return root;
}

function copy(disk: MemoryDisk, from: string, to: string): void {
  for (const name of disk.list(from)) {
    const path = join(from, name);
    if (disk.stat(path)!.isDirectory) {
      copy(disk, path, join(to, name));
    } else {
      mkdirSync(dirname(join(to, name)), { recursive: true });
      writeFileSync(join(to, name), disk.readWhole(path));
    }
  }
}
