/** What a start after a crash has cut of the queues: durable with the first round, and no stop is a clean one before that. */
import { beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { SimBroker, STORE_PATHS } from '../../simulator/sim-broker.ts';
import { NO_FAULTS, SimDisk } from '../../support/sim-disk.ts';
import { TestClock } from '../test-net.ts';

const SIZES = {
  syncFlush: false,
  zeroWrite: false,
  segmentBytes: 64 * 1024,
  queueFileBytes: 2000,
  ringBytes: 64 * 1024,
  index: null,
  descriptors: 1000,
};
const ROUND_MS = 10_000;

const random = seededRandom(1);
let clock: TestClock;
let lives: number;

beforeEach(() => {
  clock = new TestClock();
  lives = 0;
});

function start(disk: SimDisk): SimBroker {
  return new SimBroker(disk, clock, SIZES, ++lives, () => {});
}

/** A broker with a message in queue 0 of T, which is killed after its round. */
function killed(): SimDisk {
  const broker = start(new SimDisk(random));
  broker.tellControl({ kind: 'ensureTopic', ticket: 1, topic: 'T', defaultTopic: 'TBW102', defaultTopicQueueNums: 4 });
  broker.net.send();
  broker.append.doWork();
  broker.net.answers();
  pass(broker);
  broker.letGo();
  return broker.disk.afterCrash('kill', random, 1);
}

function pass(broker: SimBroker): void {
  clock.passMs(ROUND_MS);
  for (let turn = 0; turn < 10; turn++) {
    broker.dispatch.doWork();
    broker.flush.doWork();
    clock.passMs(1000);
  }
}

function syncsOfQueues(broker: SimBroker): string[] {
  const syncs: string[] = [];
  broker.disk.faults = {
    ...NO_FAULTS,
    fail(operation, path) {
      if (operation === 'fdatasync' && path.startsWith(STORE_PATHS.consumeQueue)) syncs.push(path);
      return null;
    },
  };
  pass(broker);
  return syncs;
}

describe('a queue that was whole in the last round', () => {
  it('is built again when a crash has taken its file, which no crash does', () => {
    const disk = killed();
    disk.unlink(`${STORE_PATHS.consumeQueue}/T/0/00000000000000000000`);
    const lines: string[] = [];
    const broker = new SimBroker(disk, clock, SIZES, ++lives, (level, line) => void lines.push(`${level} ${line}`));
    expect(lines).toContain(
      'warn 0 queues with 0 entries where there were 1 with 1: what is missing is built again from the log',
    );
    expect(broker.maxOf('T', 0)).toBe(1);
  });
});

describe('what a start has cut of the queues', () => {
  it('is made durable by the first round, also of a broker that does nothing, and by no other', () => {
    const broker = start(killed());
    expect(syncsOfQueues(broker)).toEqual([`${STORE_PATHS.consumeQueue}/T/0/00000000000000000000`]);
    expect(syncsOfQueues(broker)).toEqual([]);
    broker.stop(() => {});
  });

  it('lets a stop be clean that made it durable', () => {
    const broker = start(killed());
    broker.stop(() => {});
    expect(broker.disk.stat(STORE_PATHS.abort)).toBeNull();
  });

  it('lets no stop be clean that could not', () => {
    const broker = start(killed());
    broker.disk.faults = {
      ...NO_FAULTS,
      fail: (operation, path) => (operation === 'open' && path.startsWith(STORE_PATHS.consumeQueue) ? 'EMFILE' : null),
    };
    broker.stop(() => {});
    expect(broker.disk.stat(STORE_PATHS.abort)).not.toBeNull();
  });

  it('lets a stop be in order, and not clean, that could not look at the checkpoint for want of a descriptor', () => {
    const broker = start(killed());
    // Flush has it open by then.
    pass(broker);
    broker.disk.faults = {
      ...NO_FAULTS,
      fail: (operation, path) => (operation === 'open' && path === STORE_PATHS.checkpoint ? 'EMFILE' : null),
    };
    broker.stop(() => {});
    expect(broker.disk.stat(STORE_PATHS.abort)).not.toBeNull();
  });
});
