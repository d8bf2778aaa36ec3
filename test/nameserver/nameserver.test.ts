/** The NameServer over real sockets, asked by RemotingClient. */
import { afterEach, describe, expect, test } from 'vitest';
import { type NameServerConfig, type NameServerHandle, startNameServer } from '../../src/nameserver/nameserver.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import { encodeFrame, requestOf } from '../../src/remoting/frame-codec.ts';
import {
  readRegisterAnswer,
  registerBrokerRequest,
  unregisterBrokerRequest,
} from '../../src/remoting/register-broker.ts';
import { RemotingClient } from '../../src/transport/remoting-client.ts';
import { registration, slaveRegistration } from '../support/registrations.ts';
import { closedByPeer, rawClient } from '../support/sockets.ts';

const TIMEOUT_MS = 10_000;

const handles: NameServerHandle[] = [];
const clients: RemotingClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(handles.splice(0).map((handle) => handle.close()));
});

class World {
  readonly lines: string[] = [];
  readonly #expected: { condition: () => boolean; resolve: () => void }[] = [];
  handle!: NameServerHandle;
  nowMs = 5_000_000;

  static async start(config: Partial<NameServerConfig> = {}): Promise<World> {
    const world = new World();
    const clock = { nowMs: () => world.nowMs, monotonicUs: () => world.nowMs * 1000 };
    world.handle = await startNameServer({ port: 0, clock, log: (line) => world.#logged(line), ...config });
    handles.push(world.handle);
    return world;
  }

  get address(): string {
    return `${this.handle.address.host}:${this.handle.address.port}`;
  }

  client(): RemotingClient {
    const client = new RemotingClient();
    clients.push(client);
    return client;
  }

  async codeOf(client: RemotingClient, topic: string): Promise<number> {
    const request = requestOf(RequestCode.GET_ROUTEINFO_BY_TOPIC, 0, new Map([['topic', topic]]));
    return (await client.invoke(this.address, request, TIMEOUT_MS)).code;
  }

  line(pattern: RegExp, count = 1): Promise<void> {
    const condition = (): boolean => this.lines.filter((line) => pattern.test(line)).length >= count;
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#expected.push({ condition, resolve }));
  }

  #logged(line: string): void {
    this.lines.push(line);
    for (const { condition, resolve } of this.#expected) if (condition()) resolve();
  }
}

describe('brokers', () => {
  test('register, are found, withdraw', async () => {
    const world = await World.start();
    const [broker, client] = [world.client(), world.client()];
    expect(await world.codeOf(client, 'T1')).toBe(17);
    expect((await broker.invoke(world.address, registerBrokerRequest(registration()), TIMEOUT_MS)).code).toBe(0);
    expect(await world.codeOf(client, 'T1')).toBe(0);
    expect(world.handle.stats()).toEqual({ connections: 2, brokers: 1, topics: 2, requests: 3 });
    await broker.invoke(world.address, unregisterBrokerRequest(registration()), TIMEOUT_MS);
    expect(await world.codeOf(client, 'T1')).toBe(17);
  });

  test('are gone as soon as their connection is', async () => {
    const world = await World.start();
    const [master, slave, client] = [world.client(), world.client(), world.client()];
    await master.invoke(world.address, registerBrokerRequest(registration()), TIMEOUT_MS);
    const answer = await slave.invoke(world.address, registerBrokerRequest(slaveRegistration()), TIMEOUT_MS);
    expect(readRegisterAnswer(answer)).toEqual({
      masterAddr: '10.0.0.1:10911',
      haServerAddr: '10.0.0.1:10912',
      orderTopics: null,
    });
    master.close();
    await world.line(/unregistered broker-a \(0\) .* its connection is gone/);
    expect(await world.codeOf(client, 'T1')).toBe(0);
    slave.close();
    await world.line(/unregistered broker-a \(1\)/);
    expect(await world.codeOf(client, 'T1')).toBe(17);
  });

  test('that fall silent are given up, and their connection is closed', async () => {
    const world = await World.start({ scanMs: 5 });
    let closed: (reason: string) => void = () => {};
    const connectionClosed = new Promise<string>((resolve) => {
      closed = resolve;
    });
    const broker = new RemotingClient({ onClosed: (_address, reason) => closed(reason) });
    clients.push(broker);
    await broker.invoke(world.address, registerBrokerRequest(registration({ heartbeatTimeoutMs: 30_000 })), TIMEOUT_MS);
    world.nowMs += 30_001;
    await world.line(/unregistered broker-a .* silent for too long/);
    await connectionClosed;
    expect(world.handle.stats()).toMatchObject({ brokers: 0, topics: 0 });
  });
});

describe('bad input', () => {
  test('what a request lacks is answered 1, an unknown code 3, and the connection goes on', async () => {
    const world = await World.start();
    const client = world.client();
    const codeOf = async (code: number) => (await client.invoke(world.address, requestOf(code, 0), TIMEOUT_MS)).code;
    expect(await codeOf(RequestCode.REGISTER_BROKER)).toBe(1);
    expect(await codeOf(RequestCode.GET_ROUTEINFO_BY_TOPIC)).toBe(1);
    expect(await codeOf(77_777)).toBe(3);
    expect(await codeOf(RequestCode.GET_BROKER_CLUSTER_INFO)).toBe(0);
    expect(world.handle.stats().connections).toBe(1);
  });

  test('a one-way request is obeyed and never answered', async () => {
    const world = await World.start();
    const socket = await rawClient(world.handle.address.port);
    let received = 0;
    socket.on('data', (bytes) => {
      received += bytes.length;
    });
    const failing = { ...requestOf(RequestCode.REGISTER_BROKER, 1), flag: 2 };
    const working = { ...registerBrokerRequest(registration()), flag: 2 };
    socket.write(Buffer.concat([encodeFrame(failing), encodeFrame(working)]));
    await world.line(/registered broker-a/);
    expect(await world.codeOf(world.client(), 'T1')).toBe(0);
    expect(received).toBe(0);
    socket.destroy();
  });

  test('bytes that are no frame cost their sender the connection, one line, and nobody else anything', async () => {
    const world = await World.start();
    const client = world.client();
    await client.invoke(world.address, registerBrokerRequest(registration()), TIMEOUT_MS);
    const socket = await rawClient(world.handle.address.port);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await closedByPeer(socket);
    await world.line(/not a frame/);
    expect(world.lines.filter((line) => line.startsWith('closed'))).toHaveLength(1);
    expect(await world.codeOf(client, 'T1')).toBe(0);
  });

  test('idle connections end', async () => {
    const world = await World.start({ idleMs: 50 });
    const sockets = await Promise.all(Array.from({ length: 20 }, () => rawClient(world.handle.address.port)));
    await Promise.all(sockets.map(closedByPeer));
    await world.line(/idle for 50 ms/, sockets.length);
    expect(world.handle.stats().connections).toBe(0);
  });
});

describe('the handle', () => {
  test('frees the port when it is disposed of, brokers or not', async () => {
    let address: { host: string; port: number };
    {
      await using nameServer = await startNameServer({ port: 0 });
      address = nameServer.address;
      const broker = new RemotingClient();
      clients.push(broker);
      await broker.invoke(`${address.host}:${address.port}`, registerBrokerRequest(registration()), TIMEOUT_MS);
    }
    const again = await World.start({ port: address.port });
    expect(again.handle.address).toEqual(address);
  });

  test('a taken port rejects', async () => {
    const world = await World.start();
    await expect(startNameServer({ port: world.handle.address.port })).rejects.toThrow('EADDRINUSE');
  });

  test('two NameServers in one process know nothing of each other', async () => {
    const [one, other] = [await World.start(), await World.start()];
    const client = one.client();
    await client.invoke(one.address, registerBrokerRequest(registration()), TIMEOUT_MS);
    expect([await one.codeOf(client, 'T1'), await other.codeOf(client, 'T1')]).toEqual([0, 17]);
  });
});
