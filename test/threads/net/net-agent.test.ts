import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FromControl, ToControl } from '../../../src/broker/control-protocol.ts';
import type { PullMessages } from '../../../src/broker/pull-message.ts';
import type { RemotingCommand } from '../../../src/remoting/command.ts';
import { encodeFrame, requestOf } from '../../../src/remoting/frame-codec.ts';
import { DeletedFiles } from '../../../src/threads/deleted-files.ts';
import { CommitBatch } from '../../../src/threads/net/commit-batch.ts';
import { ControlLink } from '../../../src/threads/net/control-link.ts';
import { NetAgent } from '../../../src/threads/net/net-agent.ts';
import { NetRequests } from '../../../src/threads/net/net-requests.ts';
import type { Connection } from '../../../src/transport/connection.ts';
import { DataPath } from '../data-path.ts';
import { CLIENT_HOST, SendReply, sendFrame } from '../test-net.ts';

/** A socket that takes what it is given when the test says so. */
class TestConnection implements Connection {
  readonly id: number;
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 51310;
  readonly localAddress = '127.0.0.1';
  readonly localPort = 10911;
  readonly remoteHost = CLIENT_HOST;
  bufferedBytes = 0;
  isStuck = false;
  isPaused = false;
  closedFor = '';
  writes = 0;
  readonly #reply = new SendReply();

  constructor(id: number) {
    this.id = id;
  }

  write(bytes: Uint8Array, released?: () => void): void {
    this.writes++;
    if (this.isStuck) this.bufferedBytes += bytes.length;
    this.#reply.frame(bytes);
    released?.();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(reason: string): void {
    this.closedFor ||= reason;
  }

  close(reason: string): void {
    this.closedFor ||= reason;
  }

  answers(): RemotingCommand[] {
    return this.#reply.answers.splice(0);
  }
}

let path: DataPath;
let agent: NetAgent;
let commits: CommitBatch;
let controlEnd: MessagePort;
let lines: string[];
let drained: number[];

beforeEach(() => {
  path = new DataPath({ ringBytes: 1024 * 1024, slots: 4096, segmentBytes: 8 * 1024 * 1024 });
  const { port1, port2 } = new MessageChannel();
  controlEnd = port2;
  lines = [];
  drained = [];
  const control = new ControlLink(port1);
  commits = new CommitBatch((commit) => control.send(commit));
  const pulls = {
    parked: 0,
    owed: 0,
    expire: () => 0,
    closed: () => {},
    drained: (id: number) => drained.push(id),
  } as unknown as PullMessages;
  const { ends, sends, pending, tables } = path.net;
  const { clock, settings } = path;
  const requests = new NetRequests({ settings, sends, pulls, control, commits, page: ends.page, clock });
  agent = new NetAgent({
    ends,
    clock,
    tables,
    requests,
    pending,
    pulls,
    commits,
    control,
    deleted: new DeletedFiles(ends, { dropBelow: () => {} }, { close: () => {} }),
    log: (line) => lines.push(line),
    wake: () => {},
  });
});
afterEach(() => agent.close());

function connect(id = 1): TestConnection {
  const connection = new TestConnection(id);
  agent.opened(connection);
  return connection;
}

function turn(): void {
  agent.doWork();
  path.write();
  agent.doWork();
}

function toControl(): ToControl[] {
  const messages: ToControl[] = [];
  for (let entry = receiveMessageOnPort(controlEnd); entry; entry = receiveMessageOnPort(controlEnd)) {
    messages.push(...(entry.message as ToControl[]));
  }
  return messages;
}

const frames = (count: number, first = 0): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => sendFrame({ opaque: first + i })));

describe('sends', () => {
  it('are given to append with their chunk, before the turn in which they are answered', () => {
    const client = connect();
    agent.chunk(client, frames(3));
    path.write();
    turn();
    expect(path.records()).toHaveLength(3);
    expect(client.answers()).toHaveLength(3);
    agent.chunk(client, frames(2, 3));
    path.write();
    expect(path.records()).toHaveLength(5);
  });
});

describe('answers', () => {
  it('of one turn go to each connection in one write', () => {
    const [one, two] = [connect(1), connect(2)];
    agent.chunk(one, frames(20));
    agent.chunk(two, frames(5, 100));
    turn();
    expect(one.writes).toBe(1);
    expect(one.answers().map(({ opaque }) => opaque)).toEqual([...Array(20).keys()]);
    expect(two.answers().map(({ opaque }) => opaque)).toEqual([100, 101, 102, 103, 104]);
  });

  it('that are more than the largest slab holds arrive all the same', () => {
    const client = connect();
    agent.chunk(client, frames(3000));
    turn();
    for (let turns = 0; turns < 10; turns++) turn();
    expect(client.writes).toBeGreaterThan(2);
    expect(client.answers().map(({ opaque }) => opaque)).toEqual([...Array(3000).keys()]);
  });

  it('of control go to their connection, unless that has gone', () => {
    const client = connect(7);
    const answer = encodeFrame({ ...requestOf(0, 5), flag: 1 });
    const from = (connectionId: number): FromControl => ({ kind: 'frame', connectionId, frame: answer });
    agent.receive(from(7));
    agent.receive(from(8));
    agent.doWork();
    expect(client.answers().map(({ opaque }) => opaque)).toEqual([5]);
  });
});

describe('a broker that has failed', () => {
  it('answers nothing any more and ends all connections, whatever is on the way', () => {
    const client = connect();
    // More answers than one slab holds.
    agent.chunk(client, frames(3000));
    agent.doWork();
    path.write();
    path.status.fail(3, 2);
    agent.doWork();
    agent.doWork();
    expect(client.answers()).toEqual([]);
    expect(client.closedFor).toBe('the broker has failed');
    expect(connect(2).closedFor).toBe('the broker has failed');
  });

  it('has no work left that would keep its thread busy', () => {
    const client = connect();
    agent.chunk(client, frames(10));
    agent.doWork();
    path.write();
    path.status.fail(3, 2);
    agent.doWork();
    expect(agent.hasWork()).toBe(false);
  });
});

describe('a broker that stops', () => {
  const control = encodeFrame(requestOf(34, 50));

  it('takes no more requests, from those that come now neither', () => {
    const client = connect(1);
    expect(client.isPaused).toBe(false);
    agent.stopReading();
    agent.drained(client);
    expect([client.isPaused, connect(2).isPaused]).toEqual([true, true]);
  });

  it('owes the answers to what it has taken, until the kernel has them', () => {
    const client = connect();
    expect(agent.isOwing).toBe(false);
    agent.chunk(client, frames(2));
    agent.stopReading();
    expect(agent.isOwing).toBe(true);
    path.write();
    client.isStuck = true;
    agent.doWork();
    path.write();
    agent.doWork();
    expect(client.answers()).toHaveLength(2);
    expect(agent.isOwing).toBe(true);
    client.bufferedBytes = 0;
    expect(agent.isOwing).toBe(false);
  });

  it('owes what waits for control, until that has carried it out and the answer is written', () => {
    const client = connect();
    for (let i = 0; i < 70; i++) agent.chunk(client, control);
    agent.stopReading();
    for (const count of [64, 6]) {
      expect(agent.isOwing).toBe(true);
      if (count === 6)
        agent.receive({ kind: 'frame', connectionId: 1, frame: encodeFrame({ ...requestOf(0, 50), flag: 1 }) });
      agent.receive({ kind: 'carriedOut', count });
    }
    expect(agent.isOwing).toBe(true);
    agent.doWork();
    expect(agent.isOwing).toBe(false);
    expect(client.answers()).toHaveLength(1);
  });

  it('owes a send its answer while control makes the topic', () => {
    agent.chunk(connect(), sendFrame({ topic: 'New' }));
    agent.stopReading();
    expect(agent.isOwing).toBe(true);
    agent.receive({ kind: 'ensured', ticket: 1, code: 17, remark: 'no' });
    agent.receive({ kind: 'carriedOut', count: 1 });
    agent.doWork();
    expect(agent.isOwing).toBe(false);
  });

  it('owes nothing to a client that has gone', () => {
    const client = connect();
    for (let i = 0; i < 70; i++) agent.chunk(client, control);
    agent.stopReading();
    agent.closed(client, 'gone');
    agent.receive({ kind: 'carriedOut', count: 64 });
    expect(agent.isOwing).toBe(false);
  });

  it('owes nothing when it has failed', () => {
    agent.chunk(connect(), frames(2));
    path.status.fail(3, 2);
    agent.stopReading();
    expect(agent.isOwing).toBe(false);
  });
});

describe('a peer that does not read', () => {
  it('is not listened to until it has taken its answers; others are', () => {
    const [slow, quick] = [connect(1), connect(2)];
    slow.isStuck = true;
    let sent = 0;
    for (; !slow.isPaused && sent < 200_000; sent += 2000) {
      agent.chunk(slow, frames(2000));
      turn();
    }
    expect(slow.bufferedBytes).toBeGreaterThan(8 * 1024 * 1024);
    expect(slow.bufferedBytes).toBeLessThan(10 * 1024 * 1024);
    agent.chunk(quick, frames(1));
    turn();
    expect(quick.answers()).toHaveLength(1);
    slow.bufferedBytes = 0;
    agent.drained(slow);
    expect(slow.isPaused).toBe(false);
    expect(drained).toEqual([1]);
  });
});

describe('bytes that are no frames', () => {
  it.each([
    ['a negative length', Buffer.from('fffffff0', 'hex')],
    ['a length of 2 GiB', Buffer.from('7fffffff', 'hex')],
    ['a header longer than the frame', Buffer.from('0000000c00ffffff0000000000000000', 'hex')],
    ['JSON that is none', encodeFrame(requestOf(34, 1)).fill(0x7b, 8)],
  ])('end the connection with one line: %s', (_, bytes) => {
    const client = connect();
    agent.chunk(client, Buffer.concat([frames(1), bytes, frames(1)]));
    turn();
    expect(client.closedFor).toMatch(/^bad frame/);
    expect(path.status.counter('badFrames')).toBe(1);
    expect(path.status.counter('sends')).toBe(1);
    agent.closed(client, client.closedFor);
    expect(lines).toEqual([`connection of 127.0.0.1:51310 closed: ${client.closedFor}`]);
    const kinds = toControl().map(({ kind }) => kind);
    expect(kinds[0]).toBe('opened');
    agent.doWork();
    expect(toControl()).toEqual([{ kind: 'closed', connectionId: 1 }]);
  });

  it('of all connections together are bounded: the one with the most is ended, whoever came last', () => {
    const head = (megabytes: number): Buffer => {
      const bytes = Buffer.alloc(megabytes * 1024 * 1024);
      bytes.writeInt32BE(16 * 1024 * 1024 - 4);
      return bytes;
    };
    const clients = Array.from({ length: 18 }, (_, i) => connect(i));
    for (const [i, client] of clients.entries()) agent.chunk(client, head(i === 3 ? 15 : 14));
    expect(clients.filter(({ closedFor }) => closedFor === '')).toHaveLength(18);
    const late = connect(100);
    agent.chunk(late, head(3));
    agent.chunk(late, head(1));
    expect(clients.filter(({ closedFor }) => closedFor !== '')).toEqual([clients[3]]);
    expect(clients[3]!.closedFor).toMatch(/too many unfinished frames/);
    expect(late.closedFor).toBe('');
    // Its memory was given back at once, and not a second time when it has closed.
    agent.chunk(connect(101), head(14));
    agent.closed(clients[3]!, clients[3]!.closedFor);
    expect(clients.filter(({ closedFor }) => closedFor !== '')).toHaveLength(1);
    agent.chunk(connect(102), head(5));
    expect(clients.filter(({ closedFor }) => closedFor !== '')).toHaveLength(2);
  });
});

describe('requests that wait for control', () => {
  it('are bounded in bytes: the connection with the most is ended, whoever came last', () => {
    const long = (megabytes: number): Uint8Array =>
      encodeFrame(requestOf(41, 1, null, Buffer.alloc(megabytes * 1024 * 1024)));
    const [usual, longest] = [long(14), long(15)];
    const clients = Array.from({ length: 11 }, (_, i) => connect(i));
    // Two go at once, and nine wait.
    for (const [i, client] of clients.entries()) agent.chunk(client, i === 5 ? longest : usual);
    agent.chunk(connect(20), encodeFrame(requestOf(34, 1)));
    expect(clients.filter(({ closedFor }) => closedFor !== '')).toEqual([]);
    const late = connect(21);
    agent.chunk(late, usual);
    expect(clients.filter(({ closedFor }) => closedFor !== '')).toEqual([clients[5]]);
    expect([clients[5]!.closedFor, late.closedFor]).toEqual(['too many of its requests wait', '']);
    // Its memory was given back at once.
    agent.chunk(connect(22), encodeFrame(requestOf(34, 1)));
    agent.closed(clients[5]!, clients[5]!.closedFor);
    expect(clients.filter(({ closedFor }) => closedFor !== '')).toHaveLength(1);
  });
});

describe('control', () => {
  it('hears of connections and requests in their order', () => {
    const client = connect(9);
    const request = encodeFrame(requestOf(34, 1));
    agent.chunk(client, request);
    agent.closed(client, 'gone');
    agent.doWork();
    expect(toControl().map(({ kind }) => kind)).toEqual(['opened', 'request', 'closed']);
  });

  it('hears of the offsets of a client’s last pulls before it hears that it has gone, and others take its queues', () => {
    const client = connect(9);
    commits.add({ kind: 'commitOffset', group: 'G', topic: 'T', queueId: 0, offset: 7 });
    agent.closed(client, 'gone');
    agent.doWork();
    expect(toControl().map(({ kind }) => kind)).toEqual(['opened', 'commitOffset', 'closed']);
  });

  it('hears of the offsets of the last pulls when the agent ends', () => {
    commits.add({ kind: 'commitOffset', group: 'G', topic: 'T', queueId: 0, offset: 7 });
    agent.close();
    expect(toControl()).toMatchObject([{ kind: 'commitOffset', group: 'G', topic: 'T', queueId: 0, offset: 7 }]);
  });
});
