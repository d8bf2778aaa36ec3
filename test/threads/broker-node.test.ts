import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PLACEMENTS } from '../../src/broker/broker-settings.ts';
import { encodeBatch } from '../../src/layout/batch-item.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import { FrameFlag } from '../../src/remoting/command.ts';
import { encodeFrame, requestOf } from '../../src/remoting/frame-codec.ts';
import { FailureCode } from '../../src/threads/agent.ts';
import { Child } from '../support/child.ts';
import { temporaryFolder } from '../support/folders.ts';
import { repository } from '../support/paths.ts';
import { closedByPeer, rawClient } from '../support/sockets.ts';
import { type LogLine, NodeClient, startNode, until } from './node-client.ts';
import { sendFrame } from './test-net.ts';

const TOPIC = 'Orders';
const QUEUES = 4;
const FILED_AT_ONCE = 64;
const DEADLINE_MS = 15_000;
const SEGMENT = 512 * 1024;

/** Sends `count` messages over all queues, some as batches, 50 at a time. Returns bodies by queue and offset. */
async function sendMany(client: NodeClient, count: number, first = 0): Promise<string[][]> {
  const stored: string[][] = Array.from({ length: QUEUES }, () => []);
  const sendOne = async (number: number): Promise<void> => {
    const bodies = number % 5 === 0 ? [`${number}a`, `${number}b`] : [`${number}`.padEnd((number * 31) % 3000, '.')];
    const items = bodies.map((body) => ({ flag: 0, body: Buffer.from(body), properties: new Uint8Array(0) }));
    const isBatch = bodies.length > 1;
    const fields = { topic: TOPIC, queueId: number % QUEUES, batch: isBatch, code: isBatch ? 320 : 310 };
    const answer = await client.send({ ...fields, body: isBatch ? encodeBatch(items) : bodies[0]! });
    expect(answer.code).toBe(0);
    const offset = Number(answer.extFields!.get('queueOffset'));
    for (const [at, body] of bodies.entries()) stored[number % QUEUES]![offset + at] = body;
  };
  for (let number = first; number < first + count; number += 50) {
    const numbers = Array.from({ length: Math.min(50, first + count - number) }, (_, i) => number + i);
    await Promise.all(numbers.map(sendOne));
  }
  return stored;
}

/** A broker that has read messages from its disk and whose dispatch is about to fail, and the end of a connection to it. */
async function failingNode(placement: (typeof PLACEMENTS)[number]) {
  const store = `${temporaryFolder('node')}/store`;
  mkdirSync(`${store}/consumequeue`, { recursive: true });
  const node = await startNode(store, { placement, accessMessageInMemoryMaxRatio: 0 });
  const client = new NodeClient(node);
  await client.send({ topic: 'Read', queueId: 0, body: 'a' });
  await until(async () => (await client.pullAll('Read', 0)).length === 1, 'the message');
  client.close();
  expect(node.stats().counters.coldReads).toBeGreaterThan(0);
  // A file where dispatch needs a folder: an error of the disk that is no full disk.
  writeFileSync(`${store}/consumequeue/${TOPIC}`, '');
  const socket = await rawClient(node.port);
  const closed = closedByPeer(socket);
  // So many entries of one queue are filed at once, and not with the next round.
  for (let i = 0; i < FILED_AT_ONCE; i++) socket.write(sendFrame({ topic: TOPIC, queueId: 0 }));
  return { store, node, closed };
}

async function pullEverything(client: NodeClient): Promise<string[][]> {
  return Promise.all(Array.from({ length: QUEUES }, (_, queueId) => client.pullAll(TOPIC, queueId)));
}

/** Consumers see a message a moment after its sender has its answer. */
async function untilVisible(client: NodeClient, stored: string[][]): Promise<void> {
  for (const [queueId, bodies] of stored.entries()) {
    await until(async () => (await client.maxOffset(TOPIC, queueId)) >= bodies.length, `queue ${queueId}`);
  }
}

/** Files of this process in a folder. */
function openUnder(folder: string): string[] {
  const paths: string[] = [];
  for (const descriptor of readdirSync('/proc/self/fd')) {
    // The descriptor of this very look is gone already.
    if (existsSync(`/proc/self/fd/${descriptor}`)) paths.push(readlinkSync(`/proc/self/fd/${descriptor}`));
  }
  return paths.filter((path) => path.startsWith(folder));
}

describe.each(PLACEMENTS)('a whole broker, placement %s', (placement) => {
  it('gives out what it was sent, over two segments, and after a restart goes on where it was', async () => {
    const store = `${temporaryFolder('node')}/store`;
    const first = await startNode(store, { placement, mappedFileSizeCommitLog: SEGMENT });
    let client = new NodeClient(first);
    const stored = await sendMany(client, 600);
    await untilVisible(client, stored);
    expect(await pullEverything(client)).toEqual(stored);
    const { written } = first.stats().watermarks;
    expect(written).toBeGreaterThan(SEGMENT);
    // Queues show what they have got before dispatch says how far it is.
    await until(() => first.stats().watermarks.dispatched === written, 'dispatch');
    expect(first.stats().failure).toBeNull();
    client.close();
    await first.close();
    expect(await first.ended).toBeNull();

    const lines: LogLine[] = [];
    const second = await startNode(
      store,
      { placement, flushDiskType: 'SYNC_FLUSH', mappedFileSizeCommitLog: SEGMENT },
      lines,
    );
    expect(lines.some(({ message }) => message.includes('stopped cleanly'))).toBe(true);
    client = new NodeClient(second);
    const more = await sendMany(client, 100, 600);
    for (const [queueId, bodies] of more.entries()) {
      for (const [offset, body] of bodies.entries()) if (body !== undefined) stored[queueId]![offset] = body;
    }
    // Under sync flush a message is visible when its answer says flushed, or a moment later.
    await untilVisible(client, stored);
    expect(await pullEverything(client)).toEqual(stored);
    expect(second.stats().watermarks.flushed).toBe(second.stats().watermarks.written);
    expect(second.stats().counters.syncs).toBeGreaterThan(0);
    client.close();
    await second.close();
  });

  it('has the offsets that came with the last pulls before a stop', async () => {
    const store = `${temporaryFolder('node')}/store`;
    const first = await startNode(store, { placement });
    let client = new NodeClient(first);
    const stored = await sendMany(client, 40);
    await untilVisible(client, stored);
    const pulls = stored.map((_, queueId) => client.pull(TOPIC, queueId, 0, queueId + 1));
    for (const { code } of await Promise.all(pulls)) expect(code).toBe(0);
    await first.close();
    client.close();
    const second = await startNode(store, { placement });
    client = new NodeClient(second);
    const committed = stored.map((_, queueId) => client.committed('G', TOPIC, queueId));
    expect(await Promise.all(committed)).toEqual([1, 2, 3, 4]);
    client.close();
    await second.close();
  });

  it('stops answering when one of its threads fails', async () => {
    const { node, closed } = await failingNode(placement);
    expect(await node.ended).toMatchObject({ code: FailureCode.disk });
    expect(node.stats().failure).toMatchObject({ code: FailureCode.disk });
    await closed;
    await expect(rawClient(node.port)).rejects.toThrow('ECONNREFUSED');
    // Closing a broker that has failed changes nothing, and ends.
    await node.close();
  });

  it('stops when another broker has opened its store, and leaves the sign of the other', async () => {
    const store = `${temporaryFolder('node')}/store`;
    const node = await startNode(store, { placement });
    writeFileSync(`${store}/abort`, '1');
    expect(await node.ended).toMatchObject({ code: FailureCode.taken });
    await node.close().catch((cause: Error) => expect(cause.message).toContain('process 1 has opened the store'));
    expect(readFileSync(`${store}/abort`, 'utf8')).toBe('1');
  });

  it('that has failed has given its store up when its close is over, and keeps no file of it open', async () => {
    const { store, node, closed } = await failingNode(placement);
    await until(() => node.stats().failure !== null, 'the failure');
    // It says why when it comes before the failure is known here.
    await node.close().catch((cause: Error) => expect(cause.message).toContain(TOPIC));
    expect(readdirSync(store).filter((name) => name.startsWith('lock.'))).toEqual([]);
    await closed;
    rmSync(`${store}/consumequeue/${TOPIC}`);
    const again = await startNode(store, { placement });
    await again.close();
    await until(() => openUnder(store).length === 0, 'the end of the failed one’s files');
  });
});

describe('a broker that is told a name for its address', () => {
  it('stores messages with the address that the name stands for', async () => {
    const options = { brokerIP1: 'localhost', bindAddress: '0.0.0.0' };
    const node = await startNode(`${temporaryFolder('named')}/store`, options);
    const client = new NodeClient(node);
    const { extFields } = await client.send({ topic: 'Named' });
    expect(extFields!.get('msgId')).toMatch(/^7F000001/);
    const stored = await sendMany(client, 20);
    await untilVisible(client, stored);
    expect(await pullEverything(client)).toEqual(stored);
    expect(node.stats().failure).toBeNull();
    client.close();
    await node.close();
  });

  it('does not start with one that nobody knows, and says which; its store is free', async () => {
    const store = `${temporaryFolder('named')}/store`;
    // A label of 64 characters is none, which every machine says at once, whatever its network.
    const brokerIP1 = `${'x'.repeat(64)}.invalid`;
    await expect(startNode(store, { brokerIP1 })).rejects.toThrow(
      `brokerIP1 is ${brokerIP1}, no address and no name that this machine knows`,
    );
    const node = await startNode(store);
    await node.close();
  });
});

describe('a client that pulls for many new groups', () => {
  it('is answered every time, and may ask control again', async () => {
    const node = await startNode(`${temporaryFolder('node')}/store`, { placement: 'compact' });
    const client = new NodeClient(node);
    await client.send({ topic: TOPIC, queueId: 0, body: 'a' });
    const pulls = Array.from({ length: 200 }, (_, i) => client.pull(TOPIC, 0, 0, -1, `G${i}`));
    const codes = (await Promise.all(pulls)).map(({ code }) => code);
    expect(codes.filter((code) => code !== 0 && code !== 19)).toEqual([]);
    expect(await client.maxOffset(TOPIC, 0)).toBe(1);
    client.close();
    await node.close();
  });
});

describe('a client that pulls for a new group and commits a later offset at once', () => {
  it('has committed the later one', async () => {
    const node = await startNode(`${temporaryFolder('node')}/store`);
    const client = new NodeClient(node);
    await client.send({ topic: TOPIC, queueId: 0, body: 'a' });
    const groups = Array.from({ length: 5 }, (_, i) => `G${i}`);
    for (const group of groups) {
      const pull = client.pull(TOPIC, 0, 0, 10, group);
      const fields = { consumerGroup: group, topic: TOPIC, queueId: '0', commitOffset: '20' };
      const commit = requestOf(RequestCode.UPDATE_CONSUMER_OFFSET, 0, new Map(Object.entries(fields)));
      await Promise.all([pull, client.invoke(commit)]);
    }
    const committed = groups.map((group) => client.committed(group, TOPIC, 0));
    expect(await Promise.all(committed)).toEqual(groups.map(() => 20));
    client.close();
    await node.close();
  });
});

describe('a broker whose process may open few files', () => {
  it('takes no more connections than leave it files for new queues, and serves those that it has', async () => {
    const script = `${repository}dist/test/threads/broker-until-killed.js`;
    const store = `${temporaryFolder('node')}/store`;
    const child = new Child('broker', 'sh', [
      '-c',
      `ulimit -n 240 && exec "$0" "$1" "$2"`,
      process.execPath,
      script,
      store,
    ]);
    const address = await child.line('where it listens', DEADLINE_MS, (line) =>
      line.startsWith('{') ? (JSON.parse(line) as { host: string; port: number }) : undefined,
    );
    const client = new NodeClient(address);
    // Has its connection before the crowd comes.
    expect((await client.send({ topic: TOPIC, queueId: 0, body: 'first' })).code).toBe(0);
    const crowd = await Promise.all(Array.from({ length: 400 }, () => rawClient(address.port)));
    let refused = 0;
    for (const socket of crowd) void closedByPeer(socket).then(() => refused++);
    await until(() => refused > 300, 'connections that are not taken');
    for (let queueId = 1; queueId < QUEUES; queueId++) {
      const sends = Array.from({ length: FILED_AT_ONCE }, () => client.send({ topic: TOPIC, queueId, body: 'new' }));
      for (const answer of await Promise.all(sends)) expect(answer.code).toBe(0);
      await until(async () => (await client.maxOffset(TOPIC, queueId)) === FILED_AT_ONCE, `queue ${queueId}`);
    }
    for (const socket of crowd) socket.destroy();
    client.close();
    child.signal('SIGTERM');
    await until(() => child.exit !== null, 'the end of the broker');
    expect(child.errors).toEqual([]);
  });
});

describe('a broker that has lost the end of a queue', () => {
  it.each([true, false])('lets no group be further than its queue, after a crash: %s', async (crashed) => {
    const store = `${temporaryFolder('node')}/store`;
    const first = await startNode(store);
    let client = new NodeClient(first);
    for (const body of ['a', 'b', 'c']) await client.send({ topic: TOPIC, queueId: 0, body });
    await until(async () => (await client.maxOffset(TOPIC, 0)) === 3, 'the messages');
    // As a group that had consumed what is no longer there.
    await client.pull(TOPIC, 0, 0, 10);
    await first.close();
    client.close();
    // Of no process.
    if (crashed) writeFileSync(`${store}/abort`, 'a crash');
    const second = await startNode(store);
    client = new NodeClient(second);
    expect(await client.committed('G', TOPIC, 0)).toBe(3);
    client.close();
    await second.close();
  });
});

describe('a consumer that stops', () => {
  it('has committed what it said last, however many queues it had', async () => {
    const node = await startNode(`${temporaryFolder('node')}/store`);
    const client = new NodeClient(node);
    await client.send({ topic: TOPIC, queueId: 0 });
    // Makes the group known.
    await client.pull(TOPIC, 0, 0);
    const queues = Array.from({ length: 1000 }, (_, queueId) => queueId);
    const commits = queues.map((queueId) => {
      const fields = { consumerGroup: 'G', topic: TOPIC, queueId: `${queueId}`, commitOffset: `${queueId + 1}` };
      const command = requestOf(RequestCode.UPDATE_CONSUMER_OFFSET, queueId, new Map(Object.entries(fields)));
      return encodeFrame({ ...command, flag: FrameFlag.oneWay });
    });
    const socket = await rawClient(node.port);
    // In one piece, and gone before a part of it is carried out.
    socket.end(Buffer.concat(commits));
    await until(async () => (await client.committed('G', TOPIC, 999)) === 1000, 'the last commit');
    const committed = queues.map((queueId) => client.committed('G', TOPIC, queueId));
    expect(await Promise.all(committed)).toEqual(queues.map((queueId) => queueId + 1));
    client.close();
    await node.close();
  });
});

describe('a broker that is killed', () => {
  it('has every message that it acknowledged where it said, after the next start', async () => {
    const store = `${temporaryFolder('node')}/store`;
    const script = `${repository}dist/test/threads/broker-until-killed.js`;
    const child = new Child('broker', process.execPath, [script, store]);
    const address = await child.line('where it listens', DEADLINE_MS, (line) =>
      line.startsWith('{') ? (JSON.parse(line) as { host: string; port: number }) : undefined,
    );
    const acknowledged: { readonly queueId: number; readonly offset: number; readonly body: string }[] = [];
    const client = new NodeClient(address);
    const send = async (lane: number): Promise<void> => {
      for (let number = 0; ; number++) {
        const body = `${lane}.${number}`.padEnd(10 + ((number * 97) % 2000), '.');
        const answer = await client.send({ topic: TOPIC, queueId: lane % QUEUES, body });
        expect(answer.code).toBe(0);
        acknowledged.push({ queueId: lane % QUEUES, offset: Number(answer.extFields!.get('queueOffset')), body });
      }
    };
    const lanes = Array.from({ length: 16 }, (_, lane) => send(lane).catch((cause: Error) => cause));
    await until(() => acknowledged.length > 2000, 'acknowledgements');
    child.signal('SIGKILL');
    for (const ended of await Promise.all(lanes)) expect(ended).toMatchObject({ name: 'RemotingClientError' });
    client.close();

    const lines: LogLine[] = [];
    const node = await startNode(store, { placement: 'compact' }, lines);
    expect(lines.some(({ message }) => message.includes('was not stopped cleanly'))).toBe(true);
    const again = new NodeClient(node);
    const found = await pullEverything(again);
    const lost = acknowledged.filter(({ queueId, offset, body }) => found[queueId]![offset] !== body);
    expect(lost).toEqual([]);
    again.close();
    await node.close();
  });
});
