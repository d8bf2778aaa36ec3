/** Bad input to a server of frames: the right answer or a closed connection with one line, and the others go on. */
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { seededRandom } from '../../src/base/random.ts';
import { HeaderError, type RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame, encodeFrame, requestOf, responseTo } from '../../src/remoting/frame-codec.ts';
import { FrameReader } from '../../src/remoting/frame-reader.ts';
import type { Listener } from '../../src/transport/listener.ts';
import { serveRemoting } from '../../src/transport/remoting-server.ts';
import { closedByPeer, rawClient } from '../support/sockets.ts';

const ECHO = 1;
const FAIL = 2;
const HUGE = 3;
const SILENT = 4;

let listener: Listener;
let lines: string[];
let closes: string[];
const sockets: Socket[] = [];

beforeEach(async () => {
  lines = [];
  closes = [];
  listener = await serveRemoting({
    port: 0,
    log: (line) => lines.push(line),
    handler: {
      handle(request: RemotingCommand) {
        if (request.code === FAIL) throw new HeaderError('the field x is missing');
        if (request.code === SILENT) return null;
        if (request.code === HUGE) return responseTo(request, 0, null, null, new Uint8Array(17_000_000));
        return responseTo(request, 0, null, request.extFields, request.body);
      },
      closed: (_connection, reason) => closes.push(reason),
    },
  });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await listener.close();
});

/** A client that sends bytes and collects the frames that come back. */
class RawPeer {
  readonly frames: RemotingCommand[] = [];
  readonly socket: Socket;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    const reader = new FrameReader();
    const sink = {
      frame: (bytes: Uint8Array, start: number, end: number) => {
        this.frames.push(decodeFrame(bytes.slice(start, end), 0, end - start));
        this.#wake();
      },
    };
    socket.on('data', (bytes) => reader.push(bytes, sink));
  }

  static async connect(): Promise<RawPeer> {
    const socket = await rawClient(listener.port);
    sockets.push(socket);
    return new RawPeer(socket);
  }

  async framesUntil(count: number): Promise<RemotingCommand[]> {
    while (this.frames.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.frames;
  }
}

const echo = (opaque: number, body: Uint8Array | null = null) => encodeFrame(requestOf(ECHO, opaque, null, body));

describe('answers', () => {
  test('come for every frame of a chunk and for frames in single bytes', async () => {
    const peer = await RawPeer.connect();
    peer.socket.write(Buffer.concat([echo(1), echo(2, Buffer.from('two'))]));
    await peer.framesUntil(2);
    for (const byte of echo(3)) peer.socket.write(Buffer.from([byte]));
    expect((await peer.framesUntil(3)).map(({ opaque }) => opaque)).toEqual([1, 2, 3]);
  });

  test('a failing handler is answered 1 with its reason, an answer too large to send as well, and the connection goes on', async () => {
    const peer = await RawPeer.connect();
    peer.socket.write(Buffer.concat([encodeFrame(requestOf(FAIL, 1)), encodeFrame(requestOf(HUGE, 2)), echo(3)]));
    const [failed, huge, fine] = await peer.framesUntil(3);
    expect(failed).toMatchObject({ code: 1, opaque: 1, remark: 'the field x is missing' });
    expect(huge).toMatchObject({ code: 1, opaque: 2 });
    expect(fine).toMatchObject({ code: 0, opaque: 3 });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^request 2 of 127\.0\.0\.1:\d+ failed: the field x is missing$/);
  });

  test('one-way requests, stray answers and silent handlers get none, not even for a failure', async () => {
    const peer = await RawPeer.connect();
    const oneWay = { ...requestOf(FAIL, 1), flag: 2 };
    const stray = responseTo(requestOf(ECHO, 2), 0);
    peer.socket.write(
      Buffer.concat([encodeFrame(oneWay), encodeFrame(stray), encodeFrame(requestOf(SILENT, 3)), echo(4)]),
    );
    expect((await peer.framesUntil(1))[0]).toMatchObject({ opaque: 4 });
  });
});

describe('what is no frame closes its connection with one line, and only that', () => {
  const valid = Buffer.from(echo(1));
  const withInt = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(valid);
    bytes.writeInt32BE(value, at);
    return bytes;
  };
  test.each([
    ['a negative length', withInt(0, -1)],
    ['a length of 0', withInt(0, 0)],
    ['17 MB', withInt(0, 17 * 1024 * 1024)],
    ['a header longer than its frame', withInt(4, 0x00ffffff)],
    ['an unknown serialization', withInt(4, 0x07000001)],
    ['a header that is no JSON', Buffer.from(valid).fill(0x7b, 8)],
    ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['TLS', Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3])],
  ])('%s', async (_case, bytes) => {
    const other = await RawPeer.connect();
    const peer = await RawPeer.connect();
    peer.socket.write(bytes);
    await closedByPeer(peer.socket);
    other.socket.write(echo(9));
    await other.framesUntil(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^closed 127\.0\.0\.1:\d+: /);
    expect(closes).toHaveLength(1);
  });

  test('frames before the bad one in the same chunk are answered, those behind it are not', async () => {
    const peer = await RawPeer.connect();
    peer.socket.write(Buffer.concat([echo(1), Buffer.from('garbage!'), echo(2)]));
    await closedByPeer(peer.socket);
    expect(peer.frames.map(({ opaque }) => opaque)).toEqual([1]);
  });

  test('200 connections of random bytes', async () => {
    const random = seededRandom(20);
    const noise = Array.from({ length: 200 }, async () => {
      const peer = await RawPeer.connect();
      const bytes = Buffer.from(Array.from({ length: 64 }, () => random.below(256)));
      // Never a plausible length, or the server would rightly wait for the rest.
      bytes[0] = 2 + random.below(200);
      peer.socket.write(bytes);
      await closedByPeer(peer.socket);
    });
    await Promise.all(noise);
    const peer = await RawPeer.connect();
    peer.socket.write(echo(1));
    await peer.framesUntil(1);
    expect(listener.connections).toBe(1);
    expect(lines).toHaveLength(200);
  });
});

test('a peer that leaves in order is no news', async () => {
  const peer = await RawPeer.connect();
  peer.socket.end();
  await closedByPeer(peer.socket);
  // The server has seen it when a later connection has been served.
  const other = await RawPeer.connect();
  other.socket.write(echo(1));
  await other.framesUntil(1);
  expect(lines).toEqual([]);
  expect(closes).toEqual(['closed by the peer']);
});

test('a peer that does not read its answers is not read from, and gets them all in the end', async () => {
  const peer = await RawPeer.connect();
  peer.socket.pause();
  const requests = 200;
  const body = Buffer.alloc(200_000, 1);
  for (let opaque = 0; opaque < requests; opaque++) peer.socket.write(echo(opaque, body));
  const other = await RawPeer.connect();
  // Round trips on another connection, until 50 of them have changed nothing.
  let unread = -1;
  for (let round = 1, still = 0; still < 50; round++) {
    other.socket.write(echo(round));
    await other.framesUntil(round);
    still = peer.socket.writableLength === unread ? still + 1 : 0;
    unread = peer.socket.writableLength;
  }
  // 40 MB were sent; most of them have to be still on this side.
  expect(peer.socket.writableLength).toBeGreaterThan(requests * body.length * 0.5);
  peer.socket.resume();
  expect(await peer.framesUntil(requests)).toHaveLength(requests);
});

test('a broken invariant is not answered: it goes up to whoever can stop the process', async () => {
  const broken = await serveRemoting({
    port: 0,
    handler: {
      handle() {
        throw new InvariantError('for the test');
      },
    },
  });
  const caught = new Promise<unknown>((resolve) => {
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => {
      for (const each of listeners) process.on('uncaughtException', each);
      resolve(error);
    });
  });
  const socket = await rawClient(broken.port);
  sockets.push(socket);
  socket.write(echo(1));
  expect(await caught).toBeInstanceOf(InvariantError);
  await broken.close();
});
