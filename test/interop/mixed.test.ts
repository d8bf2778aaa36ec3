/** Brokers and NameServers of both makes together. With INTEROP_TARGET=apache both are Apache's, which proves the test. */
import { describe, expect, it } from 'vitest';
import { request, routeOf } from '../support/probe.ts';
import { waitFor } from '../support/wait.ts';
import { startApacheBroker, startApacheNameServer } from './harness/apache.ts';
import { goClient, javaClient, runClient, startClient } from './harness/clients.ts';
import { startRingmqBroker, startRingmqNameServer } from './harness/ringmq.ts';
import type { Server } from './harness/servers.ts';
import { TARGET } from './harness/target.ts';
import { expectDelivered, verified } from './harness/verify.ts';

const COUNT = 40;
/** A broker's clean stop, or its closed connection, takes it from the route at once; its 120 s expiry would be far too late. */
const UNREGISTERED_MS = 15_000;

const startNameServer = TARGET === 'apache' ? startApacheNameServer : startRingmqNameServer;
const startBroker: (options: { namesrv: string; brokerName?: string }) => Promise<Server> =
  TARGET === 'apache' ? startApacheBroker : startRingmqBroker;

async function clientsWork(namesrv: string, topic: string): Promise<void> {
  for (const client of [javaClient('5.3.3'), goClient]) {
    const mine = `${topic}-${client === goClient ? 'go' : 'java'}`;
    const producer = await runClient(client, 'produce', {
      namesrv,
      topic: mine,
      'plain-topic': true,
      modes: 'sync',
      count: COUNT,
    });
    const consumer = startClient(client, 'push', { namesrv, topics: mine, group: mine });
    await consumer.receives(COUNT);
    await consumer.stop();
    expectDelivered(producer.sent(), consumer.received());
  }
}

async function leavesTheRoute(namesrv: string, broker: Server, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  await broker.child.stop(signal, 30_000);
  await waitFor('the route to go', UNREGISTERED_MS, async () => (await routeOf(namesrv, 'TBW102')) === undefined);
}

describe(`${TARGET} beside Apache`, () => {
  it("a broker at Apache's NameServer serves both clients and leaves the route when it stops", async () => {
    const nameServer = await startApacheNameServer();
    const broker = await startBroker({ namesrv: nameServer.namesrv });
    await clientsWork(nameServer.namesrv, 'mixed-broker');
    await leavesTheRoute(nameServer.namesrv, broker, 'SIGTERM');
    await nameServer.stop();
    verified("broker at Apache's NameServer", `${COUNT} by Java and by Go, unregistered at the stop`);
  });

  it("Apache's broker at the NameServer serves both clients and leaves the route when it dies", async () => {
    const nameServer = await startNameServer();
    const broker = await startApacheBroker({ namesrv: nameServer.namesrv });
    await clientsWork(nameServer.namesrv, 'mixed-namesrv');
    await leavesTheRoute(nameServer.namesrv, broker, 'SIGKILL');
    await nameServer.stop();
    verified("Apache's broker at the NameServer", `${COUNT} by Java and by Go, gone when its connection closed`);
  });

  it('one cluster of both makes spreads a topic over two brokers', async () => {
    const nameServer = await startNameServer();
    const brokers = [
      await startApacheBroker({ namesrv: nameServer.namesrv, brokerName: 'broker-apache' }),
      await startBroker({ namesrv: nameServer.namesrv, brokerName: 'broker-other' }),
    ];
    for (const broker of brokers) {
      const topic = { topic: 'mixed-both', defaultTopic: 'TBW102', readQueueNums: '2', writeQueueNums: '2', perm: '6' };
      const more = { topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' };
      expect(await request(broker.broker, 17, { ...topic, ...more })).toMatchObject({ code: 0 });
    }
    await waitFor('both in the route', UNREGISTERED_MS, async () => {
      const route = await routeOf(nameServer.namesrv, 'mixed-both');
      return route?.includes('broker-apache') && route.includes('broker-other');
    });
    const client = javaClient('5.3.3');
    const options = {
      namesrv: nameServer.namesrv,
      topic: 'mixed-both',
      'plain-topic': true,
      modes: 'sync',
      count: COUNT,
    };
    const producer = await runClient(client, 'produce', options);
    const consumer = startClient(client, 'push', {
      namesrv: nameServer.namesrv,
      topics: 'mixed-both',
      group: 'mixed-both',
    });
    await consumer.receives(COUNT);
    await consumer.stop();
    expectDelivered(producer.sent(), consumer.received());
    const hosts = new Set(consumer.received().map((message) => message.storeHost));
    expect(hosts).toEqual(new Set(brokers.map((broker) => broker.broker)));
    for (const server of [...brokers, nameServer]) await server.stop();
    verified('a cluster of both makes', `${COUNT} over ${hosts.size} brokers`);
  });
});
