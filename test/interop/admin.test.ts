/** Apache's mqadmin 5.3.3 against the target. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routeOf } from '../support/probe.ts';
import { waitFor } from '../support/wait.ts';
import { mqadmin } from './harness/apache.ts';
import { javaClient, runClient, startClient } from './harness/clients.ts';
import { startTarget, TARGET, type Target } from './harness/target.ts';
import { verified } from './harness/verify.ts';

const COUNT = 20;
const ROUTE_MS = 30_000;

let target: Target;
beforeAll(async () => {
  target = await startTarget();
  const client = javaClient('5.3.3');
  await runClient(client, 'produce', {
    namesrv: target.namesrv,
    topic: 'admin',
    'plain-topic': true,
    modes: 'sync',
    count: COUNT,
  });
  const consumer = startClient(client, 'push', { namesrv: target.namesrv, topics: 'admin', group: 'admin-group' });
  await consumer.receives(COUNT);
  await consumer.stop();
});
afterAll(() => target.stop());

describe(`mqadmin at ${TARGET}`, () => {
  const admin = async (...args: string[]) => (await mqadmin([...args, '-n', target.namesrv])).output;

  it('clusterList names the cluster and the broker', async () => {
    const output = await admin('clusterList');
    expect(output).toMatch(new RegExp(`DefaultCluster\\s+\\S+\\s+0\\s+${target.broker}`));
    verified('mqadmin clusterList', target.broker);
  });

  it('topicRoute shows the queues', async () => {
    const output = await admin('topicRoute', '-t', 'admin');
    expect(output).toContain(target.broker);
    expect(output).toMatch(/"writeQueueNums":\s*4/);
    verified('mqadmin topicRoute', 'address and 4 queues');
  });

  it('updateTopic makes a topic that the route shows', async () => {
    const output = await admin('updateTopic', '-b', target.broker, '-t', 'admin-made', '-r', '3', '-w', '3');
    expect(output).toContain('create topic to');
    // The answer does not wait for the NameServer.
    await waitFor('3 queues in the route', ROUTE_MS, async () =>
      (await routeOf(target.namesrv, 'admin-made'))?.includes('"readQueueNums":3'),
    );
    verified('mqadmin updateTopic', '3 queues in the route');
  });

  it('topicStatus counts the messages', async () => {
    const output = await admin('topicStatus', '-t', 'admin');
    const rows = output.split('\n').filter((line) => /^\S+\s+\d+\s+\d+\s+\d+/.test(line));
    expect({ rows: rows.length, output }).toMatchObject({ rows: 4 });
    expect(rows.reduce((sum, row) => sum + Number(row.split(/\s+/)[3]), 0)).toBe(COUNT);
    verified('mqadmin topicStatus', `${COUNT} messages in 4 queues`);
  });

  it('consumerProgress shows a group without lag', async () => {
    const output = await admin('consumerProgress', '-g', 'admin-group');
    expect(output).toMatch(/Consume Diff Total: 0/);
    verified('mqadmin consumerProgress', 'no lag');
  });
});
