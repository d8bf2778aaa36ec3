/**
 * A file system of its own whose power can be cut: everything that was not on its disk is gone, pages and journal alike. It lies in an image
 * file behind a loop device; the cut is the shutdown call of ext4 and XFS without a flush of the log, as xfstests does it. Needs root, Linux and
 * xfs_io. Used by life.ts in runs of power-loss.ts.
 *
 * What the kernel had sent to the device stays, in any order it was sent: a disk that loses its own cache, or writes it in another order, is
 * not tried (the kernel here has no device mapper); SimDisk does that.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { atEnd } from '../support/clean-up.ts';

export const FILE_SYSTEMS = ['ext4', 'xfs'] as const;
export type FileSystem = (typeof FILE_SYSTEMS)[number];

/** Sparse. */
const IMAGE_BYTES = 3 * 1024 * 1024 * 1024;
const mounted = new Set<PowerDomain>();

atEnd(() => {
  for (const domain of mounted) domain.close();
});

export class PowerDomain {
  /** Where the file system is mounted. */
  readonly folder: string;
  readonly #image: string;

  constructor(folder: string, kind: FileSystem) {
    this.folder = `${folder}/disk`;
    this.#image = `${folder}/disk.image`;
    mkdirSync(this.folder);
    writeFileSync(this.#image, '');
    truncateSync(this.#image, IMAGE_BYTES);
    run(`mkfs.${kind}`, kind === 'ext4' ? ['-q', '-F', this.#image] : ['-q', '-f', this.#image]);
    this.#mount();
  }

  /** From here on nothing gets to the disk any more; calls on its files fail. */
  cut(): void {
    run('xfs_io', ['-x', '-c', 'shutdown', this.folder]);
  }

  /** What a machine does when its power is back. No process may have a file open. */
  restore(): void {
    run('umount', [this.folder]);
    this.#mount();
  }

  close(): void {
    if (mounted.delete(this)) run('umount', [this.folder]);
  }

  #mount(): void {
    run('mount', ['-o', 'loop', this.#image, this.folder]);
    mounted.add(this);
  }
}

function run(command: string, args: readonly string[]): void {
  try {
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    const needs = 'power cuts need root, Linux with loop devices, and xfs_io (Debian: apt-get install xfsprogs)';
    throw new Error(`${command} ${args.join(' ')} failed; ${needs}: ${(error as Error).message}`);
  }
}
