import { describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import { FrameFlag } from '../../src/remoting/command.ts';
import { decodeFrame } from '../../src/remoting/frame-codec.ts';
import { bodyOf, ControlHarness, type HeartbeatOptions, heartbeatBody } from './coordinator-harness.ts';

const OTHER_NET = 101;

function harness(...args: ConstructorParameters<typeof ControlHarness>): ControlHarness {
  const control = new ControlHarness(...args);
  for (const connectionId of [1, 2, OTHER_NET]) control.open(connectionId);
  return control;
}

function beat(control: ControlHarness, connectionId: number, options: HeartbeatOptions) {
  return control.request(connectionId, RequestCode.HEART_BEAT, {}, heartbeatBody(options));
}

function members(control: ControlHarness, consumerGroup: string): unknown {
  const answer = control.request(1, RequestCode.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup });
  return answer.code === ResponseCode.SUCCESS ? bodyOf(answer).consumerIdList : answer.code;
}

describe('34, first version', () => {
  it('announces the group, its retry topic and its subscriptions to all nets, then notifies, then answers', () => {
    const control = harness();
    const answer = beat(control, 1, { group: 'G', topics: { T: 'TagA || TagB' } });
    expect(answer.code).toBe(ResponseCode.SUCCESS);
    expect(Object.fromEntries(answer.extFields ?? [])).toEqual({
      IS_SUPPORT_HEART_BEAT_V2: 'true',
      IS_SUB_CHANGE: 'true',
    });
    const order = control.sent.map(({ net, message }) => `${net} ${message.kind}`);
    expect(order).toEqual([
      '0 group',
      '1 group',
      '0 topic',
      '1 topic',
      '0 consumers',
      '1 consumers',
      '0 frame',
      '0 frame',
    ]);
    expect(control.of('consumers')[0]).toMatchObject({
      group: 'G',
      consumers: {
        messageModel: 'CLUSTERING',
        subscriptions: [{ topic: 'T', expressionType: 'TAG', expression: 'TagA || TagB', subVersion: 1 }],
      },
    });
    expect(control.of('topic')[0]?.topic).toMatchObject({ name: '%RETRY%G', readQueueNums: 1, perm: 6, order: false });
  });

  it('lists the member right after the answer', () => {
    const control = harness();
    beat(control, 1, { group: 'G', clientID: 'a' });
    expect(members(control, 'G')).toEqual(['a']);
  });

  it('sends 40, one-way, to all members on all nets when one joins, the newcomer included', () => {
    const control = harness();
    beat(control, 1, { group: 'G', clientID: 'a' });
    control.forget();
    beat(control, OTHER_NET, { group: 'G', clientID: 'b' });
    expect(control.notified('G')).toEqual([1, OTHER_NET]);
    const notice = control.of('frame').find(({ connectionId }) => connectionId === 1)!;
    const command = decodeFrame(notice.frame, 0, notice.frame.length);
    expect(command).toMatchObject({ code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, flag: FrameFlag.oneWay });
    expect(notice.net).toBe(0);
  });

  it('is silent when nothing has changed', () => {
    const control = harness();
    beat(control, 1, { group: 'G', topics: { T: '*' } });
    control.forget();
    beat(control, 1, { group: 'G', topics: { T: '*' } });
    expect(control.sent.map(({ message }) => message.kind)).toEqual(['frame']);
  });

  it('notifies when a topic is added or removed', () => {
    const control = harness();
    beat(control, 1, { group: 'G', topics: { T: '*' } });
    control.forget();
    beat(control, 1, { group: 'G', topics: { T: '*', U: '*' } });
    expect(control.notified('G')).toEqual([1]);
    control.forget();
    beat(control, 1, { group: 'G', topics: { U: '*' } });
    expect(control.notified('G')).toEqual([1]);
    expect(control.of('consumers')[0]?.consumers?.subscriptions.map(({ topic }) => topic)).toEqual(['U']);
  });

  it('replaces a subscription by a newer version without a notice, and ignores an older one', () => {
    const control = harness();
    const expression = (): string | undefined => control.of('consumers')[0]?.consumers?.subscriptions[0]?.expression;
    beat(control, 1, { group: 'G', topics: { T: 'A' }, subVersion: 5 });
    control.forget();
    beat(control, 1, { group: 'G', topics: { T: 'B' }, subVersion: 6 });
    expect(expression()).toBe('B');
    expect(control.notified('G')).toEqual([]);
    control.forget();
    beat(control, 1, { group: 'G', topics: { T: 'C' }, subVersion: 6 });
    expect(control.of('consumers')).toEqual([]);
  });

  it('takes another client id on the same connection for the same member', () => {
    const control = harness();
    beat(control, 1, { group: 'G', clientID: 'a' });
    control.forget();
    beat(control, 1, { group: 'G', clientID: 'b' });
    expect(control.notified('G')).toEqual([]);
    expect(members(control, 'G')).toEqual(['b']);
  });

  it('tells broadcast groups nothing', () => {
    const control = harness();
    beat(control, 1, { group: 'G', messageModel: 'BROADCASTING' });
    beat(control, 2, { group: 'G', messageModel: 'BROADCASTING' });
    expect(control.notified('G')).toEqual([]);
    expect(control.of('consumers')[0]?.consumers?.messageModel).toBe('BROADCASTING');
  });

  it('obeys notifyConsumerIdsChangedEnable of the broker and of the group', () => {
    const quiet = harness({ notifyConsumerIdsChangedEnable: false });
    beat(quiet, 1, { group: 'G' });
    expect(quiet.notified('G')).toEqual([]);
    const control = harness();
    control.request(
      1,
      RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
      {},
      {
        groupName: 'G',
        notifyConsumerIdsChangedEnable: false,
      },
    );
    beat(control, 1, { group: 'G' });
    expect(control.notified('G')).toEqual([]);
  });

  it('skips a consumer whose group may not be made, and registers the rest', () => {
    const control = harness({ autoCreateSubscriptionGroup: false });
    const answer = beat(control, 1, { group: 'G', producers: ['P'] });
    expect(answer.code).toBe(ResponseCode.SUCCESS);
    expect(members(control, 'G')).toBe(ResponseCode.SYSTEM_ERROR);
    expect(control.request(1, RequestCode.GET_PRODUCER_CONNECTION_LIST, { producerGroup: 'P' }).code).toBe(0);
    expect(control.logged).toHaveLength(1);
  });

  it('gives the retry topic the groups number of queues, the order flag and the unit bit', () => {
    const control = harness();
    control.request(1, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, { groupName: 'G', retryQueueNums: 3 });
    const fields = { topic: 'T', defaultTopic: '', readQueueNums: 1, writeQueueNums: 1, perm: 6, order: true };
    control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, { ...fields, topicFilterType: 'SINGLE_TAG' });
    const body = heartbeatBody({ group: 'G', topics: { T: '*' } }) as { consumerDataSet: object[] };
    Object.assign(body.consumerDataSet[0]!, { unitMode: true });
    control.request(1, RequestCode.HEART_BEAT, {}, body);
    const topic = bodyOf(control.request(1, RequestCode.GET_TOPIC_CONFIG, { topic: '%RETRY%G' }));
    expect(topic).toMatchObject({ readQueueNums: 3, writeQueueNums: 3, perm: 6, order: true, topicSysFlag: 2 });
  });

  it('registers a consumer even when its retry topic finds no room', () => {
    const control = harness();
    control.slotsMax = control.slots;
    expect(beat(control, 1, { group: 'G', clientID: 'a' }).code).toBe(ResponseCode.SUCCESS);
    expect(members(control, 'G')).toEqual(['a']);
  });

  it.each([
    ['no body', null],
    ['a broken body', '{"clientID"'],
    ['a list', '[]'],
  ])('answers SYSTEM_ERROR to %s', (_, body) => {
    const control = harness();
    expect(control.request(1, RequestCode.HEART_BEAT, {}, body).code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(control.logged).toEqual([]);
  });
});

describe('34, second version', () => {
  const subscriptionsChanged = (control: ControlHarness, options: HeartbeatOptions): string | undefined =>
    beat(control, 1, { group: 'G', ...options }).extFields?.get('IS_SUB_CHANGE');

  it('says that the group was changed only when another fingerprint was stored', () => {
    const control = harness();
    expect(subscriptionsChanged(control, { topics: { T: '*' }, fingerprint: 11 })).toBe('false');
    expect(subscriptionsChanged(control, { topics: { T: '*' }, fingerprint: 11 })).toBe('false');
    expect(subscriptionsChanged(control, { topics: { T: '*' }, fingerprint: 12 })).toBe('true');
  });

  it('keeps the stored subscriptions when they were left out, and only refreshes the client', () => {
    const control = harness();
    beat(control, 1, { group: 'G', topics: { T: '*' }, fingerprint: 11 });
    control.clock.pass(100_000);
    control.forget();
    expect(subscriptionsChanged(control, { fingerprint: 11, withoutSub: true })).toBe('false');
    expect(control.of('consumers')).toEqual([]);
    control.clock.pass(100_000);
    control.coordinator.doWork();
    expect(members(control, 'G')).toEqual(['c1']);
  });

  it('asks for the subscriptions until they come when the group is not known, as after a restart', () => {
    const control = harness();
    expect(subscriptionsChanged(control, { fingerprint: 11, withoutSub: true })).toBe('true');
    expect(subscriptionsChanged(control, { fingerprint: 11, withoutSub: true })).toBe('true');
    expect(subscriptionsChanged(control, { fingerprint: 11, topics: { T: '*' } })).toBe('false');
    expect(subscriptionsChanged(control, { fingerprint: 11, withoutSub: true })).toBe('false');
  });
});

describe('35', () => {
  it('takes this connection out of the groups and tells the rest', () => {
    const control = harness();
    beat(control, 1, { group: 'G', clientID: 'a', producers: ['P'] });
    beat(control, 2, { group: 'G', clientID: 'b', producers: ['P'] });
    control.forget();
    const fields = { clientID: 'a', producerGroup: 'P', consumerGroup: 'G' };
    expect(control.request(1, RequestCode.UNREGISTER_CLIENT, fields).code).toBe(ResponseCode.SUCCESS);
    expect(members(control, 'G')).toEqual(['b']);
    expect(control.notified('G')).toEqual([2]);
    const producers = bodyOf(control.request(1, RequestCode.GET_PRODUCER_CONNECTION_LIST, { producerGroup: 'P' }));
    expect(producers.connectionSet).toHaveLength(1);
  });

  it('of the last member takes the group off all nets', () => {
    const control = harness();
    beat(control, 1, { group: 'G' });
    control.forget();
    control.request(1, RequestCode.UNREGISTER_CLIENT, { clientID: 'c1', consumerGroup: 'G' });
    expect(control.of('consumers')).toMatchObject([
      { net: 0, group: 'G', consumers: null },
      { net: 1, group: 'G', consumers: null },
    ]);
    expect(members(control, 'G')).toBe(ResponseCode.SYSTEM_ERROR);
  });

  it('does not touch the groups of others', () => {
    const control = harness();
    beat(control, 1, { group: 'G', clientID: 'a' });
    control.request(2, RequestCode.UNREGISTER_CLIENT, { clientID: 'a', consumerGroup: 'G', producerGroup: 'none' });
    expect(members(control, 'G')).toEqual(['a']);
  });
});

describe('liveness (spec/api.md 6.5)', () => {
  it('a closed connection leaves its groups at once, and the rest is told', () => {
    const control = harness();
    beat(control, 1, { group: 'G', clientID: 'a' });
    beat(control, 2, { group: 'G', clientID: 'b' });
    control.forget();
    control.close(2);
    expect(control.notified('G')).toEqual([1]);
    expect(members(control, 'G')).toEqual(['a']);
  });

  it('a closed connection takes its producers along', () => {
    const control = harness();
    beat(control, 2, { producers: ['P'] });
    control.close(2);
    expect(control.request(1, RequestCode.GET_PRODUCER_CONNECTION_LIST, { producerGroup: 'P' }).code).toBe(1);
    expect(bodyOf(control.request(1, RequestCode.GET_ALL_PRODUCER_INFO))).toEqual({ data: {} });
  });

  it('a client that has been silent for 120 s is taken off and its connection closed', () => {
    const control = harness();
    beat(control, 1, { group: 'G', clientID: 'a', producers: ['P'] });
    control.clock.pass(60_000);
    beat(control, OTHER_NET, { group: 'G', clientID: 'b' });
    control.forget();
    control.clock.pass(60_000);
    control.coordinator.doWork();
    expect(control.of('close')).toEqual([]);
    control.clock.pass(10_001);
    control.coordinator.doWork();
    expect(control.of('close')).toMatchObject([{ net: 0, connectionId: 1 }]);
    expect(control.notified('G')).toEqual([OTHER_NET]);
    expect(control.request(OTHER_NET, RequestCode.GET_PRODUCER_CONNECTION_LIST, { producerGroup: 'P' }).code).toBe(1);
  });

  it('is looked at every 10 s and not more often', () => {
    const control = harness({ channelExpiredTimeout: 1_000 });
    beat(control, 1, { group: 'G' });
    control.clock.pass(9_999);
    control.coordinator.doWork();
    expect(control.of('close')).toEqual([]);
    control.clock.pass(1);
    control.coordinator.doWork();
    expect(control.of('close')).toHaveLength(1);
  });

  it('a request that comes after its connection was closed brings nobody back', () => {
    const control = harness();
    control.close(1);
    expect(() => beat(control, 1, { group: 'G' })).toThrow('not answered');
    expect(control.of('consumers')).toEqual([]);
  });
});

describe('announce', () => {
  it('tells a net thread the topics, then the groups, then who consumes', () => {
    const control = harness();
    beat(control, 1, { group: 'G', topics: { T: '*' } });
    control.forget();
    control.coordinator.announce(2);
    const kinds = control.sent.map(({ message }) => message.kind);
    expect([...new Set(kinds)]).toEqual(['topic', 'group', 'consumers']);
    expect(control.of('group').map(({ group }) => group.name)).toContain('G');
  });
});

describe('46', () => {
  const check = (settings: object, expressionType: string | null, subString = 'a > 3'): number => {
    const control = harness(settings);
    const subscriptionData = { topic: 'T', expressionType, subString };
    return control.request(1, RequestCode.CHECK_CLIENT_CONFIG, {}, { clientId: 'c', group: 'G', subscriptionData })
      .code;
  };

  it('accepts tags, named or not', () => {
    expect(check({}, 'TAG')).toBe(ResponseCode.SUCCESS);
    expect(check({}, null)).toBe(ResponseCode.SUCCESS);
    expect(check({}, '')).toBe(ResponseCode.SUCCESS);
  });

  it('refuses SQL92 while filters by property are switched off', () => {
    expect(check({}, 'SQL92')).toBe(ResponseCode.SYSTEM_ERROR);
  });

  it('refuses a type that does not exist', () => {
    expect(check({ enablePropertyFilter: true }, 'XPATH')).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
  });
});

describe('203, 204, 328', () => {
  it('show the members as tools expect them', () => {
    const control = harness();
    beat(control, 2, { group: 'G', clientID: 'a', topics: { T: 'A' }, producers: ['P'] });
    const connection = { clientAddr: '10.0.0.2:5000', clientId: 'a', language: 'JAVA', version: 479 };
    expect(bodyOf(control.request(1, RequestCode.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: 'G' }))).toMatchObject({
      connectionSet: [connection],
      consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      subscriptionTable: { T: { subString: 'A', subVersion: 1, topic: 'T' } },
    });
    expect(bodyOf(control.request(1, RequestCode.GET_PRODUCER_CONNECTION_LIST, { producerGroup: 'P' }))).toEqual({
      connectionSet: [connection],
    });
    expect(bodyOf(control.request(1, RequestCode.GET_ALL_PRODUCER_INFO))).toMatchObject({
      data: { P: [{ clientId: 'a', lastUpdateTimestamp: control.clock.wallMs, remoteIP: '/10.0.0.2:5000' }] },
    });
  });

  it('answer their own codes when nobody is there', () => {
    const control = harness();
    expect(control.request(1, RequestCode.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: 'G' }).code).toBe(206);
    expect(control.request(1, RequestCode.GET_PRODUCER_CONNECTION_LIST, { producerGroup: 'P' }).code).toBe(1);
  });
});
