/** What the checkpoint says of where the log begins: as retention has left it, while a broker runs and when it is stopped. */
import { beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { RequestCode } from '../../../src/remoting/codes.ts';
import { readVouched } from '../../../src/store/checkpoint.ts';
import { SimBroker, STORE_PATHS } from '../../simulator/sim-broker.ts';
import { SimDisk } from '../../support/sim-disk.ts';
import { TestClock } from '../test-net.ts';

const SEGMENT = 4096;
const SIZES = {
  syncFlush: false,
  zeroWrite: false,
  segmentBytes: SEGMENT,
  queueFileBytes: 2000,
  ringBytes: 64 * 1024,
  index: null,
  descriptors: 1000,
};

const random = seededRandom(1);
let clock: TestClock;
let lives: number;
let warnings: string[];

beforeEach(() => {
  clock = new TestClock();
  lives = 0;
});

function start(disk: SimDisk): SimBroker {
  warnings = [];
  return new SimBroker(disk, clock, SIZES, ++lives, (level, line) => {
    if (level === 'warn') warnings.push(line);
  });
}

/** Messages of 300 bytes: three files of log and a piece of the fourth. */
function send(broker: SimBroker): void {
  broker.tellControl({ kind: 'ensureTopic', ticket: 1, topic: 'T', defaultTopic: 'TBW102', defaultTopicQueueNums: 4 });
  for (let i = 0; i < 40; i++) {
    broker.net.send({ body: 'x'.repeat(200) });
    broker.append.doWork();
    broker.net.answers();
    broker.dispatch.doWork();
  }
}

/** Until a round of queue files is durable and in the checkpoint. */
function round(broker: SimBroker): void {
  for (let turns = 0; turns < 40; turns++) {
    clock.passMs(1000);
    broker.dispatch.doWork();
    broker.flush.doWork();
  }
}

/** Retention takes the oldest file. */
function deleteOldest(broker: SimBroker): void {
  const before = broker.disk.list(STORE_PATHS.commitLog).length;
  broker.ask(RequestCode.DELETE_EXPIRED_COMMITLOG);
  for (let turns = 0; broker.disk.list(STORE_PATHS.commitLog).length === before && turns < 10; turns++) {
    broker.controlTurn();
    broker.disk.stepAside();
  }
}

function saidStart({ disk }: SimBroker): number | undefined {
  return readVouched(disk, STORE_PATHS.checkpoint)?.logStart;
}

describe('where the log begins', () => {
  it('is said by the next round, and at a stop in order', () => {
    const broker = start(new SimDisk(random));
    send(broker);
    round(broker);
    expect(saidStart(broker)).toBe(0);
    deleteOldest(broker);
    expect(broker.logStart()).toBe(SEGMENT);
    send(broker);
    round(broker);
    expect(saidStart(broker)).toBe(SEGMENT);
    deleteOldest(broker);
    broker.stop(() => {});
    expect(saidStart(broker)).toBe(broker.logStart());
    expect(saidStart(broker)).toBeGreaterThan(SEGMENT);
    start(broker.disk);
    expect(warnings).toEqual([]);
  });

  it('is compared after a stop in order, once', () => {
    const broker = start(new SimDisk(random));
    send(broker);
    broker.stop(() => {});
    broker.disk.unlink(`${STORE_PATHS.commitLog}/00000000000000000000`);
    const next = start(broker.disk);
    expect(warnings).toEqual([expect.stringContaining(`begins at ${SEGMENT}, and began at 0 when`)]);
    next.stop(() => {});
    start(next.disk);
    expect(warnings).toEqual([]);
  });

  it('is not compared after a kill', () => {
    const broker = start(new SimDisk(random));
    send(broker);
    round(broker);
    deleteOldest(broker);
    expect(saidStart(broker)).toBe(0);
    broker.letGo();
    expect(start(broker.disk.afterCrash('kill', random, 1)).logStart()).toBe(SEGMENT);
    expect(warnings).toEqual([]);
  });
});
