/** Every way a Java client can send, received by a push consumer of the same version: counts, places, content. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routeOf } from '../support/probe.ts';
import { type Client, type ClientProgram, javaClient, runClient, startClient } from './harness/clients.ts';
import { startTarget, TARGET, type Target } from './harness/target.ts';
import { expectDelivered, expectDenseQueues, perQueue, verified } from './harness/verify.ts';

const MODES = ['sync', 'async', 'oneway', 'batch', 'selector'] as const;
const COUNT = 60;

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop());

const clients = [
  javaClient('5.3.3'),
  javaClient('4.9.8'),
  javaClient('5.3.3', 'ROCKETMQ'),
  javaClient('4.9.8', 'ROCKETMQ'),
];
describe.each(clients)(`$name at ${TARGET}`, (client: Client) => {
  const topic = `send-${client.name.replace(/[ .]/g, '-')}`;
  let producer: ClientProgram;
  let consumer: ClientProgram;

  beforeAll(async () => {
    producer = await runClient(client, 'produce', {
      namesrv: target.namesrv,
      topic,
      modes: MODES.join(','),
      count: COUNT,
    });
    const topics = MODES.map((mode) => `${topic}-${mode}`).join(',');
    consumer = startClient(client, 'push', { namesrv: target.namesrv, topics, group: `${topic}-group` });
    await consumer.receives(COUNT * MODES.length);
    await consumer.stop();
  });

  it('is refused nothing', () => expect(producer.named('refused')).toEqual([]));

  it.each(MODES)('%s sends arrive once, unchanged, from the place the answer named', (mode) => {
    const sent = producer.sent().filter((message) => message.topic === `${topic}-${mode}`);
    const received = consumer.received().filter((message) => message.topic === `${topic}-${mode}`);
    expect(sent).toHaveLength(COUNT);
    expectDelivered(sent, received);
    expectDenseQueues(received);
    if (mode !== 'oneway') expect(new Set(sent.map((message) => message.status))).toEqual(new Set(['SEND_OK']));
    for (const message of received) expect(message.storeHost).toBe(target.broker);
    verified(
      `${client.name} ${mode}`,
      `${COUNT} sent, ${received.length} received once, ${perQueue(received).size} queues`,
    );
  });

  it('unknown topics were made with the four queues the producer asked for', async () => {
    for (const mode of MODES) {
      const route = await routeOf(target.namesrv, `${topic}-${mode}`);
      expect(route).toContain('"perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4');
    }
  });

  it('the client message id survives', () => {
    const received = new Map(consumer.received().map((message) => [message.topic + message.index, message.msgId]));
    for (const message of producer.sent().filter((message) => message.msgId !== undefined)) {
      expect(received.get(message.topic + message.index)).toBe(message.msgId);
    }
  });

  it('a selector keeps the orders in one queue each, in the order of sending', () => {
    const sent = producer.sent().filter((message) => message.order !== undefined);
    expect(sent).toHaveLength(COUNT);
    for (let order = 0; order < 5; order++) {
      const mine = sent.filter((message) => message.order === order);
      expect(perQueue(mine).size).toBe(1);
      expect(mine.map((message) => message.offset)).toEqual(
        [...mine.map((message) => message.offset)].sort((a, b) => a - b),
      );
    }
  });

  it('a batch is one run of offsets in one queue, one id per item', () => {
    const sent = producer.sent().filter((message) => message.batchIds !== undefined);
    expect(sent).toHaveLength(COUNT);
    for (let start = 0; start < COUNT; start += 10) {
      const batch = sent.slice(start, start + 10);
      expect(new Set(batch.map((message) => message.queueId)).size).toBe(1);
      expect(new Set(batch.map((message) => message.batchIds))).toEqual(new Set([10]));
    }
  });
});
