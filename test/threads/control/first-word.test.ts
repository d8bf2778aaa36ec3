/** What a start says in a checkpoint in which RingMQ has said nothing: durable before anything is written, and no more than is so. */
import { beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { NO_INDEX_KEPT, type Vouched } from '../../../src/layout/checkpoint-file.ts';
import { readVouched } from '../../../src/store/checkpoint.ts';
import { writeWhole } from '../../../src/store/disk.ts';
import { SimBroker, STORE_PATHS } from '../../simulator/sim-broker.ts';
import { CrashedError, NO_FAULTS, SimDisk } from '../../support/sim-disk.ts';
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
const AT_NOTHING = { filedTo: 0, lookFrom: 0, stoppedAt: -1, queueCount: 0, queueEntries: 0, logStart: 0 };

const random = seededRandom(1);
let clock: TestClock;
let lives: number;

beforeEach(() => {
  clock = new TestClock();
  lives = 0;
});

function start(
  disk: SimDisk,
  sizes: typeof SIZES | (Omit<typeof SIZES, 'index'> & { index: null }) = SIZES,
): SimBroker {
  return new SimBroker(disk, clock, sizes, ++lives, () => {});
}

function wordOn(disk: SimDisk): Vouched | null {
  return readVouched(disk, STORE_PATHS.checkpoint);
}

/** Messages of 300 bytes in queue 0 of T: three files of log. */
function send(broker: SimBroker): void {
  broker.tellControl({ kind: 'ensureTopic', ticket: 1, topic: 'T', defaultTopic: 'TBW102', defaultTopicQueueNums: 4 });
  for (let i = 0; i < MESSAGES; i++) {
    broker.net.send({ body: 'x'.repeat(200) });
    broker.append.doWork();
    broker.net.answers();
    broker.dispatch.doWork();
  }
}

function killed(broker: SimBroker): SimDisk {
  broker.letGo();
  return broker.disk.afterCrash('kill', random, 1);
}

describe('the first word in a checkpoint', () => {
  it('is there, durable, before a new broker writes anything', () => {
    const { disk } = start(new SimDisk(random));
    expect(wordOn(disk.afterCrash('power', random, 0))).toEqual({ ...AT_NOTHING, indexEnd: -1 });
    expect(wordOn(start(new SimDisk(random), { ...SIZES, index: null }).disk)).toMatchObject({
      indexEnd: NO_INDEX_KEPT,
    });
  });

  it('is durable when a start finds it, wherever the one before was killed', () => {
    const whole = start(new SimDisk(random)).disk;
    for (let call = 1; call <= whole.calls; call++) {
      const disk = new SimDisk(random);
      disk.crashAt = call;
      expect(() => start(disk)).toThrow(CrashedError);
      const next = start(disk.afterCrash('kill', random, 1));
      expect(wordOn(next.disk.afterCrash('power', random, 0)), `killed at call ${call}`).not.toBeNull();
    }
  });

  it('is not said again', () => {
    const disk = killed(start(new SimDisk(random)));
    const written: string[] = [];
    disk.faults = {
      ...NO_FAULTS,
      fail(operation, path) {
        if (operation === 'write') written.push(path);
        return null;
      },
    };
    start(disk);
    expect(written).toContain(STORE_PATHS.abort);
    expect(written.filter((path) => path.startsWith(STORE_PATHS.checkpoint))).toEqual([]);
  });

  it('lets a broker start again whose files of the log a loss of power has torn before its first round', () => {
    const broker = start(new SimDisk(random));
    send(broker);
    const disk = killed(broker);
    disk.unlink(`${STORE_PATHS.commitLog}/00000000000000004096`);
    expect(start(disk).written()).toBeLessThan(4096);
  });

  it('says of a store that is there what the start goes by, and a start after a crash goes by that', () => {
    const broker = start(new SimDisk(random));
    send(broker);
    const end = broker.written();
    let disk = killed(broker);
    disk.unlink(STORE_PATHS.checkpoint);
    for (let again = 0; again < 3; again++) {
      const next = start(disk);
      expect(next.written()).toBe(end);
      expect(wordOn(next.disk)).toEqual({ ...AT_NOTHING, indexEnd: -1 });
      next.dispatch.doWork();
      expect(next.usedRows().map((row) => next.table.max(row))).toEqual([MESSAGES]);
      disk = killed(next);
    }
  });

  it('is not said in a store that is refused, which stays as it was stopped', () => {
    const disk = new SimDisk(random);
    disk.makeDirectory(STORE_PATHS.commitLog);
    writeWhole(disk, `${STORE_PATHS.commitLog}/00000000000000000001`, Buffer.from('x'));
    expect(() => start(disk)).toThrow('begins where no file of');
    expect(disk.stat(STORE_PATHS.abort)).toBeNull();
    expect(disk.stat(STORE_PATHS.checkpoint)).toBeNull();
  });

  it('ends the start where it cannot be written', () => {
    const disk = new SimDisk(random);
    disk.faults = {
      ...NO_FAULTS,
      fail: (operation, path) => (operation === 'write' && path.startsWith(STORE_PATHS.checkpoint) ? 'ENOSPC' : null),
    };
    expect(() => start(disk)).toThrow('disk full');
    disk.faults = NO_FAULTS;
    // It had begun to change things.
    expect(disk.stat(STORE_PATHS.abort)).not.toBeNull();
    start(disk);
  });
});
