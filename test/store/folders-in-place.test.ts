/** Folders of this machine where files of a store are to be: they are told and refused in words, and nobody dies of reading them. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { storeFacts } from '../../src/cli/doctor/probes.ts';
import { inspect } from '../../src/cli/inspect.ts';
import { NodeDisk } from '../../src/store/disk.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import { realStore } from '../support/real-store.ts';
import { repaired } from '../support/repaired.ts';
import { SMALL_SHAPE, SMALL_SIZES, smallStore } from '../support/small-store.ts';
import { verified } from '../support/verified.ts';

const disk = new NodeDisk();
const OPTIONS = { sizes: SMALL_SIZES, shape: SMALL_SHAPE };

function start(root: string): void {
  const paths = storePathsOf(root);
  const index = { directory: paths.index, shape: SMALL_SHAPE };
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: true, index };
  recoverStore(disk, paths, settings, { info: () => {}, warn: () => {} });
}

describe('a folder in place of', () => {
  it.each([
    ['the next file of the log', 'commitlog/00000000000000008192'],
    ['a file of the log', 'commitlog/00000000000000000000'],
    ['the next file of a queue', 'consumequeue/T/0/00000000000000000400'],
    ['a file of a queue', 'consumequeue/T/0/00000000000000000000'],
    ['a file of the index', 'index/20260101000000000'],
    ['the checkpoint', 'checkpoint'],
  ])('%s', async (_what, name) => {
    const root = realStore(smallStore(40).disk);
    const path = join(root, name);
    rmSync(path, { force: true });
    mkdirSync(path);
    const says = `${path} is a folder, where a file is to be`;
    expect(() => start(root)).toThrow(`${says}: move it away`);
    const { findings } = await verified(disk, storePathsOf(root), OPTIONS);
    expect(
      findings.filter(({ advice }) => advice === 'move').map(({ kind, file, what }) => `${kind}: ${file} ${what}`),
    ).toEqual([`foreign-file: ${says}: a broker refuses to start`]);
    const { end, plan } = await repaired(disk, storePathsOf(root), OPTIONS);
    expect([end, plan.refusals]).toEqual(['refused', [`${says}: a broker refuses to start. Move it away first`]]);
    expect(storeFacts(root, null).exists).toBe(true);
    if (name === 'checkpoint') expect(() => inspect(disk, root, undefined, 10)).toThrow(says);
    else expect(inspect(disk, root, undefined, 10).rows).toHaveLength(2);
  });
});
