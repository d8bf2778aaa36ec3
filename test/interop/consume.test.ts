/** Every way a Java client can receive: orderly, by tags, lite pull, pull, broadcast, two members of a group. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { committedCount } from '../support/probe.ts';
import { waitFor } from '../support/wait.ts';
import { type Client, type ClientProgram, javaClient, runClient, startClient } from './harness/clients.ts';
import { startTarget, TARGET, type Target } from './harness/target.ts';
import { expectDelivered, expectDenseQueues, expectOrderPerQueue, perQueue, verified } from './harness/verify.ts';

const COUNT = 60;
/** The client's own rebalance timer is 20 s: what happens sooner was told to it by the broker (NOTIFY_CONSUMER_IDS_CHANGED). */
const NOTIFIED_MS = 12_000;
/** The client tells its offsets every 5 s, for the first time 10 s after its start. */
const COMMITTED_MS = 60_000;

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop());

describe.each([javaClient('5.3.3'), javaClient('4.9.8')])(`$name at ${TARGET}`, (client: Client) => {
  const prefix = `consume-${client.name.replace(/[ .]/g, '-')}`;
  /** Sends to one topic, 3 tags round robin; `from` continues an earlier run. */
  const produce = (topic: string, mode: string, from = 0, count = COUNT) =>
    runClient(client, 'produce', { namesrv: target.namesrv, topic, 'plain-topic': true, modes: mode, from, count });
  const consume = (topic: string, group: string, options = {}) =>
    startClient(client, 'push', { namesrv: target.namesrv, topics: topic, group, ...options });

  describe('one topic with messages', () => {
    const topic = `${prefix}-topic`;
    let producer: ClientProgram;
    beforeAll(async () => {
      producer = await produce(topic, 'selector');
    });

    it('an orderly consumer sees each queue alone and in order', async () => {
      const consumer = consume(topic, `${prefix}-orderly`, { orderly: true });
      await consumer.receives(COUNT);
      const more = await produce(topic, 'selector', COUNT, COUNT);
      await consumer.receives(2 * COUNT);
      await consumer.stop();
      // The second run may not disturb the other tests' view of the topic: they look at the first indices only.
      expectDelivered([...producer.sent(), ...more.sent()], consumer.received());
      expectOrderPerQueue(consumer.received());
      expect(consumer.received().filter((message) => message.overlap)).toEqual([]);
      for (const messages of perQueue(consumer.received()).values()) {
        const orders = [0, 1, 2, 3, 4].map((order) => messages.filter((message) => message.index % 5 === order));
        for (const order of orders) {
          expect(order.map((message) => message.index)).toEqual(
            order.map((message) => message.index).sort((a, b) => a - b),
          );
        }
      }
      verified(
        `${client.name} orderly`,
        `${consumer.received().length} once, in order, ${perQueue(consumer.received()).size} queues`,
      );
    });

    it('a tag expression lets through its tags only', async () => {
      const consumer = consume(topic, `${prefix}-tags`, { tags: 'A || C' });
      const wanted = producer.sent().filter((message) => message.tag !== 'B');
      const first = () => consumer.received().filter((message) => message.index < COUNT);
      await consumer.until('the tagged messages', () => first().length >= wanted.length);
      await consumer.stop();
      expectDelivered(wanted, first());
      expect(new Set(consumer.received().map((message) => message.tag))).toEqual(new Set(['A', 'C']));
      verified(`${client.name} tags`, `${wanted.length} of ${COUNT} for "A || C"`);
    });

    it('a pull consumer reads by tag, and is told where the queue ends', async () => {
      const program = await runClient(client, 'pull', {
        namesrv: target.namesrv,
        topic,
        group: `${prefix}-pull`,
        tags: 'B',
      });
      const wanted = producer.sent().filter((message) => message.tag === 'B');
      expectDelivered(
        wanted,
        program.received().filter((message) => message.index < COUNT),
      );
      const answers = program.named('pulled');
      for (const queueId of new Set(answers.map((answer) => answer.queueId))) {
        const [atEnd, beyond] = answers.filter((answer) => answer.queueId === queueId).slice(-2);
        const end = atEnd?.max as number;
        expect(atEnd).toMatchObject({ status: 'NO_NEW_MSG', at: end, next: end, min: 0 });
        // An empty queue sends a consumer that is too far on back to 0, others to their end.
        expect(beyond).toMatchObject({ status: 'OFFSET_ILLEGAL', next: end, max: end });
      }
      verified(`${client.name} pull`, `${wanted.length} of tag B, end and beyond of ${answers.length} answers`);
    });

    it('offsets: bounds, by time, and what a group has consumed', async () => {
      const before = await runClient(client, 'offsets', { namesrv: target.namesrv, topic, group: `${prefix}-orderly` });
      const queues = before.named('queue') as unknown as Record<
        'min' | 'max' | 'earliest' | 'atStart' | 'atEnd' | 'consumed',
        number
      >[];
      expect(queues).toHaveLength(4);
      for (const queue of queues) {
        if (queue.max === 0) continue;
        expect(queue).toMatchObject({ min: 0, atStart: 0, atEnd: queue.max, consumed: queue.max });
        expect(Math.abs(Date.now() - queue.earliest)).toBeLessThan(600_000);
      }
      expect(queues.reduce((sum, queue) => sum + queue.max, 0)).toBe(2 * COUNT);
      verified(`${client.name} offsets`, `bounds and group offsets of ${queues.length} queues`);
    });
  });

  it.each(['assign', 'subscribe'])('lite pull by %s reads all, commits, and goes on from there', async (how) => {
    const topic = `${prefix}-lite-${how}`;
    const producer = await produce(topic, 'sync');
    const options = { namesrv: target.namesrv, topic, how, group: `${prefix}-lite-${how}` };
    const first = await runClient(client, 'lite', { ...options, expect: COUNT });
    expectDelivered(producer.sent(), first.received());
    expectDenseQueues(first.received());
    expectOrderPerQueue(first.received());
    const counts = perQueue(first.received());
    for (const { queueId, offset } of first.named('committed')) {
      // Nothing was read from an empty queue, so nothing need be committed there.
      if (counts.has(queueId as number)) expect(offset).toBe(counts.get(queueId as number)?.length);
    }
    const later = await produce(topic, 'sync', COUNT, 8);
    const second = await runClient(client, 'lite', { ...options, expect: 8 });
    expectDelivered(later.sent(), second.received());
    verified(`${client.name} lite pull ${how}`, `${COUNT} read and committed, then only the 8 new ones`);
  });

  it('two members share the queues; joining and leaving loses and doubles nothing', async () => {
    const topic = `${prefix}-rebalance`;
    const group = `${prefix}-rebalance`;
    // A queue's new owner starts where the old one has committed, which by the client's timer may be messages ago, and a member gives
    // its queues up in its own time: only what is committed before a member joins is sure not to come twice.
    const committed = (count: number) =>
      waitFor(`${count} messages committed`, COMMITTED_MS, async () => {
        return (await committedCount(target.broker, group, topic, 4)) === count;
      });
    const sent = (await produce(topic, 'sync', 0, 20)).sent();
    const first = consume(topic, group);
    await first.receives(20);
    await first.until('all queues', () => first.assigned().length === 4, NOTIFIED_MS);
    await committed(20);

    const second = consume(topic, group);
    await second.started();
    await first.until(
      'two queues each',
      () => first.assigned().length === 2 && second.assigned().length === 2,
      NOTIFIED_MS,
    );
    expect(new Set([...first.assigned(), ...second.assigned()]).size).toBe(4);
    sent.push(...(await produce(topic, 'sync', 20, 40)).sent());
    await first.until('40 more at both', () => first.received().length + second.received().length >= 60);
    expect(second.received().length).toBeGreaterThan(0);

    await second.stop();
    await first.until('all queues after the second left', () => first.assigned().length === 4, NOTIFIED_MS);
    sent.push(...(await produce(topic, 'sync', 60, 20)).sent());
    const all = () => [...first.received(), ...second.received()];
    await first.until('20 more', () => all().length >= 80);
    await committed(80);

    // A member that dies says nothing: its closed connection has to do.
    const third = consume(topic, group);
    await third.started();
    await first.until(
      'two queues each again',
      () => first.assigned().length === 2 && third.assigned().length === 2,
      NOTIFIED_MS,
    );
    await third.child.stop('SIGKILL');
    await first.until('all queues after the third died', () => first.assigned().length === 4, NOTIFIED_MS);
    sent.push(...(await produce(topic, 'sync', 80, 20)).sent());
    await first.until('the last 20', () => all().length >= 100);
    await first.stop();
    expectDelivered(sent, all());
    verified(
      `${client.name} rebalance`,
      `100 once over join, leave and death (${second.received().length} at the second member)`,
    );
  });

  it('in broadcast mode every member gets everything', async () => {
    const topic = `${prefix}-broadcast`;
    const producer = await produce(topic, 'sync');
    const members = [0, 1].map((member) =>
      consume(topic, `${prefix}-broadcast`, { broadcast: true, instance: `member-${member}` }),
    );
    for (const member of members) {
      await member.receives(COUNT);
      await member.stop();
      expectDelivered(producer.sent(), member.received());
    }
    verified(`${client.name} broadcast`, `${COUNT} at each of 2 members`);
  });

  it.each([
    ['1 MiB as it is', 1024 * 1024, 4 * 1024 * 1024, false],
    ['1 MiB compressed', 1024 * 1024, 4096, true],
    ['5000 bytes compressed', 5000, 4096, true],
  ])('a body of %s arrives equal', async (name, size, compressOver, compressed) => {
    const topic = `${prefix}-body-${size}-${compressed}`;
    const options = { namesrv: target.namesrv, topic, 'plain-topic': true, modes: 'sync', count: 4, size };
    const producer = await runClient(client, 'produce', { ...options, 'compress-over': compressOver });
    const consumer = consume(topic, `${topic}-group`);
    await consumer.receives(4);
    await consumer.stop();
    expectDelivered(producer.sent(), consumer.received());
    for (const { storeSize, length } of consumer.received()) expect((storeSize as number) < length).toBe(compressed);
    verified(`${client.name} body`, `4 bodies of ${name}`);
  });
});
