/** What clients must not be able to do to a broker, over real sockets; after each, another client is served as before. */
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { encodeFrame, requestOf } from '../../src/remoting/frame-codec.ts';
import type { BrokerNode } from '../../src/threads/broker-node.ts';
import { temporaryFolder } from '../support/folders.ts';
import { withoutMember } from '../support/json-frames.ts';
import { closedByPeer, rawClient } from '../support/sockets.ts';
import { type LogLine, NodeClient, startNode, until } from './node-client.ts';
import { sendFrame } from './test-net.ts';

const TOPIC = 'Orders';
const MIB = 1024 * 1024;

let node: BrokerNode;
let good: NodeClient;
const lines: LogLine[] = [];

beforeAll(async () => {
  node = await startNode(`${temporaryFolder('bad')}/store`, { mappedFileSizeCommitLog: 16 * MIB }, lines);
  good = new NodeClient(node);
});
afterAll(async () => {
  expect(node.stats().failure).toBeNull();
  good.close();
  await node.close();
});

/** The other client: its sends are stored, each behind the one before. */
let served = 0;
async function expectServed(): Promise<void> {
  const answer = await good.send({ topic: TOPIC, body: `served ${served}` });
  expect([answer.code, answer.extFields!.get('queueOffset')]).toEqual([0, String(served++)]);
}

/** Says something that no frame begins with, and sees the connection closed. */
async function expectClosed(bytes: Uint8Array): Promise<void> {
  const before = lines.length;
  const socket = await rawClient(node.port);
  const closed = closedByPeer(socket);
  socket.write(bytes);
  await closed;
  await until(() => lines.length > before, 'a log line');
  await expectServed();
  const about = lines.slice(before).filter(({ message }) => message.includes('connection of'));
  expect(about.map(({ message }) => message.replace(/^connection of \S+ closed: /, ''))).toEqual([
    expect.stringMatching(/^bad frame/),
  ]);
}

function frameOf(header: Uint8Array, headerLength = header.length): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + header.length, 0);
  head.writeInt32BE(headerLength, 4);
  return Buffer.concat([head, header]);
}

describe('what is no frame ends its connection with one line', () => {
  it.each<[string, Buffer]>([
    ['a negative length', Buffer.from('ffffffff00000000', 'hex')],
    ['a length of 0', Buffer.from('0000000000000000', 'hex')],
    ['a length of 2 GiB', Buffer.from('7fffffff00000000', 'hex')],
    ['a header longer than its frame', frameOf(Buffer.from('{}'), 255)],
    ['a serialization that nobody knows', frameOf(Buffer.from('{}'), 0x02000002)],
    ['JSON that is cut off', frameOf(Buffer.from('{"code":310,"extFields":{"a":"'))],
    ['a JSON header that is no object', frameOf(Buffer.from('[1,2]'))],
    ['a binary header that is cut off', frameOf(Buffer.from('0136000001df00000001', 'hex'), 0x0100000a)],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ])('%s', (_, bytes) => expectClosed(bytes));

  it('random bytes, by whatever seed', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      // The first byte makes the length impossible, so that nobody waits for the rest of a frame.
      const bytes = Buffer.from(
        Array.from({ length: 1 + random.below(2000) }, (_, i) => (i < 4 ? 0x80 : random.below(256))),
      );
      await expectClosed(Buffer.concat([bytes, Buffer.alloc(4)]));
    }
  });
});

describe('a frame with a mistake in it does not stop the broker', () => {
  it('whatever bytes of a send are changed', async () => {
    const random = seededRandom(7);
    for (let round = 0; round < 40; round++) {
      const socket = await rawClient(node.port);
      socket.on('error', () => {});
      socket.resume();
      for (let i = 0; i < 25; i++) {
        const frame = Buffer.from(
          sendFrame({ topic: `Bad${i % 3}`, serializeType: i % 2 === 0 ? 0 : 1, oneWay: i % 5 === 0 }),
        );
        for (let changes = 1 + random.below(4); changes > 0; changes--)
          frame[8 + random.below(frame.length - 8)] = random.below(256);
        socket.write(frame);
      }
      socket.end();
      await new Promise((resolve) => socket.once('close', resolve));
    }
    await expectServed();
    expect(node.stats().failure).toBeNull();
  });
});

describe('a send without an opaque', () => {
  it('is stored, and those that look like it', async () => {
    const store = `${temporaryFolder('fresh')}/store`;
    const fresh = await startNode(store, { mappedFileSizeCommitLog: 16 * MIB });
    const socket = await rawClient(fresh.port);
    socket.resume();
    const usual = Buffer.from(sendFrame({ topic: 'NoOpaque', queueId: 0 }));
    const frame = withoutMember(usual, 'opaque');
    // The first that its net thread reads, and after others.
    socket.write(Buffer.concat([frame, frame, usual, usual, frame]));
    await until(() => fresh.stats().counters.dispatchedRecords === 5, 'five messages');
    expect(fresh.stats().failure).toBeNull();
    socket.destroy();
    await fresh.close();
  });
});

describe('what is refused is answered, and the connection goes on', () => {
  it('with its codes', async () => {
    const answers = [
      await good.invoke(requestOf(9999, 0)),
      await good.send({ topic: TOPIC, body: Buffer.alloc(4 * MIB + 1) }),
      await good.send({ topic: 'no such name!' }),
      await good.send({ topic: TOPIC, queueId: 99 }),
      await good.send({ topic: 'Nobody', defaultTopic: 'Nobody' }),
      await good.send({ topic: TOPIC, batch: true, body: 'no batch' }),
      await good.invoke(requestOf(310, 0, new Map([['a', 'PG']]), Buffer.from('x'))),
      await good.invoke(requestOf(11, 0, new Map([['topic', TOPIC]]))),
    ];
    expect(answers.map(({ code }) => code)).toEqual([3, 13, 29, 29, 17, 13, 1, 1]);
    await expectServed();
  });
});

describe('connections that hold something back', () => {
  it('200 of them that promise 15 MiB each cost what they sent, and serve nobody worse', async () => {
    // On this thread, so that its memory can be seen: pages that were reserved and never touched do not show in the process's.
    const inline = await startNode(`${temporaryFolder('half')}/store`, { placement: 'inline' });
    const other = new NodeClient(inline);
    const sends = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) expect((await other.send({ topic: TOPIC })).code).toBe(0);
    };
    await sends();
    const before = process.memoryUsage().arrayBuffers;
    const part = Buffer.alloc(50_000);
    part.writeInt32BE(15 * MIB);
    const sockets = await Promise.all(Array.from({ length: 200 }, () => rawClient(inline.port)));
    for (const socket of sockets) {
      socket.on('error', () => {});
      await new Promise((resolve) => socket.write(part, resolve));
    }
    await sends();
    // They have sent 10 MB, which lies here in a chunk and gathered until the next collection. What they promise is 3000 MiB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * MIB);
    for (const socket of sockets) socket.destroy();
    await sends();
    other.close();
    await inline.close();
  });

  it('one that promises 16 MiB and sends a byte at a time', async () => {
    const socket = await rawClient(node.port);
    socket.write(Buffer.from('00fffff8', 'hex'));
    for (let i = 0; i < 50; i++) {
      socket.write(Buffer.from([0]));
      if (i % 10 === 0) await expectServed();
    }
    socket.destroy();
  });

  it('one that asks all the time and never reads', async () => {
    const rssBefore = process.memoryUsage().rss;
    const socket = await rawClient(node.port);
    socket.on('error', () => {});
    socket.pause();
    // A request with a long answer: all topics.
    const request = Buffer.concat(Array.from({ length: 100 }, () => encodeFrame(requestOf(21, 1))));
    const isHeldUp = await askUntilHeldUp(socket, request, 4000);
    expect(isHeldUp).toBe(true);
    await servedFor(10);
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(200 * MIB);
    socket.destroy();
    await servedFor(1);
  });
});

/** Writes the request again and again; true when the other side has stopped reading, which is how it defends itself. */
async function askUntilHeldUp(socket: Socket, request: Buffer, times: number): Promise<boolean> {
  for (let i = 0; i < times; i++) {
    if (socket.write(request)) continue;
    const isDrained = await Promise.race([
      new Promise<boolean>((resolve) => socket.once('drain', () => resolve(true))),
      servedFor(50).then(() => false),
    ]);
    if (!isDrained) return true;
  }
  return false;
}

/** Time as the broker's other clients feel it: so many sends, one after the other, and a request that control answers. */
async function servedFor(sends: number): Promise<void> {
  for (let i = 0; i < sends; i++) await expectServed();
  expect(await good.maxOffset(TOPIC, 0)).toBeGreaterThan(0);
}
