import { describe, expect, it } from 'vitest';
import { REQUEST_TABLE } from '../../src/broker/request-table.ts';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import { FrameFlag } from '../../src/remoting/command.ts';
import { encodeFrame, requestOf, responseTo } from '../../src/remoting/frame-codec.ts';
import { bodyOf, ControlHarness, heartbeatBody, textOf } from './coordinator-harness.ts';

function harness(...args: ConstructorParameters<typeof ControlHarness>): ControlHarness {
  const control = new ControlHarness(...args);
  control.open(1);
  return control;
}

describe('the switch and the request table', () => {
  it.each(REQUEST_TABLE.map(({ code, name, where, state }) => ({ code, name, where, state })))(
    'agree on $code $name',
    ({ code, name, where, state }) => {
      const answer = harness().request(1, code);
      const isServed = where === 'control' && state === 'built';
      expect(answer.code === ResponseCode.REQUEST_CODE_NOT_SUPPORTED).toBe(!isServed);
      if (!isServed) expect(answer.remark).toContain(`${code} not supported: ${name}`);
    },
  );

  it('refuse a code that does not exist', () => {
    const answer = harness().request(1, 9999, { k: 'v' });
    expect(answer).toMatchObject({ code: 3, remark: 'request type 9999 not supported: no such code' });
  });

  it('name what is not built yet', () => {
    const { remark } = harness().request(1, RequestCode.END_TRANSACTION);
    expect(remark).toBe('request type 37 not supported: END_TRANSACTION is not built yet');
  });
});

describe('topics and groups that a net thread asks for at once', () => {
  it('are written with one write of each file, and then registered', () => {
    const control = harness();
    const names = Array.from({ length: 20 }, (_, i) => `New${i}`);
    control.files.saved.length = 0;
    control.coordinator.receive(0, [
      ...names.map((group, ticket) => ({ kind: 'ensureGroup', ticket, group }) as const),
      ...names.map(
        (topic, ticket) =>
          ({ kind: 'ensureTopic', ticket, topic, defaultTopic: 'TBW102', defaultTopicQueueNums: 1 }) as const,
      ),
    ]);
    expect(control.of('ensured').map(({ code }) => code)).toEqual(Array(40).fill(0));
    expect(control.files.saved).toEqual(['topics.json', 'subscriptionGroup.json']);
    for (const name of names) expect(control.files.texts.get('topics.json')).toContain(`"${name}"`);
    expect(control.changedTopics.at(-1)).toEqual(names);
  });
});

describe('frames', () => {
  it('are answered with their opaque and serialization', () => {
    const control = harness();
    const command = { ...requestOf(RequestCode.GET_ALL_TOPIC_CONFIG, 77), serializeType: 1 as const };
    const answer = control.frame(1, encodeFrame(command));
    expect(answer).toMatchObject({
      opaque: 77,
      serializeType: 1,
      flag: FrameFlag.response,
      language: 'JAVA',
      version: 479,
    });
  });

  it('that are no frames close the connection', () => {
    const control = harness();
    control.frame(1, new Uint8Array(20));
    expect(control.of('close')).toMatchObject([{ net: 0, connectionId: 1 }]);
  });

  it('that are answers to nothing are dropped', () => {
    const control = harness();
    expect(control.frame(1, encodeFrame(responseTo({ opaque: 1, serializeType: 0 }, 0)))).toBeNull();
  });

  it('one-way are never answered, not even when the code is unknown', () => {
    expect(harness().oneWay(1, 9999, {})).toBe(false);
  });
});

describe('failures', () => {
  it('of the request are answered SYSTEM_ERROR with the reason', () => {
    const control = harness();
    const answer = control.request(1, RequestCode.GET_MAX_OFFSET, { topic: 'T', queueId: 'x' });
    expect(answer).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark: expect.stringContaining('queueId') });
    expect(control.logged).toEqual([]);
  });

  it('of this broker are answered SYSTEM_ERROR and logged', () => {
    const control = harness();
    control.queues.max = () => {
      throw new Error('the table is gone');
    };
    const answer = control.request(1, RequestCode.GET_MAX_OFFSET, { topic: 'T', queueId: 0 });
    expect(answer).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark: 'the table is gone' });
    expect(control.logged).toEqual(['GET_MAX_OFFSET failed']);
  });
});

describe('329 and 306', () => {
  it('ask for what has expired to be deleted', () => {
    const control = harness();
    expect(control.request(1, RequestCode.DELETE_EXPIRED_COMMITLOG)).toMatchObject({ code: 0, body: null });
    expect(control.cleanings).toEqual(['log']);
    expect(control.request(1, RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE)).toMatchObject({ code: 0, body: null });
    expect(control.cleanings).toEqual(['log', 'queues']);
  });
});

describe('28 and 26', () => {
  it('give every key that clusterList parses, as a number', () => {
    const control = harness();
    control.runtimeFigures = { putTps: '12.5 11.0 10.0', commitLogMaxOffset: '4711' };
    const { table } = bodyOf(control.request(1, RequestCode.GET_BROKER_RUNTIME_INFO)) as {
      table: Record<string, string>;
    };
    expect(table).toMatchObject({ putTps: '12.5 11.0 10.0', commitLogMaxOffset: '4711', brokerActive: 'true' });
    for (const key of ['putTps', 'getTransferredTps']) expect(Number(table[key]?.split(' ')[0])).not.toBeNaN();
    for (const key of [
      'sendThreadPoolQueueSize',
      'pullThreadPoolQueueSize',
      'sendThreadPoolQueueHeadWaitTimeMills',
      'pullThreadPoolQueueHeadWaitTimeMills',
      'pageCacheLockTimeMills',
      'earliestMessageTimeStamp',
      'commitLogDiskRatio',
      'timerReadBehind',
      'timerOffsetBehind',
      'timerCongestNum',
      'timerEnqueueTps',
      'timerDequeueTps',
      'msgPutTotalTodayNow',
      'msgGetTotalYesterdayMorning',
    ]) {
      expect(Number(table[key]), key).not.toBeNaN();
    }
  });

  it('give the settings as text with their version', () => {
    const answer = harness().request(1, RequestCode.GET_BROKER_CONFIG);
    expect(textOf(answer)).toBe('brokerName=broker-a\n');
    expect(JSON.parse(answer.extFields?.get('version') ?? '')).toMatchObject({ counter: 0, stateVersion: 0 });
  });
});

describe('202, 208, 300, 343, 345', () => {
  function withConsumer(): ControlHarness {
    const control = harness({ brokerAddress: '10.9.9.9:10911' });
    control.coordinator.receive(0, [{ kind: 'ensureGroup', ticket: 2, group: 'G' }]);
    for (const topic of ['T', 'U']) {
      const ask = { topic, defaultTopic: 'TBW102', defaultTopicQueueNums: 2 };
      control.coordinator.receive(0, [{ kind: 'ensureTopic', ticket: 1, ...ask }]);
      control.coordinator.commitOffset('G', topic, 0, 2);
    }
    control.queues.set('T', 0, [100, 200, 300], 1);
    return control;
  }
  const key = (topic: string, queueId: number): string =>
    `{"brokerName":"broker-a","queueId":${queueId},"topic":"${topic}"}`;

  it('202 gives the bounds of every queue under bare object keys', () => {
    const control = withConsumer();
    const text = textOf(control.request(1, RequestCode.GET_TOPIC_STATS_INFO, { topic: 'T' }));
    expect(text).toContain(`${key('T', 0)}:{"lastUpdateTimestamp":300,"maxOffset":4,"minOffset":1}`);
    expect(text).toContain(`${key('T', 1)}:{"lastUpdateTimestamp":0,"maxOffset":0,"minOffset":0}`);
    expect(control.request(1, RequestCode.GET_TOPIC_STATS_INFO, { topic: 'none' }).code).toBe(17);
  });

  it('208 gives the progress of a group, with the store time of the last consumed message', () => {
    const text = textOf(withConsumer().request(1, RequestCode.GET_CONSUME_STATS, { consumerGroup: 'G', topic: 'T' }));
    expect(text).toContain(`${key('T', 0)}:{"brokerOffset":4,"consumerOffset":2,"lastTimestamp":100,"pullOffset":2}`);
    expect(text).toContain(`${key('T', 1)}:{"brokerOffset":0,"consumerOffset":0,"lastTimestamp":0,"pullOffset":0}`);
  });

  it('208 shows what a live group subscribes to, unless it is given a list', () => {
    const control = withConsumer();
    const topics = (fields: object): string[] => {
      const text = textOf(control.request(1, RequestCode.GET_CONSUME_STATS, { consumerGroup: 'G', ...fields }));
      return ['T', 'U'].filter((topic) => text.includes(`"topic":"${topic}"`));
    };
    expect(topics({})).toEqual(['T', 'U']);
    control.request(1, RequestCode.HEART_BEAT, {}, heartbeatBody({ group: 'G', topics: { T: '*' } }));
    expect(topics({})).toEqual(['T']);
    expect(topics({ topic: 'U' })).toEqual([]);
    expect(topics({ topicList: 'U;none' })).toEqual(['U']);
  });

  it('300 and 343 relate groups and topics by offsets, 300 by subscriptions as well', () => {
    const control = withConsumer();
    control.request(1, RequestCode.HEART_BEAT, {}, heartbeatBody({ group: 'H', topics: { T: '*' } }));
    const consumers = bodyOf(control.request(1, RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, { topic: 'T' }));
    expect(consumers).toEqual({ groupList: ['G', 'H'] });
    const topics = bodyOf(control.request(1, RequestCode.QUERY_TOPICS_BY_CONSUMER, { group: 'G' }));
    expect(topics).toEqual({ brokerAddr: '10.9.9.9:10911', topicList: ['T', 'U'] });
  });

  it('343 names the address that the client has dialled when the broker has none of its own', () => {
    const answer = harness().request(1, RequestCode.QUERY_TOPICS_BY_CONSUMER, { group: 'G' });
    expect(bodyOf(answer)).toEqual({ brokerAddr: '10.0.0.1:10911', topicList: [] });
  });

  it('345 gives a live subscription, or leaves it out', () => {
    const control = withConsumer();
    control.request(1, RequestCode.HEART_BEAT, {}, heartbeatBody({ group: 'G', topics: { T: 'A' } }));
    const ask = (topic: string): object =>
      bodyOf(control.request(1, RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER, { group: 'G', topic }));
    expect(ask('T')).toMatchObject({ group: 'G', topic: 'T', subscriptionData: { subString: 'A' } });
    expect(ask('U')).toEqual({ group: 'G', topic: 'U' });
  });
});
