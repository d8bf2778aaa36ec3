/** What a start, verify and repair make of a record whose topic was damaged on the disk. */
import { describe, expect, it } from 'vitest';
import { CheckpointWriter } from '../../src/store/checkpoint.ts';
import { type RecoveredStore, recoverStore } from '../../src/store/recovery.ts';
import { StoreDamagedError } from '../../src/store/store-errors.ts';
import { SMALL_SHAPE, SMALL_SIZES, type SmallStore, smallPaths, smallStore } from '../support/small-store.ts';

const COUNT = 40;
/** Of queue 1, the offset 8. */
const ROTTEN = 17;

const ROTS: [what: string, topic: string][] = [
  ['zero', '\0\0\0\0\0'],
  ['a path', '../ab'],
  ['a topic that nobody has', 'Qlain'],
];

/** Queues Plain/0 and Plain/1, of which a record says another topic; the checkpoint is that of a stop in order. */
function rottenStore(topic: string): SmallStore {
  const store = smallStore(COUNT, () => ({ topic: 'Plain' }));
  const { disk, logEnd, records } = store;
  const writer = new CheckpointWriter(disk, smallPaths.checkpoint);
  const counts = { queueCount: 2, queueEntries: COUNT };
  writer.write({}, { filedTo: logEnd, lookFrom: 0, indexEnd: records.at(-1)!.logOffset, stoppedAt: logEnd, ...counts });
  writer.close();
  rot(store, ROTTEN, topic);
  return store;
}

function rot({ disk, records }: SmallStore, i: number, topic: string): void {
  const { logOffset, size } = records[i]!;
  const start = logOffset - (logOffset % SMALL_SIZES.segmentSizeBytes);
  const segment = disk.bytesOf(`${smallPaths.commitLog}/${String(start).padStart(20, '0')}`);
  const record = Buffer.from(segment.buffer, segment.byteOffset + logOffset - start, size);
  record.write(topic, record.indexOf('Plain'));
}

let lines: string[] = [];
function recover({ disk }: SmallStore): RecoveredStore {
  lines = [];
  const cleanStop = disk.stat(smallPaths.abort) === null;
  const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop, index };
  return recoverStore(disk, smallPaths, settings, { info: () => {}, warn: (message) => lines.push(message) });
}

describe.each(ROTS)('a topic that became %s', (_what, topic) => {
  it.each([true, false])('is passed over by a start, after a stop in order: %s', (isClean) => {
    const store = rottenStore(topic);
    // The next broker was killed before it has done anything.
    if (!isClean) store.disk.put(smallPaths.abort, '1');
    const { logEnd, dispatchFrom, queuesCompleteTo, queues } = recover(store);
    expect([logEnd, dispatchFrom, queuesCompleteTo]).toEqual(Array(3).fill(store.logEnd));
    expect(queues.map(({ topic, queueId, next }) => `${topic}/${queueId} ${next}`)).toEqual([
      'Plain/0 20',
      'Plain/1 20',
    ]);
    expect(lines).toEqual([expect.stringContaining(`the record at ${store.records[ROTTEN]!.logOffset} (`)]);
  });

  it('makes a start refuse that has to build its queue, with a way out', () => {
    const store = rottenStore(topic);
    store.disk.removeTree('/store/consumequeue/Plain/1');
    expect(() => recover(store)).toThrow(StoreDamagedError);
    expect(() => recover(store)).toThrow(/queue Plain\/1 goes on with 9 after 7\. .*`ringmq repair` builds the queue/);
  });
});
