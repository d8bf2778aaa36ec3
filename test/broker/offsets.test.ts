import { describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import { ControlHarness, MemoryFiles, textOf } from './coordinator-harness.ts';

const OF_G = { consumerGroup: 'G', topic: 'T', queueId: 0 };

function harness(...args: ConstructorParameters<typeof ControlHarness>): ControlHarness {
  const control = new ControlHarness(...args);
  control.open(1);
  control.coordinator.receive(0, [{ kind: 'ensureGroup', ticket: 1, group: 'G' }]);
  const topic = { topic: 'T', defaultTopic: 'TBW102', defaultTopicQueueNums: 4 };
  control.coordinator.receive(0, [{ kind: 'ensureTopic', ticket: 2, ...topic }]);
  control.forget();
  return control;
}

function query(control: ControlHarness, fields: object = {}): string | number | undefined {
  const answer = control.request(1, RequestCode.QUERY_CONSUMER_OFFSET, { ...OF_G, ...fields });
  return answer.code === ResponseCode.SUCCESS ? answer.extFields?.get('offset') : answer.code;
}

function commit(control: ControlHarness, commitOffset: number, fields: object = {}): number {
  return control.request(1, RequestCode.UPDATE_CONSUMER_OFFSET, { ...OF_G, commitOffset, ...fields }).code;
}

describe('14 (spec/api.md 7)', () => {
  it('answers the stored offset, also when it is 0', () => {
    const control = harness();
    commit(control, 7);
    commit(control, 0, { queueId: 1 });
    expect(query(control)).toBe('7');
    expect(query(control, { queueId: 1 })).toBe('0');
  });

  it('answers QUERY_NOT_FOUND when the queue is empty', () => {
    expect(query(harness())).toBe(ResponseCode.QUERY_NOT_FOUND);
  });

  it('answers 0 when the first message is still in the hot part of the log', () => {
    const control = harness();
    control.queues.set('T', 0, [10, 20]);
    expect(query(control)).toBe('0');
  });

  it('answers QUERY_NOT_FOUND when the first message is cold or deleted, or the client wants it so', () => {
    const control = harness();
    control.queues.set('T', 0, [10, 20], 0, false);
    expect(query(control)).toBe(ResponseCode.QUERY_NOT_FOUND);
    control.queues.set('T', 0, [10, 20], 5);
    expect(query(control)).toBe(ResponseCode.QUERY_NOT_FOUND);
    control.queues.set('T', 0, [10, 20]);
    expect(query(control, { setZeroIfNotFound: 'false' })).toBe(ResponseCode.QUERY_NOT_FOUND);
    expect(query(control, { setZeroIfNotFound: 'true' })).toBe('0');
  });
});

describe('15', () => {
  it('stores smaller offsets as well', () => {
    const control = harness();
    commit(control, 9);
    expect(commit(control, 3)).toBe(ResponseCode.SUCCESS);
    expect(query(control)).toBe('3');
  });

  it('checks the group, then the topic, then the fields, and creates nothing', () => {
    const control = harness();
    expect(commit(control, 1, { consumerGroup: 'H', topic: 'U' })).toBe(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST);
    expect(commit(control, 1, { consumerGroup: 'H' })).toBe(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST);
    expect(commit(control, 1, { topic: 'U' })).toBe(ResponseCode.TOPIC_NOT_EXIST);
    const without = control.request(1, RequestCode.UPDATE_CONSUMER_OFFSET, {
      consumerGroup: 'G',
      topic: 'T',
      queueId: 0,
    });
    expect(without.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(control.of('group')).toEqual([]);
  });

  it('one-way is stored and not answered, and neither is its failure', () => {
    const control = harness();
    expect(control.oneWay(1, RequestCode.UPDATE_CONSUMER_OFFSET, { ...OF_G, commitOffset: 4 })).toBe(false);
    expect(query(control)).toBe('4');
    expect(control.oneWay(1, RequestCode.UPDATE_CONSUMER_OFFSET, { ...OF_G, topic: 'U', commitOffset: 4 })).toBe(false);
  });
});

describe('commits that ride on pulls', () => {
  it('are stored as they come', () => {
    const control = harness();
    control.coordinator.receive(1, [{ kind: 'commitOffset', group: 'G', topic: 'T', queueId: 0, offset: 12 }]);
    expect(query(control)).toBe('12');
    control.coordinator.commitOffset('G', 'T', 0, 13);
    expect(query(control)).toBe('13');
  });

  it('are passed over when their group could not be made', () => {
    const control = harness({ autoCreateSubscriptionGroup: false });
    control.coordinator.receive(0, [{ kind: 'ensureGroup', ticket: 3, group: 'NEW' }]);
    control.coordinator.receive(0, [{ kind: 'commitOffset', group: 'NEW', topic: 'T', queueId: 0, offset: 12 }]);
    expect(query(control, { consumerGroup: 'NEW' })).toBe(ResponseCode.QUERY_NOT_FOUND);
  });
});

describe('43', () => {
  it('gives all offsets with unquoted queue ids', () => {
    const control = harness();
    commit(control, 7);
    commit(control, 8, { queueId: 3 });
    const answer = control.request(1, RequestCode.GET_ALL_CONSUMER_OFFSET);
    expect(textOf(answer)).toContain('"offsetTable":{"T@G":{0:7,3:8}}');
    expect(textOf(answer)).toContain('"groupTopicMap":{"G":["T"]}');
  });
});

describe('consumerOffset.json', () => {
  const saves = (control: ControlHarness): number =>
    control.files.saved.filter((name) => name === 'consumerOffset.json').length;

  it('is written every 5 s when there were commits, and at close', () => {
    const control = harness();
    commit(control, 7);
    control.clock.pass(4_999);
    control.coordinator.doWork();
    expect(saves(control)).toBe(0);
    control.clock.pass(1);
    control.coordinator.doWork();
    expect(saves(control)).toBe(1);
    commit(control, 7);
    control.clock.pass(5_000);
    control.coordinator.doWork();
    expect(saves(control)).toBe(1);
    commit(control, 8);
    control.coordinator.close();
    expect(saves(control)).toBe(2);
  });

  it('is read back at the next start', () => {
    const control = harness();
    commit(control, 7);
    control.coordinator.close();
    expect(query(harness({}, { files: control.files }))).toBe('7');
  });

  it('is read in upstreams form, whatever the keys look like', () => {
    const files = new MemoryFiles();
    const text =
      '{\n\t"dataVersion":{"counter":3,"stateVersion":0,"timestamp":5},\n\t"offsetTable":{"T@G":{0:10,"1":11\n\t\t}}\n}';
    files.texts.set('consumerOffset.json', text);
    const control = harness({}, { files });
    expect(query(control)).toBe('10');
    expect(query(control, { queueId: 1 })).toBe('11');
    const answer = textOf(control.request(1, RequestCode.GET_ALL_CONSUMER_OFFSET));
    expect(answer).toContain('"counter":3');
  });

  it('with an offset that is no number is not taken, so that its backup is', () => {
    const files = new MemoryFiles();
    files.texts.set('consumerOffset.json', '{"offsetTable":{"T@G":{0:"x"}}}');
    expect(() => harness({}, { files })).toThrow('no number');
  });

  it('moves its version on once in 500 commits', () => {
    const control = harness();
    for (let offset = 1; offset < 500; offset++) control.coordinator.commitOffset('G', 'T', 0, offset);
    expect(textOf(control.request(1, RequestCode.GET_ALL_CONSUMER_OFFSET))).toContain('"counter":0');
    control.coordinator.commitOffset('G', 'T', 0, 500);
    expect(textOf(control.request(1, RequestCode.GET_ALL_CONSUMER_OFFSET))).toContain('"counter":1');
  });
});

describe('places of groups after a crash', () => {
  it('are moved back to the end of a queue that has lost its last messages, and that is saved at once', () => {
    const files = new MemoryFiles();
    files.texts.set('consumerOffset.json', '{"offsetTable":{"T@G":{0:9,1:4},"Gone@G":{0:7},"a@b@c":{0:9}}}');
    const control = harness({}, { files });
    const ends = new Map([
      ['T/0', 5],
      ['T/1', 5],
    ]);
    control.coordinator.holdOffsetsBack((topic, queueId) => ends.get(`${topic}/${queueId}`) ?? 0);
    expect(query(control)).toBe('5');
    expect(query(control, { queueId: 1 })).toBe('4');
    expect(query(control, { topic: 'Gone' })).toBe('0');
    const again = harness({}, { files });
    expect(query(again)).toBe('5');
    // The keys with three parts are of another kind and stay as they are.
    expect(files.texts.get('consumerOffset.json')).toMatch(/"a@b@c":\s*\{\s*"?0"?:\s*9/);
  });
});

describe('29 to 32', () => {
  const ask = (control: ControlHarness, code: number, fields: object = {}): Record<string, string> =>
    Object.fromEntries(control.request(1, code, { topic: 'T', queueId: 0, ...fields }).extFields ?? []);

  it('give the bounds of a queue and its first store time', () => {
    const control = harness();
    control.queues.set('T', 0, [100, 200, 300], 5);
    expect(ask(control, RequestCode.GET_MAX_OFFSET)).toEqual({ offset: '8' });
    expect(ask(control, RequestCode.GET_MIN_OFFSET)).toEqual({ offset: '5' });
    expect(ask(control, RequestCode.GET_EARLIEST_MSG_STORETIME)).toEqual({ timestamp: '100' });
  });

  it('answer 0 for a queue that was never written, known or not', () => {
    const control = harness();
    for (const topic of ['T', 'unknown']) {
      expect(ask(control, RequestCode.GET_MAX_OFFSET, { topic })).toEqual({ offset: '0' });
      expect(ask(control, RequestCode.GET_MIN_OFFSET, { topic })).toEqual({ offset: '0' });
      expect(ask(control, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, { topic, timestamp: 5 })).toEqual({ offset: '0' });
      expect(ask(control, RequestCode.GET_EARLIEST_MSG_STORETIME, { topic })).toEqual({ timestamp: '-1' });
    }
  });

  it('find by time: the first not before, or the last not after', () => {
    const control = harness();
    control.queues.set('T', 0, [100, 200, 200, 300], 5);
    const search = (timestamp: number, boundaryType: string): string | undefined =>
      ask(control, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, { timestamp, boundaryType }).offset;
    expect(search(200, 'LOWER')).toBe('6');
    expect(search(200, 'upper')).toBe('7');
    expect(search(999, 'LOWER')).toBe('9');
    expect(search(999, 'UPPER')).toBe('8');
    expect(search(1, 'UPPER')).toBe('5');
    expect(search(200, 'anything')).toBe('6');
  });

  it('clamp what the search says to the bounds', () => {
    const control = harness();
    control.queues.set('T', 0, [100], 5);
    control.queues.searchOffset = () => 3;
    expect(ask(control, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, { timestamp: 1 })).toEqual({ offset: '5' });
  });
});
