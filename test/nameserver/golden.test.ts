/**
 * The recorded requests to Apache's NameServer, in the order in which they were made: ours has to answer each with the same code, the same
 * header fields and the same body, or one of the same shape where the body lists what the recording's broker happened to have.
 */
import { describe, expect, test } from 'vitest';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import { HeaderError, type RemotingCommand } from '../../src/remoting/command.ts';
import { parseFastJson } from '../../src/remoting/fast-json.ts';
import { decodeFrame, encodeFrame, responseTo } from '../../src/remoting/frame-codec.ts';
import type { TopicQueueMappingInfo } from '../../src/remoting/register-body.ts';
import { registerBrokerRequest } from '../../src/remoting/register-broker.ts';
import { MODES, type RecordedFrame, recordedBytes, recordedExchanges } from '../support/recorded-frames.ts';
import { registration, topic } from '../support/registrations.ts';
import { Handlers, textOf } from './context.ts';

interface RouteJson {
  readonly queueDatas: readonly { readQueueNums: number; writeQueueNums: number; perm: number }[];
  readonly topicQueueMappingByBroker?: Record<
    string,
    Omit<TopicQueueMappingInfo, 'currIdMap'> & { currIdMap: Record<string, number> }
  >;
}

/** Bodies that depend on everything the recorded broker did before. */
const SHAPE_ONLY: ReadonlySet<number> = new Set([
  RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
  RequestCode.GET_TOPICS_BY_CLUSTER,
  RequestCode.QUERY_DATA_VERSION,
]);

describe.each(MODES)('recorded in %s', (mode) => {
  const exchanges = recordedExchanges(mode)
    .filter(({ request, response }) => request.direction.endsWith('-> nameserver') && response !== null)
    .sort((one, other) => one.atMs - other.atMs);
  const handlers = new Handlers();

  test('there are recordings of every request code that is handled', () => {
    const codes = new Set(exchanges.map(({ code }) => code));
    expect([...codes].sort((a, b) => a - b)).toEqual([
      100, 101, 102, 103, 104, 105, 106, 205, 206, 216, 217, 219, 224, 304, 311, 312, 313, 318, 319, 322, 327, 901, 904,
      9999,
    ]);
  });

  test.each(
    exchanges.map(
      (exchange) =>
        [`${exchange.code} ${exchange.name}, ${exchange.scenario}, ${exchange.request.file}`, exchange] as const,
    ),
  )('%s', (_title, { code, request, response }) => {
    if (code === RequestCode.GET_ROUTEINFO_BY_TOPIC) registerTopicOf(request, response!);
    const bytes = recordedBytes(mode, request);
    const answer = answerTo(decodeFrame(bytes, 0, bytes.length), connectionOf(request));
    const frame = encodeFrame(answer);
    expect(decodeFrame(frame, 0, frame.length).opaque).toBe(answer.opaque);
    expect(answer.code).toBe(response!.code);
    expect(answer.flag).toBe(1);
    compareFields(code, answer, response!);
    compareBody(code, answer, response!);
  });

  /** As the server does it: what a request lacks is answered 1. */
  function answerTo(request: RemotingCommand, connectionId: number): RemotingCommand {
    try {
      return handlers.handle(request, connectionId);
    } catch (error) {
      if (!(error instanceof HeaderError)) throw error;
      return responseTo(request, ResponseCode.SYSTEM_ERROR, error.message);
    }
  }

  /** The broker of the recording had registered the topic before; not every one of its registrations was kept. */
  function registerTopicOf(request: RecordedFrame, response: RecordedFrame): void {
    const name = request.extFields!.topic!;
    if (response.code !== 0 || handlers.context.routes.topics.has(name, 'broker-a')) return;
    const { queueDatas, topicQueueMappingByBroker } = response.bodyJson as RouteJson;
    const [queues] = queueDatas;
    const { readQueueNums, writeQueueNums, perm } = queues!;
    const mapping = topicQueueMappingByBroker?.['broker-a'];
    const currIdMap = new Map(Object.entries(mapping?.currIdMap ?? {}).map(([logical, id]) => [Number(logical), id]));
    const incremental = registration({
      dataVersion: { counter: 26, stateVersion: 0, timestamp: 1_795_405_886_691 },
      queueMappings: mapping === undefined ? [] : [{ ...mapping, currIdMap }],
      brokerAddr: '127.0.0.1:19911',
      haServerAddr: '127.0.0.1:19912',
      topics: [topic(name, { readQueueNums, writeQueueNums, perm })],
    });
    expect(handlers.handle(registerBrokerRequest(incremental)).code).toBe(0);
  }
});

function connectionOf(request: RecordedFrame): number {
  return request.extFields?.brokerId === '1' ? 2 : 1;
}

function compareFields(code: number, answer: RemotingCommand, response: RecordedFrame): void {
  const ours = Object.fromEntries(answer.extFields ?? []);
  const recorded = response.extFields ?? {};
  // How many topics were touched depends on how many there were.
  if (code === RequestCode.WIPE_WRITE_PERM_OF_BROKER || code === RequestCode.ADD_WRITE_PERM_OF_BROKER) {
    expect(Object.keys(ours)).toEqual(Object.keys(recorded));
    expect(Number(Object.values(ours)[0])).toBeGreaterThan(10);
  } else {
    expect(ours).toEqual(recorded);
  }
}

function compareBody(code: number, answer: RemotingCommand, response: RecordedFrame): void {
  if (response.bodyJson === undefined) {
    // Properties text is the only body that is no JSON.
    expect(answer.body !== null).toBe(response.bodyLength > 0);
    return;
  }
  const ours = parseFastJson(textOf(answer));
  if (SHAPE_ONLY.has(code)) {
    expect(shapeOf(ours)).toEqual(shapeOf(response.bodyJson));
  } else {
    expect(sorted(ours)).toEqual(sorted(response.bodyJson));
    expect(answer.body).toHaveLength(response.bodyLength);
  }
}

/** Names and types; a list is as its first member. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]));
}

/** Lists of names have no order upstream. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value))
    return value.every((item) => typeof item === 'string') ? [...value].sort() : value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, sorted(member)]));
}
