import { describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import { bodyOf, ControlHarness } from './coordinator-harness.ts';

function harness(...args: ConstructorParameters<typeof ControlHarness>): ControlHarness {
  const control = new ControlHarness(...args);
  control.open(1);
  return control;
}

function all(control: ControlHarness): Record<string, object> {
  const answer = control.request(1, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG);
  return bodyOf(answer).subscriptionGroupTable as Record<string, object>;
}

function ensure(control: ControlHarness, group: string): number {
  control.coordinator.receive(1, [{ kind: 'ensureGroup', ticket: 3, group }]);
  const answer = control.of('ensured').at(-1)!;
  expect(answer).toMatchObject({ net: 1, ticket: 3 });
  return answer.code;
}

describe('groups', () => {
  it('at start are upstreams', () => {
    expect(Object.keys(all(harness())).toSorted()).toEqual([
      'CID_ONS-HTTP-PROXY',
      'CID_ONSAPI_OWNER',
      'CID_ONSAPI_PERMISSION',
      'CID_ONSAPI_PULL',
      'CID_RMQ_SYS_TRANS',
      'FILTERSRV_CONSUMER',
      'SELF_TEST_C_GROUP',
      'TOOLS_CONSUMER',
    ]);
  });

  it('that a pull asks for are made with the defaults, told to all nets, then answered', () => {
    const control = harness();
    expect(ensure(control, 'G')).toBe(ResponseCode.SUCCESS);
    expect(control.sent.map(({ net, message }) => `${net} ${message.kind}`)).toEqual([
      '0 group',
      '1 group',
      '1 ensured',
    ]);
    expect(all(control).G).toEqual({
      attributes: {},
      brokerId: 0,
      consumeBroadcastEnable: true,
      consumeEnable: true,
      consumeFromMinEnable: true,
      consumeMessageOrderly: false,
      consumeTimeoutMinute: 15,
      groupName: 'G',
      groupRetryPolicy: { type: 'CUSTOMIZED' },
      groupSysFlag: 0,
      notifyConsumerIdsChangedEnable: true,
      retryMaxTimes: 16,
      retryQueueNums: 1,
      whichBrokerWhenConsumeSlowly: 1,
    });
  });

  it('are not made when that is switched off, except those of the system', () => {
    const control = harness({ autoCreateSubscriptionGroup: false });
    expect(ensure(control, 'G')).toBe(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST);
    expect(ensure(control, 'CID_RMQ_SYS_OTHER')).toBe(ResponseCode.SUCCESS);
  });

  it.each(['', 'bad group', 'a@b', 'x'.repeat(249)])('are not made with the name %j', (name) => {
    expect(ensure(harness(), name)).toBe(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST);
  });
});

describe('200, 225 and 352', () => {
  it('store what they are given, on all nets before the answer', () => {
    const control = harness();
    const body = { groupName: 'G', consumeEnable: false, retryMaxTimes: 3 };
    expect(control.request(1, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, body).code).toBe(0);
    expect(control.sent.map(({ message }) => message.kind)).toEqual(['group', 'group', 'frame']);
    expect(control.of('group')[0]?.group).toMatchObject({ name: 'G', consumeEnable: false, retryMaxTimes: 3 });
    expect(bodyOf(control.request(1, RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, { group: 'G' }))).toMatchObject(body);
  });

  it('do nothing without a body', () => {
    const control = harness();
    expect(control.request(1, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP).code).toBe(ResponseCode.SUCCESS);
    expect(control.of('group')).toEqual([]);
  });

  it('refuse a list with an illegal name as a whole', () => {
    const control = harness();
    const groupConfigList = [{ groupName: 'G' }, { groupName: 'bad group' }];
    const answer = control.request(1, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, {}, { groupConfigList });
    expect(answer.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(all(control).G).toBeUndefined();
  });

  it('store a list', () => {
    const control = harness();
    const groupConfigList = [{ groupName: 'G' }, { groupName: 'H' }];
    const answer = control.request(1, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, {}, { groupConfigList });
    expect(answer.code).toBe(ResponseCode.SUCCESS);
    expect(Object.keys(all(control))).toEqual(expect.arrayContaining(['G', 'H']));
  });

  it('make the group that 352 asks for, as 5.3.3 does', () => {
    const control = harness();
    const answer = control.request(1, RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, { group: 'G' });
    expect(bodyOf(answer)).toMatchObject({ groupName: 'G', retryMaxTimes: 16 });
  });
});

describe('201', () => {
  it('gives pages to those who ask for them', () => {
    const control = harness();
    const answer = control.request(1, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, { groupSeq: 6, maxGroupNum: 5 });
    expect(answer.extFields?.get('totalGroupNum')).toBe('8');
    expect(Object.keys(bodyOf(answer).subscriptionGroupTable as object)).toEqual([
      'SELF_TEST_C_GROUP',
      'TOOLS_CONSUMER',
    ]);
  });
});
