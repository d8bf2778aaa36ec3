/** What a broker makes of a checkpoint with bytes in it that no broker has written. */
import { beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { encodeCheckpoint } from '../../../src/layout/checkpoint-file.ts';
import { EMPTY_CHECKPOINT, readCheckpoint, readVouched } from '../../../src/store/checkpoint.ts';
import { writeWhole } from '../../../src/store/disk.ts';
import { SimBroker, STORE_PATHS } from '../../simulator/sim-broker.ts';
import { SimDisk } from '../../support/sim-disk.ts';
import { TestClock } from '../test-net.ts';

const SIZES = {
  syncFlush: false,
  zeroWrite: false,
  segmentBytes: 4096,
  queueFileBytes: 2000,
  ringBytes: 64 * 1024,
  index: { slots: 10, entries: 100 },
  descriptors: 1000,
};
const MESSAGES = 40;
const ROUND_MS = 10_000;
const YEARS_MS = 1e11;

const random = seededRandom(1);
let clock: TestClock;
let lives: number;
let warnings: string[];

beforeEach(() => {
  clock = new TestClock();
  lives = 0;
  warnings = [];
});

function start(disk: SimDisk): SimBroker {
  return new SimBroker(disk, clock, SIZES, ++lives, (level, line) => {
    if (level === 'warn') warnings.push(line);
  });
}

/** Three files of log, in queue 0 of T. */
function send(broker: SimBroker, count: number): void {
  for (let i = 0; i < count; i++) {
    broker.net.send({ body: 'x'.repeat(200) });
    broker.append.doWork();
    broker.net.answers();
    broker.dispatch.doWork();
  }
}

function pass(broker: SimBroker): void {
  clock.passMs(ROUND_MS);
  for (let turn = 0; turn < 10; turn++) {
    broker.dispatch.doWork();
    broker.flush.doWork();
    clock.passMs(1000);
  }
}

/** A store whose broker has had a round, with these bytes in the place of its checkpoint. */
function storeWith(checkpoint: Uint8Array, ending: 'stopped' | 'killed'): SimDisk {
  const broker = start(new SimDisk(random));
  broker.tellControl({ kind: 'ensureTopic', ticket: 1, topic: 'T', defaultTopic: 'TBW102', defaultTopicQueueNums: 4 });
  send(broker, MESSAGES);
  pass(broker);
  if (ending === 'stopped') broker.stop(() => {});
  else broker.letGo();
  const disk = broker.disk.afterCrash('kill', random, 1);
  expect(disk.stat(STORE_PATHS.abort) === null).toBe(ending === 'stopped');
  writeWhole(disk, STORE_PATHS.checkpoint, checkpoint);
  return disk;
}

function withTimes(log: number, queues: number, index: number): Uint8Array {
  const times = { logTimestamp: log, queuesTimestamp: queues, indexTimestamp: index };
  return encodeCheckpoint({ ...EMPTY_CHECKPOINT, ...times }, null);
}

const SENT_MS = new TestClock().nowMs();
const DAMAGED: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ['nothing but ones', Buffer.alloc(4096, 0xff)],
  ['times that no number holds', Buffer.alloc(4096, 0x55)],
  ['a time of the log below zero', withTimes(-5, SENT_MS, SENT_MS)],
  ['a time of the queues below zero', withTimes(SENT_MS, -5, SENT_MS)],
  ['a time of the index below zero', withTimes(SENT_MS, SENT_MS, -5)],
  ['times to come', withTimes(SENT_MS + YEARS_MS, SENT_MS + YEARS_MS, SENT_MS + YEARS_MS)],
  ['a time of the queues to come', withTimes(SENT_MS, SENT_MS + YEARS_MS, SENT_MS)],
];

describe.each(['stopped', 'killed'] as const)('a checkpoint of a store that was %s', (ending) => {
  it.each(DAMAGED)('%s: counts as none, with one line that names it, and is written anew', (_what, bytes) => {
    const disk = storeWith(bytes, ending);
    warnings = [];
    const broker = start(disk);
    expect(warnings.filter((line) => line.includes('checkpoint'))).toEqual([
      expect.stringContaining(`${STORE_PATHS.checkpoint} is damaged`),
    ]);
    expect(readCheckpoint(disk, STORE_PATHS.checkpoint)).toEqual(EMPTY_CHECKPOINT);
    expect(readVouched(disk, STORE_PATHS.checkpoint)).not.toBeNull();
    expect(broker.start.lastStoreTimestamp).toBe(SENT_MS);
    broker.dispatch.doWork();
    expect(broker.maxOf('T', 0)).toBe(MESSAGES);

    const laterMs = clock.nowMs();
    send(broker, 1);
    pass(broker);
    broker.stop(() => {});
    expect(readCheckpoint(disk, STORE_PATHS.checkpoint)).toMatchObject({
      logTimestamp: laterMs,
      queuesTimestamp: laterMs,
    });
    expect(disk.stat(STORE_PATHS.abort)).toBeNull();

    warnings = [];
    const next = start(disk.afterCrash('kill', random, 1));
    expect(warnings).toEqual([]);
    expect(next.maxOf('T', 0)).toBe(MESSAGES + 1);
    next.letGo();
  });
});
