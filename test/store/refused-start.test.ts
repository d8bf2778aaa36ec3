/** Starts that are refused, after a crash: each would have something to cut, and has not touched it. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_INDEX_KEPT } from '../../src/layout/checkpoint-file.ts';
import { vouchAtStart } from '../../src/store/checkpoint.ts';
import { type RecoverySettings, recoverStore } from '../../src/store/recovery.ts';
import { StoreDamagedError } from '../../src/store/store-errors.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import {
  SMALL_INDEX,
  SMALL_SHAPE,
  SMALL_SIZES,
  type SmallMessage,
  type SmallStore,
  smallPaths,
  smallStore,
} from '../support/small-store.ts';

const MESSAGES = 100;
const INDEX = { directory: smallPaths.index, shape: SMALL_SHAPE };

function recover(disk: MemoryDisk, settings: Partial<RecoverySettings> = {}): void {
  const all = { ...SMALL_SIZES, checksBodies: true, cleanStop: false, index: INDEX, ...settings };
  recoverStore(disk, smallPaths, all, { info: () => {}, warn: () => {} });
}

/** All files below a folder, by path. */
function contentsOf(disk: MemoryDisk, folder: string): Record<string, string> {
  const paths = disk.list(folder).map((name) => join(folder, name));
  return Object.assign(
    {},
    ...paths.map((path) =>
      disk.stat(path)?.isDirectory === true
        ? contentsOf(disk, path)
        : { [path]: Buffer.from(disk.readWhole(path)).toString('latin1') },
    ),
  );
}

function bytesOf({ disk, records }: SmallStore, i: number): Uint8Array {
  const { logOffset, size } = records[i]!;
  const start = logOffset - (logOffset % SMALL_SIZES.segmentSizeBytes);
  return disk.bytesOf(segmentAt(start)).subarray(logOffset - start, logOffset - start + size);
}

/** Up to message `i`. */
function vouch({ disk, records }: SmallStore, i: number, stoppedAt = -1): void {
  const filedTo = records[i]!.logOffset;
  const rest = { lookFrom: 0, indexEnd: NO_INDEX_KEPT, queueCount: 0, queueEntries: 0, logStart: 0 };
  vouchAtStart(disk, smallPaths.checkpoint, { filedTo, stoppedAt, ...rest });
}

function segmentAt(start: number): string {
  return `${smallPaths.commitLog}/${String(start).padStart(20, '0')}`;
}

/** From the 10th message on those of queue 0 are one further than they should be, and have no entries. */
const withGap = (i: number): SmallMessage => (i >= 10 && i % 2 === 0 ? { queueOffset: i / 2 + 1 } : {});
/** The same of queue 1 near the end of the log, where some of its messages come before that are looked at. */
const withHole = (i: number): SmallMessage => (i >= 97 && i % 2 === 1 ? { queueOffset: (i - 1) / 2 + 5 } : {});

interface Refusal {
  readonly about: string;
  readonly says: string;
  readonly fields?: (i: number) => SmallMessage;
  readonly damage?: (store: SmallStore) => void;
  readonly settings?: Partial<RecoverySettings>;
}

const REFUSALS: readonly Refusal[] = [
  {
    about: 'index files of another size',
    says: 'maxHashSlotNum and maxIndexNum make',
    settings: { index: { ...INDEX, shape: { ...SMALL_SHAPE, entries: 2000 } } },
  },
  {
    about: 'a log of larger files than the setting says',
    says: 'has 4096 bytes, but mappedFileSizeCommitLog is 2048',
    settings: { segmentSizeBytes: 2048 },
    damage: (store) => vouch(store, 0),
  },
  {
    about: 'a log of smaller files than the setting says',
    says: 'begins where no file of 8192 bytes does: mappedFileSizeCommitLog is not what it was',
    settings: { segmentSizeBytes: 8192 },
    damage: (store) => vouch(store, 0),
  },
  {
    about: 'a file of the log that is missing, without a checkpoint',
    says: 'does not follow 00000000000000000000: a file between them is missing',
    damage: ({ disk }) => {
      disk.unlink(smallPaths.checkpoint);
      disk.unlink(segmentAt(4096));
    },
  },
  {
    about: 'a file of the log that is short, without a checkpoint',
    says: '00000000000000004096 has 0 bytes',
    damage: ({ disk }) => {
      disk.unlink(smallPaths.checkpoint);
      disk.put(segmentAt(4096), '');
    },
  },
  {
    about: 'a file of the log that is missing, and was flushed by the word of a repair that was interrupted',
    says: 'does not follow 00000000000000000000: a file between them is missing',
    damage: (store) => {
      vouch(store, 0, 5000);
      store.disk.unlink(segmentAt(4096));
    },
  },
  {
    about: 'a file of the log that is missing, of which only the beginning was flushed',
    says: 'does not follow 00000000000000000000: a file between them is missing',
    damage: (store) => {
      vouch(store, 40);
      store.disk.unlink(segmentAt(4096));
    },
  },
  {
    about: 'queue files of another size',
    says: 'mappedFileSizeConsumeQueue',
    settings: { queueFileSizeBytes: 2 * SMALL_SIZES.queueFileSizeBytes },
  },
  {
    about: 'a file of a queue that is missing before one that was flushed',
    says: 'consumequeue/T/0/00000000000000000800 does not follow 00000000000000000000',
    damage: ({ disk }) => disk.unlink('/store/consumequeue/T/0/00000000000000000400'),
  },
  {
    about: 'a log that has lost something',
    says: 'has lost something: it ends at',
    damage: (store) => {
      vouch(store, 90);
      for (let i = 80; i < MESSAGES; i++) bytesOf(store, i).fill(0);
    },
  },
  {
    about: 'a log in another byte order',
    says: 'begins with the magic number 0xa720a3da, that of a record in the other byte order',
    damage: (store) => {
      store.disk.unlink(smallPaths.checkpoint);
      store.disk.bytesOf(segmentAt(0)).subarray(4, 8).reverse();
    },
  },
  {
    about: 'a log of another format, whatever RingMQ has said',
    says: 'begins with the magic number 0x74696573, which no record of Apache RocketMQ has',
    damage: (store) => {
      vouch(store, 0);
      store.disk.bytesOf(segmentAt(0)).set(Buffer.from('ties'), 4);
    },
  },
  { about: 'a log with a hole', says: 'the log has a hole', fields: withHole },
  { about: 'a queue with a gap', says: 'has a gap: its files end at 5, the log goes on with 6', fields: withGap },
  {
    about: 'a damaged log that queues or index are to be built of',
    says: 'the log is damaged at',
    damage: (store) => {
      store.disk.unlink(SMALL_INDEX);
      bytesOf(store, 3).fill(0);
    },
  },
];

describe('a start that is refused', () => {
  it.each(REFUSALS)('because of $about has changed nothing', ({ says, fields, damage, settings }) => {
    const store = smallStore(MESSAGES, fields);
    damage?.(store);
    // What a crash has left behind the end.
    store.disk.put(segmentAt(98_304), '');
    const before = contentsOf(store.disk, '/');
    expect(() => recover(store.disk, settings)).toThrow(StoreDamagedError);
    expect(() => recover(store.disk, settings)).toThrow(says);
    expect(contentsOf(store.disk, '/')).toEqual(before);
    expect(store.disk.openFiles).toBe(0);
  });

  it('would have cut queues and index otherwise', () => {
    const { disk } = smallStore(MESSAGES);
    const before = contentsOf(disk, '/');
    recover(disk);
    const after = contentsOf(disk, '/');
    const changed = Object.keys(before).filter((path) => after[path] !== before[path]);
    expect(changed.map((path) => path.split('/')[2])).toEqual(expect.arrayContaining(['consumequeue', 'index']));
  });
});
