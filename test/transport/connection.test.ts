/** Bytes through a connection: many chunks, release of buffers, slow readers, pause and resume. Real sockets on loopback. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { connect } from '../../src/transport/connect.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { type Listener, listen } from '../../src/transport/listener.ts';
import { EventRecorder } from '../support/sockets.ts';

let listener: Listener;
let server: EventRecorder;
let client: EventRecorder;
let near: Connection;
let far: Connection;

beforeEach(async () => {
  server = new EventRecorder();
  client = new EventRecorder();
  let id = 0;
  listener = await listen({ port: 0, nextConnectionId: () => ++id, events: server });
  near = await connect({ host: '127.0.0.1', port: listener.port, events: client });
  await server.until(() => server.connections.length === 1);
  far = server.connections[0]!;
});

afterEach(async () => {
  near.close('test over');
  await listener.close();
});

test('writes of all sizes arrive whole and in order, and every buffer is released once', async () => {
  const random = seededRandom(7);
  const sent = createHash('sha1');
  let sentBytes = 0;
  let released = 0;
  const writes = 500;
  for (let i = 0; i < writes; i++) {
    const bytes = Buffer.alloc(1 + random.below(20_000), i);
    sent.update(bytes);
    sentBytes += bytes.length;
    near.write(bytes, () => {
      released++;
      // The owner uses the memory again; what the peer gets must not change.
      bytes.fill(0xff);
    });
  }
  await server.until(() => server.receivedBytes === sentBytes);
  const got = createHash('sha1');
  for (const chunk of server.chunks) got.update(chunk);
  expect(got.digest('hex')).toBe(sent.digest('hex'));
  expect(released).toBe(writes);
});

test('a reader that does not read: bytes pile up here and drain when it reads again', async () => {
  far.pause();
  let released = 0;
  const piece = Buffer.alloc(1024 * 1024);
  const pieces = 32;
  for (let i = 0; i < pieces; i++) near.write(piece, () => released++);
  expect(near.bufferedBytes).toBeGreaterThan(16 * piece.length);
  expect(released).toBeLessThan(pieces);
  expect(server.receivedBytes).toBe(0);
  far.resume();
  await Promise.all([
    client.until(() => client.drains === 1),
    server.until(() => server.receivedBytes === pieces * piece.length),
  ]);
  expect(near.bufferedBytes).toBe(0);
  expect(released).toBe(pieces);
});

test('a paused connection delivers nothing, and everything after resume', async () => {
  let resumed = false;
  server.onChunk = (connection) => {
    if (resumed) return;
    connection.pause();
    // Another round trip on a second connection gives a chunk the time to come if it would.
    void connect({ host: '127.0.0.1', port: listener.port, events: client }).then((second) => second.close('enough'));
  };
  const piece = Buffer.alloc(300_000, 1);
  near.write(piece);
  await server.until(() => server.closes.length === 1);
  expect(server.chunks).toHaveLength(1);
  expect(server.receivedBytes).toBeLessThan(piece.length);
  resumed = true;
  far.resume();
  await server.until(() => server.receivedBytes === piece.length);
});

test('close with bytes still waiting releases every buffer; a write after it is released at once and not sent', async () => {
  far.pause();
  let released = 0;
  const piece = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 32; i++) near.write(piece, () => released++);
  near.close('slow reader');
  near.write(piece, () => released++);
  await client.until(() => client.closes.length === 1);
  expect(client.closes[0]!.reason).toBe('slow reader');
  expect(released).toBe(33);
});

test('what had come but was held back is not delivered after close', async () => {
  far.pause();
  near.write(Buffer.from('held back'));
  // When the echo of a second connection is back, the bytes of the first are in this process.
  server.onChunk = (connection, bytes) => connection.write(bytes);
  const second = await connect({ host: '127.0.0.1', port: listener.port, events: client });
  second.write(Buffer.from('x'));
  await client.until(() => client.chunks.length === 1);
  far.resume();
  far.close('enough');
  await server.until(() => server.closes.length === 1);
  expect(server.chunks.map((bytes) => Buffer.from(bytes).toString())).toEqual(['x']);
  second.close('test over');
});

test('the peer goes away while bytes wait: released and closed, no error escapes', async () => {
  far.pause();
  let released = 0;
  for (let i = 0; i < 32; i++) near.write(Buffer.alloc(1024 * 1024), () => released++);
  far.close('gone');
  await client.until(() => client.closes.length === 1);
  expect(client.closes[0]!.reason).toMatch(/^connection failed: E(CONNRESET|PIPE)$/);
  expect(released).toBe(32);
});
