/** What is measured on each server. Every measure checks its own result before it returns a number. Called by peers.ts. */

import { sampleProcess } from '../../src/bench/process-meter.ts';
import { request } from '../../test/support/probe.ts';
import { waitFor } from '../../test/support/wait.ts';
import {
  messagesStored,
  PullProtocol,
  SendProtocol,
  sendFields,
  sendRequests,
  type Topics,
  topicName,
} from './broker-protocol.ts';
import { type LoopResult, type LoopSpec, type Protocol, runClosedLoop } from './closed-loop.ts';
import type { Contender, Running } from './contenders.ts';
import { streamLength, XaddProtocol } from './redis-protocol.ts';

const BODY_BYTES = 1024;
const PULL_BATCH = 32;
const STORED_DEADLINE_MS = 20_000;

const ONE_TOPIC: Topics = { prefix: 'one', count: 1, queues: 8 };
const MANY_TOPICS: Topics = { prefix: 'many', count: 1024, queues: 8 };

export interface Sample {
  /** Messages a second, or microseconds for the latency measure. */
  value: number;
  serverCpuUsPerMessage: number;
  clientCpuUsPerMessage: number;
}

export interface Measure {
  readonly name: string;
  readonly unit: 'msg/s' | 'us';
  /** Whether this measure makes sense for the contender. */
  fits(contender: Contender): boolean;
  run(contender: Contender, running: Running, seconds: number): Promise<Sample>;
}

const anyBroker = (contender: Contender) => contender.kind === 'rocketmq';
const asyncBroker = (contender: Contender) => contender.kind === 'rocketmq' && contender.flush === 'async';

/** In the order they run: the pulls read what the sends left. */
export const MEASURES: readonly Measure[] = [
  {
    name: 'send 1 KiB, 4 connections x 64 in flight',
    unit: 'msg/s',
    fits: () => true,
    run: async (contender, running, seconds) => rate(await fill(contender, running, spec(running, 4, 256, seconds))),
  },
  {
    name: 'send 1 KiB, 4 connections x 256 in flight',
    unit: 'msg/s',
    fits: anyBroker,
    run: async (_contender, running, seconds) => rate(await send(running, ONE_TOPIC, spec(running, 4, 1024, seconds))),
  },
  {
    name: 'send 1 KiB, one in flight, p50',
    unit: 'us',
    fits: anyBroker,
    run: async (_contender, running, seconds) => {
      const result = await send(running, ONE_TOPIC, spec(running, 1, 1, seconds));
      return { ...rate(result), value: result.latencyUs?.getValueAtPercentile(50) ?? Number.NaN };
    },
  },
  {
    name: 'pull 32 x 1 KiB, 4 connections x 2 in flight',
    unit: 'msg/s',
    fits: asyncBroker,
    run: async (_contender, running, seconds) => rate(await pull(running, spec(running, 4, 8, seconds))),
  },
  {
    name: 'send 1 KiB, 4 connections x 64, 1024 topics of 8 queues',
    unit: 'msg/s',
    fits: asyncBroker,
    run: async (_contender, running, seconds) => {
      await createTopics(running.address, MANY_TOPICS);
      return rate(await send(running, MANY_TOPICS, spec(running, 4, 256, seconds)));
    },
  },
];

/** A load that is not counted: it makes the topic, and Java's compiler wakes up. */
export async function warmUp(contender: Contender, running: Running, seconds: number): Promise<void> {
  if (contender.kind === 'rocketmq') await createTopics(running.address, ONE_TOPIC);
  await fill(contender, running, spec(running, 4, 256, seconds));
}

function fill(contender: Contender, running: Running, loop: LoopSpec): Promise<Metered> {
  return contender.kind === 'redis' ? xadd(running, loop) : send(running, ONE_TOPIC, loop);
}

async function xadd(running: Running, loop: LoopSpec): Promise<Metered> {
  const before = await streamLength(loop.address, 'peers');
  const result = await metered(running, loop, () => new XaddProtocol('peers', BODY_BYTES));
  const stored = (await streamLength(loop.address, 'peers')) - before;
  if (stored !== result.answers) throw new Error(`${result.answers} acknowledged, ${stored} stored`);
  return result;
}

async function send(running: Running, topics: Topics, loop: LoopSpec): Promise<Metered> {
  const before = await messagesStored(loop.address, topics);
  const protocols = Array.from({ length: loop.connections }, (_unused, connection) => {
    const requests = sendRequests(topics, BODY_BYTES, connection);
    return new SendProtocol(requests, Math.floor((requests.length * connection) / loop.connections));
  });
  const loaded = await metered(running, loop, (connection) => protocols[connection] as Protocol);
  const result = { ...loaded, answers: loaded.answers - protocols.reduce((sum, { refused }) => sum + refused, 0) };
  // Apache's broker acknowledges before its queues show a message.
  await waitFor(`${result.answers} acknowledged messages in the queues`, STORED_DEADLINE_MS, async () => {
    return (await messagesStored(loop.address, topics)) - before === result.answers;
  });
  return result;
}

async function pull(running: Running, loop: LoopSpec): Promise<Metered> {
  const perConnection = loop.inFlight / loop.connections;
  const protocols = Array.from({ length: loop.connections }, (_unused, connection) => {
    const queueIds = Array.from(
      { length: perConnection },
      (_reader, at) => (connection * perConnection + at) % ONE_TOPIC.queues,
    );
    return new PullProtocol(topicName(ONE_TOPIC, 0), queueIds, PULL_BATCH);
  });
  const result = await metered(running, loop, (connection) => protocols[connection] as Protocol);
  const messages = protocols.reduce((sum, protocol) => sum + protocol.messages, 0);
  const bytes = protocols.reduce((sum, protocol) => sum + protocol.bodyBytes, 0);
  // All but the few that made the topics carry BODY_BYTES, and a record's head besides.
  if (bytes < messages * BODY_BYTES) throw new Error(`${messages} messages pulled in ${bytes} bytes`);
  return { ...result, answers: messages };
}

/**
 * The first send to a topic makes it, which is no part of the measurement. Its message is in the queue afterwards, because a broker may
 * acknowledge before its queues show a message and the next measure counts from what they show.
 */
async function createTopics(address: string, topics: Topics): Promise<void> {
  const before = await messagesStored(address, topics);
  for (let index = 0; index < topics.count; index++) {
    const answer = await request(address, 310, sendFields(topics, index, '0'.repeat(32)), Buffer.from('first'));
    if (answer.code !== 0) throw new Error(`topic ${topicName(topics, index)}: ${answer.code} ${answer.remark}`);
  }
  await waitFor(`the first messages of ${topics.count} topics in the queues`, STORED_DEADLINE_MS, async () => {
    return (await messagesStored(address, topics)) - before === topics.count;
  });
}

interface Metered extends LoopResult {
  serverCpuUs: number;
  clientCpuUs: number;
}

async function metered(
  running: Running,
  loop: LoopSpec,
  protocolOf: (connection: number) => Protocol,
): Promise<Metered> {
  const serverBefore = sampleProcess(running.pid).cpuUs;
  const clientBefore = process.cpuUsage();
  const result = await runClosedLoop(loop, protocolOf);
  const client = process.cpuUsage(clientBefore);
  return {
    ...result,
    serverCpuUs: sampleProcess(running.pid).cpuUs - serverBefore,
    clientCpuUs: client.user + client.system,
  };
}

function rate(result: Metered): Sample {
  return {
    value: result.answers / result.seconds,
    serverCpuUsPerMessage: result.serverCpuUs / result.answers,
    clientCpuUsPerMessage: result.clientCpuUs / result.answers,
  };
}

function spec(running: Running, connections: number, inFlight: number, seconds: number): LoopSpec {
  return { address: running.address, connections, inFlight, durationMs: seconds * 1000 };
}
