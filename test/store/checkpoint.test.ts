import { describe, expect, it } from 'vitest';
import { crc32 } from '../../src/base/crc32.ts';
import { decodeVouched, encodeCheckpoint } from '../../src/layout/checkpoint-file.ts';
import {
  CheckpointWriter,
  EMPTY_CHECKPOINT,
  readCheckpoint,
  readVouched,
  safeTimestamp,
} from '../../src/store/checkpoint.ts';
import { goldenStore, goldenStoreIndex } from '../support/golden-store.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

describe('the checkpoint', () => {
  it('reads what Apache has written: the newest record of a cleanly stopped store', () => {
    const newest = goldenStoreIndex('clean.index.json').messages.at(-1)!.storeTimestamp;
    const checkpoint = readCheckpoint(goldenStore('clean'), '/store/checkpoint');
    expect(checkpoint).toMatchObject({ logTimestamp: newest, queuesTimestamp: newest, masterFlushedOffset: 0 });
    expect(checkpoint.indexTimestamp).toBeGreaterThan(newest - 60_000);
    expect(safeTimestamp(checkpoint)).toBe(newest - 3000);
  });

  it('keeps what is not changed, also that of another process, in a file of the right size', () => {
    const disk = new MemoryDisk();
    const first = new CheckpointWriter(disk, '/checkpoint');
    first.write({ logTimestamp: 1_700_000_000_123, indexTimestamp: 5 }, null);
    first.close();
    expect(disk.journal).toEqual(['fdatasync /checkpoint', 'fsync /']);
    const second = new CheckpointWriter(disk, '/checkpoint');
    second.write({ queuesTimestamp: 7, confirmedOffset: 2 ** 40 }, null);
    second.close();
    expect(disk.stat('/checkpoint')?.size).toBe(4096);
    expect(readCheckpoint(disk, '/checkpoint')).toEqual({
      logTimestamp: 1_700_000_000_123,
      queuesTimestamp: 7,
      indexTimestamp: 5,
      masterFlushedOffset: 0,
      confirmedOffset: 2 ** 40,
    });
  });

  it('is empty when there is none or a torn one', () => {
    const disk = new MemoryDisk();
    expect(readCheckpoint(disk, '/checkpoint')).toEqual(EMPTY_CHECKPOINT);
    disk.put('/checkpoint', Buffer.alloc(39, 1));
    expect(readCheckpoint(disk, '/checkpoint')).toEqual(EMPTY_CHECKPOINT);
  });

  it('keeps what RingMQ knows more exactly, until somebody else writes the file', () => {
    const disk = new MemoryDisk();
    const vouched = {
      filedTo: 2 ** 40,
      lookFrom: 2 ** 39,
      indexEnd: -1,
      stoppedAt: -1,
      queueCount: 3,
      queueEntries: 12,
      logStart: 2 ** 38,
    };
    const writer = new CheckpointWriter(disk, '/checkpoint');
    writer.write({ logTimestamp: 5000 }, vouched);
    writer.close();
    expect(readVouched(disk, '/checkpoint')).toEqual(vouched);
    const bytes = disk.bytesOf('/checkpoint');
    const before = bytes.slice();
    // Each of Apache's fields, which it writes anew and leaves the rest as it is, and each of our own.
    for (let at = 0; at < 104; at++) {
      bytes[at]! ^= 1;
      expect(readVouched(disk, '/checkpoint'), `byte ${at}`).toBeNull();
      bytes.set(before);
    }
    expect(readVouched(disk, '/checkpoint')).toEqual(vouched);
  });

  it('takes a word without its last field for none', () => {
    const vouched = {
      filedTo: 5,
      lookFrom: 4,
      indexEnd: -1,
      stoppedAt: 5,
      queueCount: 1,
      queueEntries: 1,
      logStart: 0,
    };
    const bytes = encodeCheckpoint(EMPTY_CHECKPOINT, vouched);
    expect(decodeVouched(bytes)).toEqual(vouched);
    const checksum = crc32(bytes.subarray(48, 96), crc32(bytes.subarray(0, 40))) | 0;
    new DataView(bytes.buffer).setInt32(44, checksum);
    expect(decodeVouched(bytes)).toBeNull();
  });

  it('vouches for what both the log and the queues have, with some slack', () => {
    expect(safeTimestamp({ ...EMPTY_CHECKPOINT, logTimestamp: 9000, queuesTimestamp: 5000 })).toBe(2000);
    expect(safeTimestamp({ ...EMPTY_CHECKPOINT, logTimestamp: 4000, queuesTimestamp: 9000 })).toBe(1000);
    expect(safeTimestamp({ ...EMPTY_CHECKPOINT, logTimestamp: 2000, queuesTimestamp: 9000 })).toBe(0);
  });

  it('stays as it was on a full disk', () => {
    const disk = new MemoryDisk();
    const writer = new CheckpointWriter(disk, '/checkpoint');
    expect(writer.write({ queuesTimestamp: 5 }, null)).toBe(true);
    disk.fault = (operation) => (operation === 'write' ? 'ENOSPC' : null);
    expect(writer.write({ queuesTimestamp: 7 }, null)).toBe(false);
    expect(readCheckpoint(disk, '/checkpoint').queuesTimestamp).toBe(5);
    disk.fault = () => null;
    // Nor does the writer take the refused one for the newest.
    expect(writer.write({ queuesTimestamp: 6 }, null)).toBe(true);
    expect(readCheckpoint(disk, '/checkpoint').queuesTimestamp).toBe(6);
  });

  it('stays as it was when no file can be opened, and is written the next time', () => {
    for (const operation of ['open', 'fsync']) {
      const disk = new MemoryDisk();
      const writer = new CheckpointWriter(disk, '/checkpoint');
      disk.fault = (call) => (call === operation ? 'EMFILE' : null);
      expect(writer.write({ queuesTimestamp: 5 }, null)).toBe(false);
      disk.fault = () => null;
      expect(writer.write({ queuesTimestamp: 5 }, null)).toBe(true);
      expect(disk.journal.at(-1)).toBe('fsync /');
    }
  });

  it('does not go back', () => {
    const writer = new CheckpointWriter(new MemoryDisk(), '/checkpoint');
    writer.write({ logTimestamp: 100, queuesTimestamp: 100 }, null);
    expect(() => writer.write({ queuesTimestamp: 99 }, null)).toThrow('does not go back');
    expect(() => writer.write({ logTimestamp: 99 }, null)).toThrow('does not go back');
  });
});
