import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { asQueueOffset, asQueueSlot } from '../../src/base/units.ts';
import { HELD_PULLS_MAX, PULL_BACKLOG_MAX_BYTES } from '../../src/broker/slow-readers.ts';
import { outcome, type PullFields, PullHarness, pullHeader, type TestReply } from './pull-harness.ts';

const TAG_A = 2598919;
/** Suspend, own subscription. */
const HOLD = 6;

/** Sends a pull that may be held. */
function hold(broker: PullHarness, fields: PullFields = {}, client = broker.client()): TestReply {
  const header = pullHeader({ sysFlag: HOLD, ...fields });
  broker.pulls.pull(header, client, broker.nowUs / 1000);
  (header.names as Buffer).fill(0);
  return client;
}

describe('long polling (spec/api.md 8.4)', () => {
  it('holds a pull that found nothing until a message comes', () => {
    const broker = new PullHarness();
    broker.many(2);
    const client = hold(broker, { queueOffset: 2, opaque: 31 });
    expect([client.answers.length, broker.pulls.parked, broker.parkedTold]).toEqual([0, 1, 1]);
    broker.put({});
    broker.arrived();
    const answer = client.answer();
    expect(outcome(answer)).toEqual([0, 'FOUND', 3, 0, 3]);
    expect(answer.opaque).toBe(31);
    expect([broker.pulls.parked, broker.parkedTold]).toEqual([0, 0]);
  });

  it('holds at the start of an empty queue, and nothing that has an outcome', () => {
    const broker = new PullHarness();
    hold(broker);
    expect(broker.pulls.parked).toBe(1);
    broker.many(2, { queueId: 1 });
    for (const queueOffset of [0, 3]) hold(broker, { queueId: 1, queueOffset }).answer();
    hold(broker, { queueId: 1, subscription: 'TagZ' }).answer();
    hold(broker, { queueId: 2, queueOffset: 5 }).answer();
    hold(broker, { queueOffset: 0, sysFlag: 4 }).answer();
    hold(broker, { topic: 'NONE' }).answer();
    expect(broker.pulls.parked).toBe(1);
  });

  it('wakes the pulls of the queue that grew and of no other', () => {
    const broker = new PullHarness();
    const clients = [0, 1, 1, 2].map((queueId, i) => hold(broker, { queueId }, broker.client(i)));
    broker.put({ queueId: 1 });
    broker.arrived(1);
    expect(clients.map(({ answers }) => answers.length)).toEqual([0, 1, 1, 0]);
    broker.arrived(2);
    expect(broker.pulls.parked).toBe(2);
  });

  it('looks at all of them when names were lost', () => {
    const broker = new PullHarness();
    const clients = [0, 1, 2].map((queueId) => hold(broker, { queueId }, broker.client(queueId)));
    broker.put({ queueId: 0 }, { queueId: 2 });
    broker.pulls.arrivedAll();
    expect(clients.map(({ answers }) => answers.length)).toEqual([1, 0, 1]);
  });

  it('does not wake for tags that are not subscribed to', () => {
    const broker = new PullHarness();
    const client = hold(broker, { subscription: 'TagA' });
    broker.many(3);
    broker.arrived();
    broker.many(20, { tagsCode: 5 });
    broker.arrived();
    expect(client.answers).toEqual([]);
    broker.put({ tagsCode: TAG_A }, {});
    broker.arrived();
    expect(outcome(client.answer())).toEqual([0, 'FOUND', 25, 0, 25]);
  });

  it('wakes when so much has come that the tail no longer tells', () => {
    const broker = new PullHarness();
    const client = hold(broker, { subscription: 'TagA' });
    broker.many(100);
    broker.arrived();
    expect(outcome(client.answer())).toEqual([20, 'NO_MATCHED_MESSAGE', 100, 0, 100]);
  });

  it('tells every 5 s how far a pull may go on whose tags do not come', () => {
    const broker = new PullHarness();
    broker.at(1000);
    const client = hold(broker, { subscription: 'TagA' });
    const idle = hold(broker, { queueId: 1 });
    broker.many(3);
    broker.arrived();
    broker.at(5900);
    expect(client.answers).toEqual([]);
    broker.at(6000);
    expect(outcome(client.answer())).toEqual([20, 'NO_MATCHED_MESSAGE', 3, 0, 3]);
    expect(idle.answers).toEqual([]);
  });

  it('answers at the deadline of each pull', () => {
    const broker = new PullHarness();
    broker.at(0);
    const timeouts = [15_000, 1000, 20_000, 500, 0, -7, 999];
    const clients = timeouts.map((suspendTimeoutMillis, i) => hold(broker, { suspendTimeoutMillis }, broker.client(i)));
    const answered = (): number[] => clients.map(({ answers }) => answers.length);
    expect(broker.at(0)).toBe(2);
    expect(answered()).toEqual([0, 0, 0, 0, 1, 1, 0]);
    expect(broker.at(499)).toBe(0);
    broker.at(998);
    expect(answered()).toEqual([0, 0, 0, 1, 1, 1, 0]);
    broker.at(1000);
    expect(answered()).toEqual([0, 1, 0, 1, 1, 1, 1]);
    broker.at(15_000);
    expect(answered()).toEqual([1, 1, 0, 1, 1, 1, 1]);
    expect(outcome(clients[0]!.answer())).toEqual([19, 'NO_MESSAGE_IN_QUEUE', 0, 0, 0]);
    expect(broker.pulls.parked).toBe(1);
  });

  it('with longPollingEnable=false holds for shortPollingTimeMills and looks every second', () => {
    const broker = new PullHarness({ settings: { longPollingEnable: false, shortPollingTimeMills: 3000 } });
    broker.at(0);
    const client = hold(broker);
    const grown = hold(broker, { queueId: 1, subscription: 'TagA' });
    broker.put({ queueId: 1 });
    broker.at(1000);
    expect([client.answers.length, grown.answers.length]).toEqual([0, 1]);
    broker.at(2999);
    expect(client.answers).toEqual([]);
    broker.at(3000);
    expect(client.answer().code).toBe(19);
  });

  it('misses no message that comes between the look at the queue and the parking', () => {
    const broker = new PullHarness();
    broker.many(2);
    broker.afterParked = () => {
      // Dispatch was busy with this message and read a parked count of 0 before; it names the queue to nobody.
      if (broker.parkedTold === 1) broker.put({});
    };
    expect(outcome(hold(broker, { queueOffset: 2 }).answer())).toEqual([0, 'FOUND', 3, 0, 3]);
    expect(broker.pulls.parked).toBe(0);
  });

  it('repeats all checks when it runs again, and does not hold or commit again', () => {
    const broker = new PullHarness();
    const client = hold(broker, { sysFlag: HOLD | 1, commitOffset: 4 });
    broker.group({ consumeEnable: false });
    broker.put({});
    broker.arrived();
    expect(client.answer().code).toBe(16);
    expect(broker.commits.length).toBe(1);
    broker.group({});
    const again = hold(broker, { queueOffset: 1, suspendTimeoutMillis: 100 });
    broker.at(100);
    expect(again.answer().code).toBe(19);
    expect(broker.pulls.parked).toBe(0);
  });

  it('forgets the pulls of a connection that has closed', () => {
    const broker = new PullHarness();
    const gone = broker.client(1);
    for (const queueId of [0, 1, 2]) hold(broker, { queueId }, gone);
    const other = hold(broker, { queueId: 1 }, broker.client(2));
    gone.isOpen = false;
    broker.pulls.closed(1);
    expect([broker.pulls.parked, broker.parkedTold]).toEqual([1, 1]);
    broker.put({ queueId: 0 }, { queueId: 1 });
    broker.pulls.arrivedAll();
    broker.at(60_000);
    expect([gone.answers.length, other.answers.length]).toEqual([0, 1]);
  });

  it('keeps the deadlines in order while pulls come and go', () => {
    const broker = new PullHarness();
    broker.at(0);
    const random = seededRandom(11);
    const waiting = new Map<number, { client: TestReply; deadline: number }>();
    for (let id = 0; id < 500; id++) {
      const deadline = 1 + random.below(4000);
      waiting.set(id, { client: hold(broker, { suspendTimeoutMillis: deadline }, broker.client(id)), deadline });
      const leaver = random.below(3 * (id + 1));
      broker.pulls.closed(leaver);
      waiting.delete(leaver);
    }
    expect(waiting.size).toBeGreaterThan(300);
    expect(waiting.size).toBeLessThan(450);
    for (let now = 0; now < 4050; now += 50) {
      broker.at(now);
      for (const { client, deadline } of waiting.values()) {
        expect(client.answers.length).toBe(deadline <= now ? 1 : 0);
      }
    }
    expect(broker.pulls.parked).toBe(0);
  });

  it('parks a bound number of pulls of one connection', () => {
    const broker = new PullHarness();
    const client = broker.client();
    for (let i = 0; i < 16_385; i++) hold(broker, {}, client);
    expect([broker.pulls.parked, client.answers.length]).toEqual([16_384, 1]);
    expect(client.answer().code).toBe(19);
  });
});

describe('a pull with a long expression', () => {
  const LONG = `${'x'.repeat(15_900)} || `;

  it('waits like any other, but a connection may keep 8 MiB of them', () => {
    const broker = new PullHarness();
    const client = broker.client();
    for (let i = 0; i < 600; i++) hold(broker, { subscription: LONG + i }, client);
    expect(broker.pulls.parked).toBeGreaterThan(500);
    expect(broker.pulls.parked).toBeLessThan(530);
    expect(client.answers.length).toBe(600 - broker.pulls.parked);
    expect(client.answers[0]!.code).toBe(19);
    broker.at(20_000);
    // All have been answered: there is room again.
    expect(broker.pulls.parked).toBe(0);
    const before = client.answers.length;
    hold(broker, { subscription: LONG }, client);
    expect([broker.pulls.parked, client.answers.length]).toEqual([1, before]);
  });

  it('is held for a connection that does not read within the same bound', () => {
    const broker = new PullHarness();
    const client = broker.client();
    client.backlogBytes = PULL_BACKLOG_MAX_BYTES + 1;
    for (let i = 0; i < 600; i++) hold(broker, { subscription: LONG + i }, client);
    expect(broker.pulls.held).toBeGreaterThan(500);
    expect(broker.pulls.held).toBeLessThan(530);
    expect(client.answers.every(({ code }) => code === 2)).toBe(true);
    expect(client.answers.length).toBe(600 - broker.pulls.held);
  });
});

describe('a connection that does not read its answers', () => {
  function slow(broker: PullHarness): TestReply {
    const client = broker.client();
    client.backlogBytes = PULL_BACKLOG_MAX_BYTES + 1;
    return client;
  }

  it('gets no more bodies read until it has drained, then all in order', () => {
    const broker = new PullHarness();
    broker.many(3);
    const client = slow(broker);
    for (const opaque of [1, 2, 3]) hold(broker, { opaque, sysFlag: 7, commitOffset: opaque }, client);
    expect([client.answers.length, broker.reads.length, broker.pulls.held]).toEqual([0, 0, 3]);
    client.backlogBytes = 0;
    // Not yet told: those that wait go first.
    hold(broker, { opaque: 4 }, client);
    expect(broker.pulls.held).toBe(4);
    broker.pulls.drained(client.connectionId);
    expect(client.answers.map(({ opaque }) => opaque)).toEqual([1, 2, 3, 4]);
    expect(broker.pulls.held).toBe(0);
    expect(hold(broker, { opaque: 5 }, client).answers.length).toBe(5);
  });

  it('commits the offsets that its pulls bring, at once and only then', () => {
    const broker = new PullHarness();
    broker.many(3);
    const client = slow(broker);
    for (const commitOffset of [1, 2]) hold(broker, { sysFlag: 7, commitOffset }, client);
    hold(broker, { sysFlag: 7, commitOffset: 3, queueId: 9 }, client);
    expect(broker.commits.map(([, , , offset]) => offset)).toEqual([1, 2]);
    client.backlogBytes = 0;
    broker.pulls.drained(client.connectionId);
    expect(client.answers.map(({ code }) => code)).toEqual([0, 0, 29]);
    expect(broker.commits).toHaveLength(2);
  });

  it('has the group of its pull made before it drains, and the offset of the pull behind that', () => {
    const broker = new PullHarness();
    broker.many(3);
    const client = slow(broker);
    hold(broker, { group: 'NEW', sysFlag: 7, commitOffset: 1 }, client);
    expect(broker.groupRequests.map(({ group }) => group)).toEqual(['NEW']);
    expect(broker.commits).toEqual([['NEW', 'T', 0, 1]]);
    broker.group({ name: 'NEW' });
    broker.groupRequests[0]!.then(0, null);
    expect([client.answers, broker.pulls.held]).toEqual([[], 1]);
    client.backlogBytes = 0;
    broker.pulls.drained(client.connectionId);
    expect(client.answer().code).toBe(0);
    expect([broker.groupRequests.length, broker.commits.length]).toEqual([1, 1]);
  });

  it('commits nothing later for a pull that could not have committed when it came', () => {
    const broker = new PullHarness();
    broker.many(3);
    const client = slow(broker);
    hold(broker, { topic: 'LATER', sysFlag: 7, commitOffset: 1 }, client);
    broker.topic({ name: 'LATER' });
    client.backlogBytes = 0;
    broker.pulls.drained(client.connectionId);
    expect(client.answer().code).toBe(0);
    expect(broker.commits).toEqual([]);
  });

  it('is held again as soon as its backlog is large again, without a change of the order', () => {
    const broker = new PullHarness();
    broker.many(3);
    const client = slow(broker);
    for (const opaque of [1, 2, 3]) hold(broker, { opaque }, client);
    client.backlogBytes = 0;
    const frame = client.frame.bind(client);
    client.frame = (bytes) => {
      frame(bytes);
      client.backlogBytes = PULL_BACKLOG_MAX_BYTES + 1;
    };
    broker.pulls.drained(client.connectionId);
    client.backlogBytes = 0;
    broker.pulls.drained(client.connectionId);
    expect(client.answers.map(({ opaque }) => opaque)).toEqual([1, 2]);
    expect(broker.pulls.held).toBe(1);
  });

  it('does not hold up others', () => {
    const broker = new PullHarness();
    broker.many(3);
    hold(broker, {}, slow(broker));
    expect(hold(broker, {}, broker.client(2)).answer().code).toBe(0);
  });

  it('keeps a parked pull that is woken', () => {
    const broker = new PullHarness();
    const client = hold(broker);
    client.backlogBytes = PULL_BACKLOG_MAX_BYTES + 1;
    broker.put({});
    broker.arrived();
    expect([client.answers.length, broker.pulls.parked, broker.pulls.held]).toEqual([0, 0, 1]);
    client.backlogBytes = 0;
    broker.pulls.drained(client.connectionId);
    expect(client.answer().code).toBe(0);
  });

  it('keeps a bound number of pulls, and those beyond are answered SYSTEM_BUSY', () => {
    const broker = new PullHarness();
    const client = slow(broker);
    for (let opaque = 0; opaque < HELD_PULLS_MAX + 2; opaque++) hold(broker, { opaque }, client);
    expect(broker.pulls.held).toBe(HELD_PULLS_MAX);
    expect(client.answers.map(({ opaque, code }) => [opaque, code])).toEqual([
      [HELD_PULLS_MAX, 2],
      [HELD_PULLS_MAX + 1, 2],
    ]);
  });

  it('is forgotten when it closes', () => {
    const broker = new PullHarness();
    const client = slow(broker);
    for (let i = 0; i < 10; i++) hold(broker, {}, client);
    broker.pulls.closed(client.connectionId);
    broker.pulls.drained(client.connectionId);
    expect([broker.pulls.held, client.answers.length]).toEqual([0, 0]);
  });
});

it('a queue that grows by filing only wakes nobody', () => {
  const broker = new PullHarness();
  broker.many(2);
  const client = hold(broker, { queueOffset: 2 });
  broker.queues.setFiled(asQueueSlot(0), asQueueOffset(2));
  broker.arrived();
  broker.at(5000);
  expect(client.answers).toEqual([]);
});
