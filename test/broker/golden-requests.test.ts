/** Feeds recorded requests of Apache's clients and tools to a coordinator and compares its answers with those of Apache's broker. */
import { describe, expect, it } from 'vitest';
import { REQUEST_TABLE } from '../../src/broker/request-table.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import { decodeFrame } from '../../src/remoting/frame-codec.ts';
import { goldenBytes } from '../support/golden.ts';
import { MODES, recordedBytes, recordedExchanges } from '../support/recorded-frames.ts';
import { ControlHarness, heartbeatBody, textOf } from './coordinator-harness.ts';

/** Answers that differ on purpose (docs/compatibility.md), by code and scenario. */
const DIFFERENT: Readonly<Record<string, number>> = {
  '46 SQL92 push consumer': 1,
  '46 SQL92 push consumer, expression does not parse': 1,
  '200 create group with an illegal name': 29,
};

const built = new Set(REQUEST_TABLE.filter((row) => row.where === 'control').map((row) => row.code));

/** The recorded requests ask about these. */
function harness(): ControlHarness {
  const control = new ControlHarness({ enablePropertyFilter: true, brokerAddress: '127.0.0.1:19911' });
  for (const connectionId of [1, 2, 3]) control.open(connectionId);
  control.frame(1, goldenBytes('remoting/json/017-UPDATE_AND_CREATE_TOPIC/02-request.bin'));
  for (const topic of ['T_Auto', 'T_Lite', 'T_Pull', 'T_Req', 'T_Empty', 'T_Order', 'T_Sql']) {
    const ask = { topic, defaultTopic: 'TBW102', defaultTopicQueueNums: 4 };
    control.coordinator.receive(0, [{ kind: 'ensureTopic', ticket: 1, ...ask }]);
    if (topic !== 'T_Empty' && topic !== 'T_Req') {
      for (let queueId = 0; queueId < 4; queueId++) control.queues.set(topic, queueId, [1, 2, 3, 4]);
    }
  }
  for (const group of ['CG_l1', 'CG_l2', 'CG_pull', 'CG_push', 'CG_reply', 'CG_lite']) {
    control.coordinator.receive(0, [{ kind: 'ensureGroup', ticket: 2, group }]);
  }
  for (let queueId = 0; queueId < 4; queueId++) control.coordinator.commitOffset('CG_push', 'T_Auto', queueId, 2);
  control.frame(2, goldenBytes('remoting/json/034-HEART_BEAT/01-request.bin'));
  control.frame(2, goldenBytes('remoting/json/034-HEART_BEAT/02-request.bin'));
  control.request(2, RequestCode.HEART_BEAT, {}, heartbeatBody({ group: 'CG_reply' }));
  control.request(3, RequestCode.HEART_BEAT, {}, heartbeatBody({ group: 'CG_lite' }));
  control.messages.records.set(29110, Buffer.from('a record'));
  for (const mode of MODES) {
    const exchanges = recordedExchanges(mode);
    for (const { request, response } of exchanges.filter(({ code }) => code === RequestCode.QUERY_MESSAGE)) {
      const { topic, key } = request.extFields!;
      if ((response?.bodyLength ?? 0) > 0) control.messages.keys.set(`${topic}#${key}`, [29110]);
    }
    for (const { request, response } of exchanges.filter(({ code }) => code === RequestCode.VIEW_MESSAGE_BY_ID)) {
      if ((response?.bodyLength ?? 0) > 0)
        control.messages.records.set(Number(request.extFields!.offset), Buffer.from('a record'));
    }
  }
  control.forget();
  return control;
}

/** Members whose own members are data, not structure. */
const MAPS = new Set([
  'attributes',
  'data',
  'forbiddenTable',
  'groupTopicMap',
  'offsetTable',
  'subscriptionGroupTable',
  'subscriptionTable',
  'table',
  'topicConfigTable',
]);

/** Static topics are not built: only upstream's answers have something in here. */
const NOT_BUILT = 'topicQueueMappingDetailMap';

/** What a body is made of, without its values: a list is reduced to the shape of its first entry, a map to that of its fullest. */
function shapeOf(value: unknown, isMap = false): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? 'number' : typeof value;
  const members = Object.entries(value).filter(([name]) => name !== NOT_BUILT);
  if (isMap) {
    const shapes = members.map(([, member]) => shapeOf(member));
    return shapes.sort((a, b) => JSON.stringify(b).length - JSON.stringify(a).length).slice(0, 1);
  }
  return Object.fromEntries(members.map(([name, member]) => [name, shapeOf(member, MAPS.has(name))]));
}

/** As the golden index shows bodies: bare and object keys as strings. */
function standardJson(text: string): unknown {
  const quotedObjects = text.replace(/([{,])(\{[^{}]*\}):/g, (_, before, key) => `${before}${JSON.stringify(key)}:`);
  return JSON.parse(quotedObjects.replace(/([{,])(-?\d+):/g, '$1"$2":'));
}

describe.each(MODES)('requests recorded in %s', (mode) => {
  const exchanges = recordedExchanges(mode);
  const served = exchanges.filter(({ code, request }) => built.has(code) && request.direction.includes('-> broker'));

  it('are there for most codes that control serves', () => {
    expect(new Set(served.map(({ code }) => code)).size).toBeGreaterThan(25);
  });

  it.each(served.map((exchange) => ({ ...exchange, title: `${exchange.code} ${exchange.scenario}` })))(
    '$title ($request.file)',
    ({ title, request, response }) => {
      const answer = harness().frame(1, recordedBytes(mode, request));
      if (response === null) {
        expect(answer).toBeNull();
        return;
      }
      const golden = recordedBytes(mode, response);
      const expected = decodeFrame(golden, 0, golden.length);
      expect(answer?.code).toBe(DIFFERENT[title] ?? expected.code);
      if (DIFFERENT[title] !== undefined) return;
      expect(answer).toMatchObject({
        opaque: expected.opaque,
        flag: expected.flag,
        serializeType: expected.serializeType,
      });
      expect([...(answer?.extFields?.keys() ?? [])].sort()).toEqual([...(expected.extFields?.keys() ?? [])].sort());
      expect(answer?.body === null).toBe(expected.body === null);
      if (response.bodyJson !== undefined) {
        expect(shapeOf(standardJson(textOf(answer!)))).toEqual(shapeOf(response.bodyJson));
      }
    },
  );
});
