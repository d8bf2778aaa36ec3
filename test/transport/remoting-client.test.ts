/** Requests over real sockets: matching, timeouts, lost connections, requests of the other side. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame, encodeFrame, requestOf, responseTo } from '../../src/remoting/frame-codec.ts';
import { FrameReader } from '../../src/remoting/frame-reader.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { type Listener, listen } from '../../src/transport/listener.ts';
import { RemotingClient, type RemotingClientOptions } from '../../src/transport/remoting-client.ts';
import { serveRemoting } from '../../src/transport/remoting-server.ts';
import { EventRecorder } from '../support/sockets.ts';

const FAR_MS = 10_000;

/** A server that keeps what it was asked, and answers when the test says so. */
class ScriptedPeer {
  readonly asked: { request: RemotingCommand; connection: Connection }[] = [];
  listener!: Listener;
  /** Answers at once; null leaves it to the test. */
  script: (request: RemotingCommand) => RemotingCommand | null = () => null;
  #waiting: (() => void)[] = [];

  async start(): Promise<void> {
    const handler = {
      handle: (request: RemotingCommand, connection: Connection) => {
        this.asked.push({ request: { ...request, body: request.body?.slice() ?? null }, connection });
        for (const wake of this.#waiting.splice(0)) wake();
        return this.script(request);
      },
    };
    this.listener = await serveRemoting({ port: 0, handler });
  }

  get address(): string {
    return `127.0.0.1:${this.listener.port}`;
  }

  async askedFor(count: number): Promise<void> {
    while (this.asked.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  answer(index: number, code: number): void {
    const { request, connection } = this.asked[index]!;
    connection.write(encodeFrame(responseTo(request, code)));
  }
}

const clients: RemotingClient[] = [];
let peer: ScriptedPeer;

beforeEach(async () => {
  peer = new ScriptedPeer();
  await peer.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await peer.listener.close();
});

function newClient(options: RemotingClientOptions = {}): RemotingClient {
  const client = new RemotingClient(options);
  clients.push(client);
  return client;
}

describe('answers', () => {
  test('find their requests in any order, over one connection', async () => {
    const client = newClient();
    const answers = [1, 2, 3].map((code) => client.invoke(peer.address, requestOf(code, 0), FAR_MS));
    await peer.askedFor(3);
    expect(peer.listener.connections).toBe(1);
    expect(new Set(peer.asked.map(({ request }) => request.opaque)).size).toBe(3);
    for (const index of [2, 0, 1]) peer.answer(index, 100 + peer.asked[index]!.request.code);
    expect((await Promise.all(answers)).map(({ code }) => code)).toEqual([101, 102, 103]);
  });

  test('carry header fields and bodies both ways', async () => {
    peer.script = (request) => responseTo(request, 7, 'so it is', request.extFields, request.body);
    const body = Buffer.alloc(3_000_000, 5);
    const answer = await newClient().invoke(peer.address, requestOf(1, 0, new Map([['k', 'ü']]), body), FAR_MS);
    expect(answer).toMatchObject({ code: 7, remark: 'so it is', extFields: new Map([['k', 'ü']]) });
    expect(Buffer.compare(answer.body!, body)).toBe(0);
  });

  test('that nobody waits for are dropped', async () => {
    const client = newClient();
    const answer = client.invoke(peer.address, requestOf(1, 0), FAR_MS);
    await peer.askedFor(1);
    const { request, connection } = peer.asked[0]!;
    connection.write(encodeFrame({ ...responseTo(request, 5), opaque: request.opaque + 1 }));
    peer.answer(0, 6);
    expect((await answer).code).toBe(6);
  });
});

describe('no answer', () => {
  test('in time rejects that request only; the late answer is dropped', async () => {
    const client = newClient();
    const patient = client.invoke(peer.address, requestOf(2, 0), FAR_MS);
    await expect(client.invoke(peer.address, requestOf(1, 0), 30)).rejects.toMatchObject({
      failure: 'timeout',
      address: peer.address,
    });
    await peer.askedFor(2);
    peer.answer(1, 0);
    peer.answer(0, 0);
    expect((await patient).code).toBe(0);
  });

  test('because the connection goes: all of its requests reject at once, and the next one opens a new connection', async () => {
    const gone: string[] = [];
    const client = newClient({ onClosed: (address, reason) => gone.push(`${address} ${reason}`) });
    const lost = [1, 2].map((code) => client.invoke(peer.address, requestOf(code, 0), FAR_MS));
    await peer.askedFor(2);
    peer.asked[0]!.connection.close('for the test');
    for (const request of lost) await expect(request).rejects.toMatchObject({ failure: 'closed' });
    expect(gone).toEqual([`${peer.address} closed by the peer`]);
    peer.script = (request) => responseTo(request, 0);
    expect((await client.invoke(peer.address, requestOf(3, 0), FAR_MS)).code).toBe(0);
  });

  test('because nobody listens there; the next attempt is a new one', async () => {
    const client = newClient();
    const { address } = peer;
    const { port } = peer.listener;
    await peer.listener.close();
    await expect(client.invoke(address, requestOf(1, 0), FAR_MS)).rejects.toMatchObject({
      failure: 'connect',
      address,
    });
    peer.listener = await serveRemoting({ port, handler: { handle: (request) => responseTo(request, 0) } });
    expect((await client.invoke(address, requestOf(1, 0), FAR_MS)).code).toBe(0);
  });

  test.each(['nonsense', 'host:0', 'host:99999', ':1', '127.0.0.1'])('because %s is no address', async (address) => {
    await expect(newClient().invoke(address, requestOf(1, 0), FAR_MS)).rejects.toMatchObject({ failure: 'connect' });
  });

  test('because the client was closed, also while it connects', async () => {
    const client = newClient();
    const waiting = client.invoke(peer.address, requestOf(1, 0), FAR_MS);
    client.close();
    await expect(waiting).rejects.toMatchObject({ failure: 'closed' });
    await expect(client.invoke(peer.address, requestOf(1, 0), FAR_MS)).rejects.toMatchObject({ failure: 'closed' });
  });

  test('because the peer sends what is no frame', async () => {
    const answer = newClient().invoke(peer.address, requestOf(1, 0), FAR_MS);
    await peer.askedFor(1);
    peer.asked[0]!.connection.write(Buffer.from('HTTP/1.1 400 Bad Request'));
    await expect(answer).rejects.toThrow('not a frame');
  });

  test('because the request does not fit a frame', async () => {
    await expect(
      newClient().invoke(peer.address, requestOf(1, 0, null, Buffer.alloc(17_000_000)), FAR_MS),
    ).rejects.toThrow(RangeError);
  });
});

test('one-way requests say so and wait for nothing', async () => {
  await newClient().oneWay(peer.address, requestOf(15, 0));
  await peer.askedFor(1);
  expect(peer.asked[0]!.request).toMatchObject({ code: 15, flag: 2 });
});

describe('requests of the server', () => {
  /** Sends frames to the client over the connection that it has opened, and resolves with the first frame that comes back. */
  async function firstFrameAfter(
    options: RemotingClientOptions,
    ...frames: RemotingCommand[]
  ): Promise<RemotingCommand> {
    const server = new EventRecorder();
    const listener = await listen({ port: 0, nextConnectionId: () => 1, events: server });
    const client = newClient(options);
    await client.oneWay(`127.0.0.1:${listener.port}`, requestOf(1, 0));
    await server.until(() => server.chunks.length === 1);
    const reader = new FrameReader();
    const came: RemotingCommand[] = [];
    const sink = {
      frame: (bytes: Uint8Array, start: number, end: number) => came.push(decodeFrame(bytes, start, end)),
    };
    server.onChunk = (_connection, bytes) => reader.push(bytes, sink);
    for (const frame of frames) server.connections[0]!.write(encodeFrame(frame));
    await server.until(() => came.length > 0);
    client.close();
    await listener.close();
    return came[0]!;
  }

  test('are handed to the handler, and its answer goes back', async () => {
    const onRequest = (request: RemotingCommand, address: string) => responseTo(request, 5, address);
    const answer = await firstFrameAfter({ onRequest }, requestOf(307, 77));
    expect(answer).toMatchObject({ code: 5, opaque: 77, flag: 1 });
    expect(answer.remark).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('are not answered when they are one-way', async () => {
    const onRequest = async (request: RemotingCommand) => responseTo(request, request.code);
    const answer = await firstFrameAfter({ onRequest }, { ...requestOf(40, 77), flag: 2 }, requestOf(41, 78));
    expect(answer).toMatchObject({ code: 41, opaque: 78 });
  });

  test('that nobody handles are answered 3, those whose handler fails 1', async () => {
    expect(await firstFrameAfter({}, requestOf(307, 77))).toMatchObject({ code: 3, opaque: 77 });
    const onRequest = () => Promise.reject(new Error('no'));
    expect(await firstFrameAfter({ onRequest }, requestOf(307, 77))).toMatchObject({ code: 1, opaque: 77 });
  });
});
