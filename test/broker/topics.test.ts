import { describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import { bodyOf, ControlHarness, MemoryFiles } from './coordinator-harness.ts';

const TOPIC_17 = {
  topic: 'T1',
  defaultTopic: 'TBW102',
  readQueueNums: 4,
  writeQueueNums: 4,
  perm: 6,
  topicFilterType: 'SINGLE_TAG',
  order: false,
};

function harness(...args: ConstructorParameters<typeof ControlHarness>): ControlHarness {
  const control = new ControlHarness(...args);
  control.open(1);
  return control;
}

function configs(control: ControlHarness): Record<string, { perm: number; readQueueNums: number; order: boolean }> {
  return bodyOf(control.request(1, RequestCode.GET_ALL_TOPIC_CONFIG)).topicConfigTable as never;
}

function ensure(control: ControlHarness, topic: string, defaultTopic = 'TBW102', defaultTopicQueueNums = 4): number {
  control.coordinator.receive(0, [{ kind: 'ensureTopic', ticket: 7, topic, defaultTopic, defaultTopicQueueNums }]);
  const [answer] = control.of('ensured').slice(-1);
  expect(answer).toMatchObject({ net: 0, ticket: 7 });
  return answer!.code;
}

describe('topics at start', () => {
  it('are upstreams, with their queues and permissions', () => {
    const table = configs(harness());
    const shown = Object.fromEntries(Object.entries(table).map(([name, t]) => [name, `${t.readQueueNums}/${t.perm}`]));
    expect(shown).toEqual({
      SELF_TEST_TOPIC: '1/6',
      TBW102: '8/7',
      BenchmarkTest: '1024/6',
      DefaultCluster: '16/7',
      'broker-a': '1/7',
      OFFSET_MOVED_EVENT: '1/6',
      SCHEDULE_TOPIC_XXXX: '18/6',
      DefaultCluster_REPLY_TOPIC: '1/6',
      rmq_sys_REVIVE_LOG_DefaultCluster: '8/6',
      'rmq_sys_SYNC_BROKER_MEMBER_broker-a': '1/1',
      RMQ_SYS_TRANS_HALF_TOPIC: '1/6',
      RMQ_SYS_TRANS_OP_HALF_TOPIC: '1/6',
      rmq_sys_wheel_timer: '1/6',
    });
  });

  it('lack the template when auto-creation is off, and an older template is closed', () => {
    expect(configs(harness({ autoCreateTopicEnable: false })).TBW102).toBeUndefined();
    const files = new MemoryFiles();
    harness({}, { files });
    const control = harness({ autoCreateTopicEnable: false }, { files });
    expect(configs(control).TBW102?.perm).toBe(6);
    expect(ensure(control, 'T1')).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });

  it('are announced to a net thread with a row for each queue', () => {
    const control = new ControlHarness();
    control.coordinator.announce(2);
    const schedule = control.of('topic').find(({ topic }) => topic.name === 'SCHEDULE_TOPIC_XXXX');
    expect(new Set(schedule?.topic.slots).size).toBe(18);
    expect(control.of('topic').every(({ net }) => net === 2)).toBe(true);
  });

  it('are registered', () => {
    expect(new ControlHarness().changedTopics[0]).toContain('TBW102');
  });
});

describe('auto-creation (spec/api.md 3)', () => {
  it('takes the smaller of the clients and the templates queues, and drops the inherit bit', () => {
    const control = harness();
    expect(ensure(control, 'T1')).toBe(ResponseCode.SUCCESS);
    expect(configs(control).T1).toMatchObject({ readQueueNums: 4, writeQueueNums: 4, perm: 6 });
    expect(ensure(control, 'T2', 'TBW102', 100)).toBe(ResponseCode.SUCCESS);
    expect(configs(control).T2).toMatchObject({ readQueueNums: 8 });
  });

  it('tells every net thread before it answers the one that asked, and registers the topic', () => {
    const control = harness();
    control.changedTopics.length = 0;
    ensure(control, 'T1');
    expect(control.sent.map(({ net, message }) => `${net} ${message.kind}`)).toEqual([
      '0 topic',
      '1 topic',
      '0 ensured',
    ]);
    expect(control.changedTopics).toEqual([['T1']]);
  });

  it('refuses a template that is unknown or lacks the inherit bit', () => {
    const control = harness();
    expect(ensure(control, 'T1', 'NoSuchTemplate')).toBe(ResponseCode.TOPIC_NOT_EXIST);
    expect(ensure(control, 'T1', 'BenchmarkTest')).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });

  it('makes retry and dead-letter topics without a template', () => {
    const control = harness();
    expect(ensure(control, '%RETRY%G', '')).toBe(ResponseCode.SUCCESS);
    expect(ensure(control, '%DLQ%G', '')).toBe(ResponseCode.SUCCESS);
    expect(configs(control)['%DLQ%G']).toMatchObject({ readQueueNums: 1, perm: 6 });
  });

  it('refuses an illegal name and a client that wants no queues gets one', () => {
    const control = harness();
    expect(ensure(control, 'bad topic')).toBe(ResponseCode.INVALID_PARAMETER);
    expect(ensure(control, 'T1', 'TBW102', -3)).toBe(ResponseCode.SUCCESS);
    expect(configs(control).T1).toMatchObject({ readQueueNums: 1 });
  });

  it('leaves a topic alone that is there by now', () => {
    const control = harness();
    ensure(control, 'T1');
    control.forget();
    expect(ensure(control, 'T1', 'TBW102', 2)).toBe(ResponseCode.SUCCESS);
    expect(control.of('topic')).toEqual([]);
  });

  it('answers an error when no rows are left, and the topic does not exist', () => {
    const control = harness();
    control.slotsMax = control.slots + 2;
    expect(ensure(control, 'T1')).toBe(ResponseCode.SYSTEM_ERROR);
    expect(configs(control).T1).toBeUndefined();
    expect(control.logged).toHaveLength(1);
  });
});

describe('17 and 18', () => {
  it('create a topic on all net threads before they are answered', () => {
    const control = harness();
    expect(control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, TOPIC_17).code).toBe(ResponseCode.SUCCESS);
    expect(control.sent.map(({ message }) => message.kind)).toEqual(['topic', 'topic', 'frame']);
    expect(control.files.saved).toContain('topics.json');
  });

  it('change nothing for a topic that is the same already', () => {
    const control = harness();
    control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, TOPIC_17);
    const { dataVersion } = bodyOf(control.request(1, RequestCode.GET_ALL_TOPIC_CONFIG));
    control.forget();
    expect(control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, TOPIC_17).code).toBe(ResponseCode.SUCCESS);
    expect(control.of('topic')).toEqual([]);
    expect(bodyOf(control.request(1, RequestCode.GET_ALL_TOPIC_CONFIG)).dataVersion).toEqual(dataVersion);
  });

  it('advance the version with every change', () => {
    const control = harness();
    const before = bodyOf(control.request(1, RequestCode.GET_ALL_TOPIC_CONFIG)).dataVersion as { counter: number };
    control.clock.pass(1000);
    control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, TOPIC_17);
    const { dataVersion } = bodyOf(control.request(1, RequestCode.GET_ALL_TOPIC_CONFIG));
    expect(dataVersion).toEqual({ counter: before.counter + 1, stateVersion: 0, timestamp: control.clock.wallMs });
  });

  it.each([
    ['an illegal name', { topic: 'bad topic' }],
    ['a blank name', { topic: '' }],
    ['a name of 128 characters', { topic: 'x'.repeat(128) }],
    ['a system topic', { topic: 'TBW102' }],
    ['a name with the system prefix', { topic: 'rmq_sys_mine' }],
    ['mixed message types', { attributes: '+message.type=MIXED' }],
    ['a perm beyond 7', { perm: 8 }],
    ['too many queues', { readQueueNums: 5000 }],
    ['a negative number of queues', { writeQueueNums: -1 }],
  ])('refuse %s with INVALID_PARAMETER', (_, fields) => {
    const control = harness();
    const answer = control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, { ...TOPIC_17, ...fields });
    expect(answer.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(control.of('topic')).toEqual([]);
  });

  it.each([
    ['an unknown attribute', '+no.such=x'],
    ['an unknown value', '+message.type=ODD'],
    ['a key without a sign', 'message.type=FIFO'],
    ['a removal from a new topic', '-message.type'],
    ['the same key twice', '+message.type=FIFO,-message.type'],
  ])('answer SYSTEM_ERROR to %s', (_, attributes) => {
    const control = harness();
    const answer = control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, { ...TOPIC_17, attributes });
    expect(answer.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(control.logged).toEqual([]);
  });

  it('apply attribute changes, but not to what is fixed at creation', () => {
    const control = harness();
    const change = (attributes: string): number =>
      control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, { ...TOPIC_17, attributes }).code;
    const shown = (): unknown => bodyOf(control.request(1, RequestCode.GET_TOPIC_CONFIG, { topic: 'T1' })).attributes;
    expect(change('+message.type=FIFO,+queue.type=SimpleCQ')).toBe(ResponseCode.SUCCESS);
    expect(change('+message.type=DELAY')).toBe(ResponseCode.SUCCESS);
    expect(shown()).toEqual({ 'message.type': 'DELAY', 'queue.type': 'SimpleCQ' });
    expect(change('+queue.type=BatchCQ')).toBe(ResponseCode.SYSTEM_ERROR);
    expect(change('-message.type')).toBe(ResponseCode.SUCCESS);
    expect(shown()).toEqual({ 'queue.type': 'SimpleCQ' });
  });

  it('keep the rows of queues that are taken away and given back', () => {
    const control = harness();
    const slots = (queues: number): readonly number[] => {
      control.forget();
      const fields = { ...TOPIC_17, readQueueNums: queues, writeQueueNums: queues };
      control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, fields);
      return control.of('topic')[0]!.topic.slots;
    };
    const four = slots(4);
    expect(slots(2)).toEqual(four.slice(0, 2));
    expect(slots(5).slice(0, 4)).toEqual(four);
  });

  it('of a list store nothing when one topic is not allowed', () => {
    const control = harness();
    const topicConfigList = [{ topicName: 'T1' }, { topicName: 'TBW102' }];
    const answer = control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, {}, { topicConfigList });
    expect(answer.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(configs(control).T1).toBeUndefined();
  });

  it('of a list store the topics behind one that is unchanged', () => {
    const control = harness();
    control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, TOPIC_17);
    const same = { topicName: 'T1', readQueueNums: 4, writeQueueNums: 4 };
    const answer = control.request(
      1,
      RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
      {},
      {
        topicConfigList: [same, { ...same, topicName: 'T2' }],
      },
    );
    expect(answer.code).toBe(ResponseCode.SUCCESS);
    expect(configs(control).T2).toMatchObject({ readQueueNums: 4 });
  });

  it('answer SYSTEM_ERROR when the change could not be written, and it is written later', () => {
    const control = harness();
    control.files.isFull = true;
    expect(control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, TOPIC_17).code).toBe(ResponseCode.SYSTEM_ERROR);
    control.request(1, RequestCode.GET_TOPIC_CONFIG, { topic: 'T1' });
    expect(control.logged).toHaveLength(1);
    control.files.isFull = false;
    control.clock.pass(5_000);
    control.coordinator.doWork();
    expect(control.files.texts.get('topics.json')).toContain('"T1"');
  });

  it('answer SYSTEM_ERROR when a field is missing', () => {
    const control = harness();
    const { perm: _, ...fields } = TOPIC_17;
    const answer = control.request(1, RequestCode.UPDATE_AND_CREATE_TOPIC, fields);
    expect(answer).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark: expect.stringContaining('perm') });
    expect(control.logged).toEqual([]);
  });
});

describe('21', () => {
  it('gives everything and no total to a caller without page fields', () => {
    const answer = harness().request(1, RequestCode.GET_ALL_TOPIC_CONFIG);
    expect(answer.extFields?.has('totalTopicNum') ?? false).toBe(false);
    expect(Object.keys(bodyOf(answer).topicConfigTable as object)).toHaveLength(13);
  });

  it('gives pages in the order of the names, and starts again for another version', () => {
    const control = harness();
    const page = (fields: Record<string, string | number>): string[] => {
      const answer = control.request(1, RequestCode.GET_ALL_TOPIC_CONFIG, fields);
      expect(answer.extFields?.get('totalTopicNum')).toBe('13');
      return Object.keys(bodyOf(answer).topicConfigTable as object);
    };
    const dataVersion = JSON.stringify(bodyOf(control.request(1, RequestCode.GET_ALL_TOPIC_CONFIG)).dataVersion);
    const all = page({ topicSeq: 0 });
    expect(all).toEqual([...all].sort());
    expect(page({ topicSeq: 5, maxTopicNum: 3, dataVersion })).toEqual(all.slice(5, 8));
    const older = '{"counter":1,"stateVersion":0,"timestamp":1}';
    expect(page({ topicSeq: 5, maxTopicNum: 3, dataVersion: older })).toEqual(all.slice(0, 3));
  });
});

describe('305', () => {
  it('names the fixed system topics and those of this broker', () => {
    const { topicList } = bodyOf(harness().request(1, RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER));
    expect((topicList as string[]).toSorted()).toEqual(
      [
        'RMQ_SYS_TRANS_HALF_TOPIC',
        'BenchmarkTest',
        'TRANS_CHECK_MAX_TIME_TOPIC',
        'OFFSET_MOVED_EVENT',
        'TBW102',
        'rmq_sys_REVIVE_LOG_DefaultCluster',
        'SELF_TEST_TOPIC',
        'DefaultCluster',
        'SCHEDULE_TOPIC_XXXX',
        'RMQ_SYS_TRACE_TOPIC',
        'DefaultCluster_REPLY_TOPIC',
        'rmq_sys_wheel_timer',
        'CHECKPOINT_TOPIC',
        'rmq_sys_SYNC_BROKER_MEMBER_broker-a',
        'RMQ_SYS_TRANS_OP_HALF_TOPIC',
        'broker-a',
      ].toSorted(),
    );
  });
});
