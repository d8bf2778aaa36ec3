/** Apache's Go client v2: sends, and a push consumer with and without tags. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { committedCount } from '../support/probe.ts';
import { waitFor } from '../support/wait.ts';
import { type ClientProgram, goClient, javaClient, runClient, startClient } from './harness/clients.ts';
import { startTarget, TARGET, type Target } from './harness/target.ts';
import { expectDelivered, expectDenseQueues, perQueue, verified } from './harness/verify.ts';

const MODES = ['sync', 'async', 'oneway', 'batch'] as const;
const COUNT = 60;
/** A topic that a send makes has no more. */
const QUEUES_MAX = 8;
const COMMITTED_MS = 10_000;

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop());

describe(`${goClient.name} at ${TARGET}`, () => {
  const topics = MODES.map((mode) => `go-${mode}`).join(',');
  let producer: ClientProgram;
  let consumer: ClientProgram;

  beforeAll(async () => {
    producer = await runClient(goClient, 'produce', {
      namesrv: target.namesrv,
      topic: 'go',
      modes: MODES.join(','),
      count: COUNT,
    });
    consumer = startClient(goClient, 'push', { namesrv: target.namesrv, topics, group: 'go-group' });
    await consumer.receives(COUNT * MODES.length);
    await consumer.stop();
  });

  it.each(MODES)('what it printed of %s sends is committed once it has stopped', async (mode) => {
    // The last commits are one-way.
    await waitFor(`${COUNT} messages committed`, COMMITTED_MS, async () => {
      return (await committedCount(target.broker, 'go-group', `go-${mode}`, QUEUES_MAX)) === COUNT;
    });
  });

  it('is refused nothing', () => expect(producer.named('refused')).toEqual([]));

  it.each(MODES)('%s sends arrive once, unchanged', (mode) => {
    const sent = producer.sent().filter((message) => message.topic === `go-${mode}`);
    const received = consumer.received().filter((message) => message.topic === `go-${mode}`);
    expect(sent).toHaveLength(COUNT);
    expectDelivered(sent, received);
    expectDenseQueues(received);
    verified(`Go ${mode}`, `${COUNT} sent, ${received.length} received once, ${perQueue(received).size} queues`);
  });

  it('a tag expression lets through its tags only', async () => {
    const tagged = startClient(goClient, 'push', {
      namesrv: target.namesrv,
      topics: 'go-sync',
      group: 'go-tags',
      tags: 'A || C',
    });
    const wanted = producer.sent().filter((message) => message.topic === 'go-sync' && message.tag !== 'B');
    await tagged.receives(wanted.length);
    await tagged.stop();
    expectDelivered(wanted, tagged.received());
    verified('Go tags', `${wanted.length} of ${COUNT} for "A || C"`);
  });

  it('what Go sent, Java reads, and the other way round', async () => {
    const java = javaClient('5.3.3');
    const reader = startClient(java, 'push', { namesrv: target.namesrv, topics: 'go-sync,go-batch', group: 'go-java' });
    await reader.receives(2 * COUNT);
    await reader.stop();
    const crossed = (program: ClientProgram, topic: string) =>
      program.received().filter((message) => message.topic === topic);
    for (const topic of ['go-sync', 'go-batch']) {
      expectDelivered(
        producer.sent().filter((message) => message.topic === topic),
        crossed(reader, topic),
      );
    }
    const options = { namesrv: target.namesrv, topic: 'java-go', modes: 'sync,batch', count: COUNT, size: 6000 };
    const sender = await runClient(java, 'produce', options);
    const gopher = startClient(goClient, 'push', {
      namesrv: target.namesrv,
      topics: 'java-go-sync,java-go-batch',
      group: 'java-go',
    });
    await gopher.receives(2 * COUNT);
    await gopher.stop();
    for (const topic of ['java-go-sync', 'java-go-batch']) {
      expectDelivered(
        sender.sent().filter((message) => message.topic === topic),
        crossed(gopher, topic),
      );
    }
    verified('Go and Java', `${2 * COUNT} each way, compressed ones included`);
  });
});
