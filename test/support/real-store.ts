/** Puts a store of a disk in memory into a folder of this machine, for the command line. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { MemoryDisk } from './memory-disk.ts';

/** Everything under `/store`. Whoever calls removes the folder. */
export function realStore(disk: MemoryDisk): string {
  const root = mkdtempSync(join(tmpdir(), 'ringmq-store-'));
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
