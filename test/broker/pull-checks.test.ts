import { describe, expect, it } from 'vitest';
import { FrameFlag } from '../../src/remoting/command.ts';
import { outcome, PullHarness, pullHeader, refusalOf } from './pull-harness.ts';

const FAQ = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';
/** A pull that leaves the subscription to its group. */
const BY_GROUP = { sysFlag: 0, subscription: null };

describe('the checks of a pull (spec/api.md 8.2)', () => {
  it('1: the broker is not readable', () => {
    const broker = new PullHarness({ settings: { brokerPermission: 2 } });
    expect(refusalOf(broker.ask())).toEqual([16, 'the broker[broker-a] pulling message is forbidden', '1']);
  });

  it('2: lite pulls are switched off, and other pulls are not', () => {
    const broker = new PullHarness({ settings: { litePullMessageEnable: false } });
    expect(refusalOf(broker.ask({ code: 361 }))).toEqual([
      16,
      'the broker[broker-a] for lite pull consumer is forbidden',
      '1',
    ]);
    expect(broker.ask({ code: 11 }).code).toBe(19);
  });

  it.each([
    ['expression', { subscription: 'x'.repeat(16 * 1024 + 1) }, 23],
    ['expression type', { expressionType: 'x'.repeat(256) }, 23],
    ['group name', { group: 'x'.repeat(256) }, 26],
    ['topic name', { topic: 'x'.repeat(256) }, 17],
  ] as const)('an %s that is too long to be kept is refused at once', (_, fields, code) => {
    const broker = new PullHarness();
    const answer = broker.ask(fields);
    expect(answer.code).toBe(code);
    expect(answer.remark!.length).toBeLessThan(300);
    expect(broker.groupRequests).toEqual([]);
  });

  it('an expression of 16 KiB is taken', () => {
    const broker = new PullHarness();
    broker.many(1);
    expect(broker.ask({ subscription: 'x'.repeat(16 * 1024) }).code).not.toBe(23);
  });

  it('3: control creates the group, and the pull goes on', () => {
    const broker = new PullHarness();
    broker.many(2);
    const client = broker.client();
    const header = pullHeader({ group: 'NEW', sysFlag: 5, commitOffset: 1 });
    broker.pulls.pull(header, client, 0);
    // The frame's memory is used again while control thinks.
    (header.names as Buffer).fill(0);
    expect(client.answers).toEqual([]);
    expect(broker.groupRequests.map(({ group }) => group)).toEqual(['NEW']);
    broker.group({ name: 'NEW' });
    broker.groupRequests[0]!.then(0, null);
    expect(outcome(client.answer())).toEqual([0, 'FOUND', 2, 0, 2]);
    expect(broker.commits).toEqual([['NEW', 'T', 0, 1]]);
  });

  it('3: its offset follows the question for the group, before any later one of its client and once', () => {
    const broker = new PullHarness();
    const client = broker.client();
    const asked: number[] = [];
    broker.committed = () => asked.push(broker.groupRequests.length);
    broker.pulls.pull(pullHeader({ group: 'NEW', sysFlag: 5, commitOffset: 1 }), client, 0);
    broker.pulls.pull(pullHeader({ group: 'NEW', sysFlag: 5, commitOffset: 2 }), client, 0);
    expect([broker.commits, asked]).toEqual([
      [
        ['NEW', 'T', 0, 1],
        ['NEW', 'T', 0, 2],
      ],
      [1, 2],
    ]);
    broker.group({ name: 'NEW' });
    for (const { then } of broker.groupRequests) then(0, null);
    expect(client.answers.map(({ code }) => code)).toEqual([19, 19]);
    expect(broker.commits).toHaveLength(2);
  });

  it('3: it commits nothing on a queue that is not there, whatever becomes of its group', () => {
    const broker = new PullHarness();
    for (const queue of [{ topic: 'NONE' }, { queueId: 4 }, { queueId: -1 }]) {
      broker.pulls.pull(pullHeader({ group: 'NEW', sysFlag: 5, commitOffset: 1, ...queue }), broker.client(), 0);
    }
    broker.pulls.pull(pullHeader({ group: 'NEW', sysFlag: 4, commitOffset: 1 }), broker.client(), 0);
    broker.topic({ readQueueNums: 8 });
    broker.group({ name: 'NEW' });
    for (const { then } of broker.groupRequests) then(0, null);
    expect(broker.commits).toEqual([]);
  });

  it('3: control refuses the group, with its own remark', () => {
    const broker = new PullHarness();
    const client = broker.client();
    broker.pulls.pull(pullHeader({ group: 'NEW' }), client, 0);
    broker.groupRequests[0]!.then(26, 'no group NEW here');
    expect(refusalOf(client.answer())).toEqual([26, 'no group NEW here', null]);
  });

  it('3: a group that is not there after all is not asked for again', () => {
    const broker = new PullHarness();
    const client = broker.client();
    broker.pulls.pull(pullHeader({ group: 'NEW' }), client, 0);
    broker.groupRequests[0]!.then(0, null);
    expect(client.answer().code).toBe(26);
    expect(broker.groupRequests.length).toBe(1);
  });

  it('3: nothing is written when the client has gone in the meantime', () => {
    const broker = new PullHarness();
    const client = broker.client();
    broker.pulls.pull(pullHeader({ group: 'NEW' }), client, 0);
    client.isOpen = false;
    broker.group({ name: 'NEW' });
    broker.groupRequests[0]!.then(0, null);
    expect(client.answers).toEqual([]);
  });

  it('4: the group may not consume, whatever the topic', () => {
    const broker = new PullHarness();
    broker.group({ consumeEnable: false });
    expect(refusalOf(broker.ask({ topic: 'NONE' }))).toEqual([16, 'subscription group no permission, G', '2']);
  });

  it('5: the topic is unknown', () => {
    const answer = new PullHarness().ask({ topic: 'NONE' });
    expect(refusalOf(answer)).toEqual([17, `topic[NONE] not exist, apply first please! ${FAQ}`, null]);
  });

  it('6: the topic is not readable, whatever the queue', () => {
    const broker = new PullHarness();
    broker.topic({ perm: 2 });
    expect(refusalOf(broker.ask({ queueId: 77 }))).toEqual([16, 'the topic[T] pulling message is forbidden', '3']);
  });

  it('7: the queue id is out of range, whatever the subscription', () => {
    const broker = new PullHarness();
    for (const queueId of [-3, 4, 77]) {
      const remark = `queueId[${queueId}] is illegal, topic:[T] topicConfig.readQueueNums:[4] consumer:[/127.0.0.1:51310]`;
      expect(refusalOf(broker.ask({ queueId, subscription: '||' }))).toEqual([29, remark, null]);
    }
    broker.topic({ readQueueNums: 2 });
    expect(broker.ask({ queueId: 2 }).code).toBe(29);
    expect(broker.ask({ queueId: 1 }).code).toBe(19);
  });

  it('8a: its own expression does not parse', () => {
    const answer = new PullHarness().ask({ subscription: '||' });
    expect(refusalOf(answer)).toEqual([23, "parse the consumer's subscription failed", null]);
  });

  it('8b: no consumer of the group is registered, though one was', () => {
    const broker = new PullHarness();
    const expected = [24, `the consumer's group info not exist${FAQ}`, null];
    expect(refusalOf(broker.ask(BY_GROUP))).toEqual(expected);
    broker.consumers({});
    expect(broker.ask(BY_GROUP).code).toBe(19);
    broker.consumers(null);
    expect(refusalOf(broker.ask(BY_GROUP))).toEqual(expected);
  });

  it('8c: the group may not broadcast, whatever its subscriptions', () => {
    const broker = new PullHarness();
    broker.group({ consumeBroadcastEnable: false });
    broker.consumers({ topic: 'OTHER' }, 'BROADCASTING');
    expect(refusalOf(broker.ask(BY_GROUP))).toEqual([
      16,
      'the consumer group[G] can not consume by broadcast way',
      '4',
    ]);
    broker.consumers({}, 'CLUSTERING');
    expect(broker.ask(BY_GROUP).code).toBe(19);
  });

  it('8e: the group has not subscribed to the topic', () => {
    const broker = new PullHarness();
    broker.consumers({ topic: 'OTHER' });
    expect(refusalOf(broker.ask(BY_GROUP))).toEqual([24, `the consumer's subscription not exist${FAQ}`, null]);
  });

  it('8f: the subscription is older than the one that the pull was made by', () => {
    const broker = new PullHarness();
    broker.consumers({ subVersion: 100 });
    expect(refusalOf(broker.ask({ ...BY_GROUP, subVersion: 101 }))).toEqual([
      25,
      "the consumer's subscription not latest",
      null,
    ]);
    expect(broker.ask({ ...BY_GROUP, subVersion: 100 }).code).toBe(19);
  });

  it('9: SQL92 is refused, in the pull’s own subscription and in its group’s', () => {
    const expected = [1, 'The broker does not support consumer to filter message by SQL92', null];
    const broker = new PullHarness();
    expect(refusalOf(broker.ask({ expressionType: 'SQL92', subscription: 'a > 1' }))).toEqual(expected);
    broker.consumers({ expressionType: 'SQL92', expression: 'a > 1' });
    expect(refusalOf(broker.ask(BY_GROUP))).toEqual(expected);
  });

  it('an expression type that does not exist is refused as 46 refuses it; none is TAG', () => {
    const broker = new PullHarness();
    expect(broker.ask({ expressionType: 'TAGS' }).code).toBe(23);
    expect(broker.ask({ expressionType: 'tag' }).code).toBe(23);
    expect(broker.ask({ expressionType: '' }).code).toBe(19);
    expect(broker.ask({ expressionType: null }).code).toBe(19);
  });
});

describe('an offset that rides on a pull', () => {
  it('is committed with bit 1 only, whatever is found, and not when the pull is refused', () => {
    const broker = new PullHarness();
    broker.many(3);
    broker.ask({ sysFlag: 4, commitOffset: 2 });
    broker.ask({ sysFlag: 5, commitOffset: 2, queueId: 9 });
    expect(broker.commits).toEqual([]);
    broker.ask({ sysFlag: 5, commitOffset: 2, queueOffset: 3 });
    expect(broker.commits).toEqual([['G', 'T', 0, 2]]);
  });

  it('is not committed below 0', () => {
    const broker = new PullHarness();
    broker.ask({ sysFlag: 5, commitOffset: -1 });
    expect(broker.commits).toEqual([]);
  });
});

it('a one-way pull is never answered', () => {
  const broker = new PullHarness();
  broker.many(3);
  const client = broker.client();
  broker.pulls.pull(pullHeader({ flag: FrameFlag.oneWay }), client, 0);
  broker.pulls.pull(pullHeader({ flag: FrameFlag.oneWay, topic: 'NONE' }), client, 0);
  expect(client.answers).toEqual([]);
});
