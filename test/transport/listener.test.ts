/** Accepting: limits, idle peers, foreign protocols, close paths. Real sockets on loopback. */
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { every } from '../../src/base/clock.ts';
import { connect } from '../../src/transport/connect.ts';
import { type Listener, type ListenOptions, listen } from '../../src/transport/listener.ts';
import { isReusePortSupported } from '../../src/transport/reuse-port.ts';
import { closedByPeer, EventRecorder, rawClient } from '../support/sockets.ts';

const clients: Socket[] = [];
const listeners: Listener[] = [];
let server: EventRecorder;
let lines: string[];

beforeEach(() => {
  server = new EventRecorder();
  lines = [];
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

async function start(options: Partial<ListenOptions> = {}): Promise<Listener> {
  let id = 0;
  const log = (line: string): void => {
    lines.push(line);
  };
  const listener = await listen({ port: 0, nextConnectionId: () => ++id, events: server, log, ...options });
  listeners.push(listener);
  return listener;
}

async function client(listener: Listener): Promise<Socket> {
  const socket = await rawClient(listener.port, listener.host);
  clients.push(socket);
  return socket;
}

describe('a connection', () => {
  test('knows both ends, and is bound to loopback unless said otherwise', async () => {
    const listener = await start();
    const socket = await client(listener);
    await server.until(() => server.connections.length === 1);
    const [connection] = server.connections;
    expect(listener.host).toBe('127.0.0.1');
    expect(connection).toMatchObject({ id: 1, remoteAddress: '127.0.0.1', remotePort: socket.localPort });
    expect(connection).toMatchObject({ localAddress: '127.0.0.1', localPort: listener.port });
    const port = Buffer.alloc(4);
    port.writeInt32BE(socket.localPort!);
    expect([...connection!.remoteHost]).toEqual([127, 0, 0, 1, ...port]);
  });

  test('an IPv4 peer of a dual-stack listener is IPv4, an IPv6 peer has 20 bytes', async () => {
    const listener = await start({ host: '::' });
    clients.push(await rawClient(listener.port, '127.0.0.1'));
    await server.until(() => server.connections.length === 1);
    expect(server.connections[0]!.remoteAddress).toBe('127.0.0.1');
    expect(server.connections[0]!.remoteHost).toHaveLength(8);
    clients.push(await rawClient(listener.port, '::1'));
    await server.until(() => server.connections.length === 2);
    expect(server.connections[1]!.remoteAddress).toBe('::1');
    expect(server.connections[1]!.remoteHost).toHaveLength(20);
  });

  test('that is ended has all its answers before the end, whatever it still says', async () => {
    const listener = await start();
    const socket = await client(listener);
    await server.until(() => server.connections.length === 1);
    const [connection] = server.connections;
    connection!.pause();
    // Unread by the listener's side: closing over it would reset the connection.
    socket.write(Buffer.alloc(256 * 1024));
    let received = 0;
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    connection!.write(Buffer.alloc(4 * 1024 * 1024));
    const ended = new Promise<void>((resolve) => socket.once('end', resolve));
    await listener.end('enough', 10_000);
    await ended;
    expect(received).toBe(4 * 1024 * 1024);
    expect(server.receivedBytes).toBe(0);
    expect(server.closes.map(({ reason }) => reason)).toEqual(['enough']);
  });

  test('whose peer does not go is dropped when patience has ended', async () => {
    const listener = await start();
    const socket = await client(listener);
    socket.pause();
    await server.until(() => server.connections.length === 1);
    await listener.end('enough', 20);
    expect(server.closes.map(({ reason }) => reason)).toEqual(['enough']);
  });

  test('closes with the reason of its owner, once, and delivers nothing after it', async () => {
    const listener = await start();
    const socket = await client(listener);
    server.onChunk = (connection) => {
      connection.close('enough');
      connection.close('again');
    };
    socket.write('one');
    socket.write('two');
    await closedByPeer(socket);
    await server.until(() => server.closes.length > 0);
    expect(server.closes.map(({ reason }) => reason)).toEqual(['enough']);
    expect(server.chunks).toHaveLength(1);
    expect(listener.connections).toBe(0);
  });

  test('closed by the peer, in order and by reset', async () => {
    const listener = await start();
    (await client(listener)).end();
    await server.until(() => server.closes.length === 1);
    (await client(listener)).resetAndDestroy();
    await server.until(() => server.closes.length === 2);
    expect(server.closes.map(({ reason }) => reason)).toEqual(['closed by the peer', 'connection failed: ECONNRESET']);
  });

  test('what is written before close still arrives', async () => {
    const listener = await start();
    const socket = await client(listener);
    const got: Buffer[] = [];
    socket.on('data', (bytes) => got.push(bytes));
    server.onChunk = (connection) => {
      connection.write(Buffer.from('last words'));
      connection.close('done');
    };
    socket.write('bye');
    await closedByPeer(socket);
    expect(Buffer.concat(got).toString()).toBe('last words');
  });
});

describe('limits', () => {
  test('200 peers that say nothing are gone after the idle time, and nothing is kept of them', async () => {
    const listener = await start({ idleMs: 100 });
    const silent = await Promise.all(Array.from({ length: 200 }, () => client(listener)));
    await Promise.all(silent.map(closedByPeer));
    await server.until(() => server.closes.length === 200);
    expect(new Set(server.closes.map(({ reason }) => reason))).toEqual(new Set(['idle for 100 ms']));
    expect(listener.connections).toBe(0);
  });

  test('a peer that trickles and never finishes a frame is closed, one that finished its first is not', async () => {
    const listener = await start({ idleMs: 10_000, firstFrameMs: 120 });
    const trickling = await client(listener);
    const served = await client(listener);
    // A frame of 8 bytes in two pieces, the first shorter than the length field.
    served.write(Buffer.from([0, 0]));
    served.write(Buffer.from([0, 4, 0, 0, 0, 0]));
    server.onChunk = (connection) => connection.write(Buffer.from([1]));
    const trickle = (): void => {
      if (!trickling.destroyed) trickling.write(Buffer.from([0]));
    };
    // Each byte is answered, which asks for the next one: the connection is never idle.
    trickling.on('data', () => setImmediate(trickle));
    trickling.write(Buffer.from([0, 255, 255, 255]));
    await closedByPeer(trickling);
    await server.until(() => server.closes.length === 1);
    expect(server.closes[0]!.reason).toBe('no whole frame within 120 ms');
    expect(listener.connections).toBe(1);
  });

  test('a peer that talks is not idle, and neither is one that only listens', async () => {
    const listener = await start({ idleMs: 160 });
    const socket = await client(listener);
    let rounds = 0;
    socket.on('data', () => {
      rounds++;
    });
    const silent = await client(listener);
    await server.until(() => server.connections.length === 2);
    // Only the server writes to `socket`; the other connection is the clock that says that the idle time has passed.
    const writing = every(10, () => server.connections[0]!.write(Buffer.from([7])));
    await closedByPeer(silent);
    writing.stop();
    await server.until(() => server.closes.length === 1);
    expect(rounds).toBeGreaterThan(0);
    expect(listener.connections).toBe(1);
  });

  test('connections beyond the maximum are refused with one line, and served again when there is room', async () => {
    const listener = await start({ connectionsMax: 2 });
    const first = await client(listener);
    await client(listener);
    await server.until(() => server.connections.length === 2);
    await Promise.all([closedByPeer(await client(listener)), closedByPeer(await client(listener))]);
    expect(lines).toEqual([`port ${listener.port} refuses connections: 2 are open, which is the limit`]);
    first.destroy();
    await server.until(() => server.closes.length === 1);
    (await client(listener)).write('x');
    await server.until(() => server.chunks.length === 1);
  });
});

describe('foreign protocols', () => {
  const cases: [string, Buffer, string][] = [
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1]), 'TLS'],
    ['PROXY v1', Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'), 'PROXY'],
    ['PROXY v2', Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11'), 'PROXY'],
  ];
  test.each(cases)('%s is closed with a reason that names it, unseen by the owner', async (_name, bytes, named) => {
    const socket = await client(await start());
    socket.write(bytes);
    await closedByPeer(socket);
    await server.until(() => server.closes.length === 1);
    expect(server.closes[0]!.reason).toContain(named);
    expect(server.chunks).toHaveLength(0);
  });
});

describe('the port', () => {
  test('one that is taken rejects', async () => {
    const listener = await start();
    await expect(start({ port: listener.port })).rejects.toThrow('EADDRINUSE');
  });

  test('stopAccepting frees the port and lets connections live on', async () => {
    const listener = await start();
    const socket = await client(listener);
    await server.until(() => server.connections.length === 1);
    const gone = listener.stopAccepting();
    await expect(rawClient(listener.port)).rejects.toThrow('ECONNREFUSED');
    socket.write('still here');
    await server.until(() => server.chunks.length === 1);
    socket.end();
    await gone;
    expect(listener.connections).toBe(0);
  });

  test('close drops all connections and resolves after their events', async () => {
    const listener = await start();
    await Promise.all([client(listener), client(listener)]);
    await server.until(() => server.connections.length === 2);
    await listener.close('stopping');
    expect(server.closes.map(({ reason }) => reason)).toEqual(['stopping', 'stopping']);
  });

  test('reusePort follows the Node version', async () => {
    expect(['20.19.0', '22.11.0', '22.12.0', '23.0.0', '23.1.0', '24.0.0'].map((v) => isReusePortSupported(v))).toEqual(
      [false, false, true, false, true, true],
    );
    if (isReusePortSupported()) {
      const first = await start({ reusePort: true });
      await start({ reusePort: true, port: first.port });
    } else {
      await expect(start({ reusePort: true })).rejects.toThrow('22.12');
    }
  });
});

describe('connect', () => {
  test('a refused port and an endless attempt reject without events', async () => {
    const listener = await start();
    const { port } = listener;
    await listener.close();
    const events = new EventRecorder();
    await expect(connect({ host: '127.0.0.1', port, events })).rejects.toThrow('ECONNREFUSED');
    // TEST-NET-1 is routed nowhere: either the timeout or an unreachable network.
    await expect(connect({ host: '192.0.2.1', port, events, timeoutMs: 50 })).rejects.toThrow();
    expect(events.connections).toHaveLength(0);
    expect(events.closes).toHaveLength(0);
  });
});
