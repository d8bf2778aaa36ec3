/** What is remembered of an fdatasync that has failed, and what is said where it cannot be. */
import { describe, expect, it } from 'vitest';
import { asLogOffset } from '../../src/base/units.ts';
import { CommitLogSync } from '../../src/store/commit-log-sync.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import { logFilesOf } from '../../src/store/segments.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { SMALL_SIZES, smallStore } from '../support/small-store.ts';

const elsewhere = storePathsOf('/store', '/elsewhere/log');
const FIRST = '/elsewhere/log/00000000000000000000';

/** A store whose log lies in a folder in which nothing can be made. */
function withLogElsewhere(): { disk: MemoryDisk; refuse(failsSync: boolean): void; writes: string[] } {
  const { disk } = smallStore(10);
  disk.makeDirectory('/elsewhere/log');
  disk.rename('/store/commitlog/00000000000000000000', FIRST);
  const writes: string[] = [];
  const refuse = (failsSync: boolean): void => {
    disk.fault = (operation, path) => {
      if (operation === 'write') writes.push(path);
      if (operation === 'fdatasync' && path === FIRST) return failsSync ? 'EIO' : null;
      return operation === 'open' && path.startsWith('/elsewhere/log.') ? 'EROFS' : null;
    };
  };
  return { disk, refuse, writes };
}

function failToSync(disk: MemoryDisk): void {
  new CommitLogSync(disk, logFilesOf(elsewhere, SMALL_SIZES)).sync(asLogOffset(0), asLogOffset(1));
}

describe('an fdatasync that fails', () => {
  it('makes the next start write the log anew, also where nothing can be made beside the log', () => {
    const { disk, refuse, writes } = withLogElsewhere();
    refuse(true);
    expect(() => failToSync(disk)).toThrow('fdatasync /elsewhere/log/00000000000000000000: EIO');
    refuse(false);
    const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: true };
    const lines: string[] = [];
    const log = { info: () => {}, warn: (line: string) => lines.push(line) };
    recoverStore(disk, elsewhere, settings, log);
    expect(lines).toEqual([expect.stringMatching(/^an fdatasync has failed: the log is written anew from 0 to \d+$/)]);
    expect(writes).toEqual([FIRST]);
    expect(recoverStore(disk, elsewhere, settings, log).cleanStop).toBe(true);
    expect(lines).toHaveLength(1);
  });

  it.each(['EROFS', 'ENOSPC'])('says so where it cannot be remembered: %s', (code) => {
    const { disk } = withLogElsewhere();
    disk.fault = (operation, path) => {
      if (operation === 'fdatasync' && path === FIRST) return 'EIO';
      return operation === 'open' && !path.startsWith('/elsewhere/log/') ? code : null;
    };
    const said =
      /^fdatasync .*0: EIO; and (open|disk full: open) \/store\/commitlog\.sync-failed(: EROFS \(.*\))?: make that file/;
    expect(() => failToSync(disk)).toThrow(said);
  });
});
