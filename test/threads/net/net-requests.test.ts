import { beforeEach, describe, expect, it } from 'vitest';
import type { ToControl } from '../../../src/broker/control-protocol.ts';
import type { PullMessages } from '../../../src/broker/pull-message.ts';
import { FrameFlag } from '../../../src/remoting/command.ts';
import { encodeFrame, requestOf } from '../../../src/remoting/frame-codec.ts';
import { SendHeaderMemos } from '../../../src/remoting/send-header-memo.ts';
import { type ClientConnection, Hold } from '../../../src/threads/net/client-connection.ts';
import type { Commit, CommitBatch } from '../../../src/threads/net/commit-batch.ts';
import type { ControlLink } from '../../../src/threads/net/control-link.ts';
import { NetRequests } from '../../../src/threads/net/net-requests.ts';
import { DataPath } from '../data-path.ts';
import { type SendFields, SendReply, sendFrame } from '../test-net.ts';

/** Three records of this body fit the ring. */
const THIRD = 'x'.repeat(850);

class Client extends SendReply {
  pullsLast = false;
  readonly sendsBefore = new SendHeaderMemos();
  ahead = 0;
  aheadBytes = 0;
  readonly notAtControl: (Uint8Array | Commit)[] = [];
  readonly held = new Set<number>();

  isHeld(reason: number): boolean {
    return this.held.has(reason);
  }

  hold(reason: number): void {
    this.held.add(reason);
  }

  letGo(reason: number): void {
    this.held.delete(reason);
  }
}

let path: DataPath;
let requests: NetRequests;
let toControl: ToControl[];
let client: Client;

beforeEach(() => {
  path = new DataPath({ ringBytes: 4096, slots: 16, settings: { waitTimeMillsInSendQueue: 200 } });
  toControl = [];
  client = new Client();
  const { sends, ends } = path.net;
  requests = new NetRequests({
    settings: path.settings,
    sends,
    pulls: {} as PullMessages,
    control: { send: (message: ToControl) => toControl.push(message) } as unknown as ControlLink,
    commits: {
      flush: () => toControl.push('commits' as never),
      add: () => toControl.push('gathered' as never),
    } as unknown as CommitBatch,
    page: ends.page,
    clock: path.clock,
  });
});

function take(frame: Uint8Array, from: Client = client): void {
  requests.frame(from as unknown as ClientConnection, frame, 0, frame.length, path.clock.monotonicUs());
}

function send(opaque: number, fields: SendFields = {}, from: Client = client): void {
  take(sendFrame({ opaque, body: THIRD, ...fields }), from);
}

/** One turn of append and one of net. */
function turn(): void {
  path.net.ends.descriptors.publish();
  path.write();
  path.net.pending.harvest(path.clock.monotonicUs());
  requests.retry(path.clock.monotonicUs());
}

function answers(): (readonly [opaque: number, code: number])[] {
  return client.answers.splice(0).map(({ opaque, code }) => [opaque, code]);
}

describe('sends without room in the ring', () => {
  it('wait in their order, and none that comes later overtakes them', () => {
    for (let opaque = 1; opaque <= 9; opaque++) send(opaque);
    // There would be room for this one.
    send(10, { body: 'small' });
    expect(requests.waiting).toBeGreaterThan(5);
    for (let turns = 0; turns < 10; turns++) turn();
    expect(answers()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((opaque) => [opaque, 0]));
    expect(path.records().map(({ queueOffset }) => queueOffset)).toEqual([...Array(10).keys()]);
    expect(requests.waiting).toBe(0);
    expect(path.status.counter('sends')).toBe(0);
    requests.showCounts();
    requests.showCounts();
    const frameBytes =
      9 * sendFrame({ opaque: 1, body: THIRD }).length + sendFrame({ opaque: 10, body: 'small' }).length;
    const counted = (['frames', 'sends', 'sendBytes'] as const).map((name) => path.status.counter(name));
    expect(counted).toEqual([10, 10, frameBytes]);
  });

  it('are answered SYSTEM_BUSY when they have waited too long', () => {
    for (let opaque = 1; opaque <= 6; opaque++) send(opaque);
    const waiting = requests.waiting;
    path.clock.passMs(200);
    requests.retry(path.clock.monotonicUs());
    expect(answers()).toEqual([]);
    path.clock.passMs(1);
    requests.retry(path.clock.monotonicUs());
    expect(answers()).toEqual([4, 5, 6].slice(-waiting).map((opaque) => [opaque, 2]));
    expect(path.status.counter('busyAnswers')).toBe(waiting);
    turn();
    expect(answers()).toEqual([1, 2, 3].map((opaque) => [opaque, 0]));
  });

  it('are answered SYSTEM_BUSY at once when too many bytes wait', () => {
    for (let opaque = 1; opaque <= 4; opaque++) send(opaque);
    // 64 MiB may wait.
    const body = Buffer.alloc(4 * 1024 * 1024 - 1024);
    for (let opaque = 5; opaque <= 21; opaque++) send(opaque, { body });
    expect(answers()).toEqual([[21, 2]]);
  });

  it('to a topic that is not there yet are not forgotten', () => {
    for (let opaque = 1; opaque <= 4; opaque++) send(opaque);
    send(5, { topic: 'New' });
    expect(toControl).toEqual([]);
    turn();
    expect(toControl).toEqual([
      { kind: 'ensureTopic', ticket: 1, topic: 'New', defaultTopic: 'TBW102', defaultTopicQueueNums: 4 },
    ]);
    path.addTopic('New', 4);
    requests.ensured({ kind: 'ensured', ticket: 1, code: 0, remark: null });
    turn();
    expect(answers()).toEqual([1, 2, 3, 4, 5].map((opaque) => [opaque, 0]));
  });
});

describe('a send to a topic that nobody knows', () => {
  it('waits until control has made it, and control is asked once', () => {
    send(1, { topic: 'New', body: 'a' });
    send(2, { topic: 'New', body: 'b' });
    expect(toControl).toHaveLength(1);
    path.addTopic('New', 4);
    requests.ensured({ kind: 'ensured', ticket: 1, code: 0, remark: null });
    turn();
    expect(answers()).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  it('is answered with control’s refusal', () => {
    send(1, { topic: 'New' });
    requests.ensured({ kind: 'ensured', ticket: 1, code: 17, remark: 'topic[New] not exist' });
    expect(client.answer()).toMatchObject({ opaque: 1, code: 17, remark: 'topic[New] not exist' });
    // Asked again the next time.
    send(2, { topic: 'New' });
    expect(toControl).toHaveLength(2);
  });

  it('is refused without control when nobody may send to it', () => {
    send(1, { topic: 'bad name' });
    send(2, { topic: 'SCHEDULE_TOPIC_XXXX' });
    expect(answers()).toEqual([
      [1, 29],
      [2, 16],
    ]);
    expect(toControl).toEqual([]);
  });

  it('is answered when the topic was deleted again at once', () => {
    send(1, { topic: 'New' });
    requests.ensured({ kind: 'ensured', ticket: 1, code: 0, remark: null });
    expect(answers()).toEqual([[1, 17]]);
  });

  it('waits with a bound that holds for all topics together', () => {
    const body = Buffer.alloc(4 * 1024 * 1024 - 1024);
    for (let opaque = 1; opaque <= 17; opaque++) send(opaque, { topic: `New${opaque % 9}`, body });
    expect(answers()).toEqual([[17, 2]]);
  });
});

describe('what control is asked for topics and groups', () => {
  it('is 1024 questions at a time, whoever caused them; those that need another are answered SYSTEM_BUSY', () => {
    let told = -1;
    const ensure = (from: Client): void =>
      requests.ensureGroup(from as unknown as ClientConnection, 'G', 100, (code) => {
        told = code;
      });
    for (let i = 0; i < 1024; i++) send(i, { topic: `New${i}`, body: 'x' }, new Client(i));
    send(1024, { topic: 'New0', body: 'x' });
    send(1025, { topic: 'OneMore', body: 'x' });
    ensure(client);
    expect([toControl.length, answers(), told]).toEqual([1024, [[1025, 2]], 2]);
    expect(path.status.counter('busyAnswers')).toBe(2);
    requests.carriedOut(1);
    told = -1;
    ensure(client);
    send(1026, { topic: 'OneMore', body: 'x' });
    expect([toControl.length, answers(), told]).toEqual([1025, [[1026, 2]], -1]);
  });
});

describe('a group that a pull names and nobody knows', () => {
  function ensure(group: string, bytes = 100, from: Client = client): (readonly [number, string | null])[] {
    const told: (readonly [number, string | null])[] = [];
    requests.ensureGroup(from as unknown as ClientConnection, group, bytes, (...answer) => told.push(answer));
    return told;
  }

  it('is asked for once, and all pulls that wait hear of the answer', () => {
    const told = [ensure('New'), ensure('New', 100, new Client(2)), ensure('Other')];
    requests.carriedOut(2);
    expect(requests.owed).toBe(3);
    expect(toControl).toEqual([
      { kind: 'ensureGroup', ticket: 1, group: 'New' },
      { kind: 'ensureGroup', ticket: 2, group: 'Other' },
    ]);
    requests.ensured({ kind: 'ensured', ticket: 1, code: 0, remark: null });
    expect(told).toEqual([[[0, null]], [[0, null]], []]);
    requests.ensured({ kind: 'ensured', ticket: 2, code: 26, remark: 'no' });
    expect(told[2]).toEqual([[26, 'no']]);
    expect(requests.owed).toBe(0);
    // Asked again the next time.
    ensure('New');
    expect(toControl).toHaveLength(3);
  });

  it('is asked for at once, but who has caused too many questions is not read', () => {
    for (let i = 0; i < 64; i++) ensure(`New${i}`);
    expect(client.isHeld(Hold.control)).toBe(false);
    ensure('OneMore');
    expect([toControl.length, client.isHeld(Hold.control)]).toEqual([65, true]);
    requests.carriedOut(1);
    expect(client.isHeld(Hold.control)).toBe(false);
  });

  it('is waited for with a bound on bytes', () => {
    const told = Array.from({ length: 17 }, () => ensure('New', 1024 * 1024 - 512));
    expect(told.map((answers) => answers[0]?.[0])).toEqual([...Array(16), 2]);
    requests.ensured({ kind: 'ensured', ticket: 1, code: 0, remark: null });
    expect(ensure('Next')).toEqual([]);
  });
});

describe('an offset that rides on a pull', () => {
  const commitOf = (offset: number): Commit => ({ kind: 'commitOffset', group: 'G', topic: 'T', queueId: 0, offset });
  const commit = (offset: number): void =>
    requests.commitOffset(client as unknown as ClientConnection, commitOf(offset));
  const committing = encodeFrame({ ...requestOf(15, 6), flag: FrameFlag.oneWay });
  /** What control hears behind the 64 requests that a client may be ahead: requests by their kind. */
  const heard = (): unknown[] => {
    const all: readonly unknown[] = toControl.map((message) => (message.kind === 'request' ? 'request' : message));
    return all.filter((what) => what !== 'commits');
  };

  it('is gathered with others', () => {
    commit(1);
    take(committing);
    commit(2);
    expect(heard()).toEqual(['gathered', 'request', 'gathered']);
  });

  it('does not overtake what its client has said before, which may be an earlier offset', () => {
    for (let i = 0; i < 65; i++) take(committing);
    toControl.length = 0;
    commit(2);
    take(committing);
    commit(3);
    expect(heard()).toEqual([]);
    requests.carriedOut(1);
    expect(heard()).toEqual(['request', commitOf(2)]);
    requests.carriedOut(1);
    expect(heard()).toEqual(['request', commitOf(2), 'request', commitOf(3)]);
    commit(4);
    expect(heard().at(-1)).toBe('gathered');
    expect([client.isHeld(Hold.control), requests.owed]).toEqual([false, 64]);
  });

  it('is heard of a client that has gone, in its place', () => {
    for (let i = 0; i < 65; i++) take(committing);
    toControl.length = 0;
    commit(2);
    client.isOpen = false;
    requests.closed(client as unknown as ClientConnection);
    expect(heard()).toEqual(['request', commitOf(2)]);
  });
});

describe('other requests', () => {
  const asking = encodeFrame(requestOf(34, 5));
  const committing = encodeFrame({ ...requestOf(15, 6), flag: FrameFlag.oneWay });
  const heard = (): number => toControl.filter((message) => message.kind === 'request').length;
  /** Returns how many of its offsets are not taken. */
  const leave = (guest: Client): number => {
    guest.isOpen = false;
    return requests.closed(guest as unknown as ClientConnection);
  };

  it('go to control, behind the offsets that were committed before', () => {
    take(asking);
    const { connectionId } = client;
    expect(toControl).toEqual(['commits', { kind: 'request', connectionId, frame: asking }]);
  });

  it('of a client that is too far ahead of control wait, and it is not read until control has caught up', () => {
    for (let i = 0; i < 64; i++) take(asking);
    expect(client.isHeld(Hold.control)).toBe(false);
    for (let i = 0; i < 10; i++) take(asking);
    expect([heard(), client.isHeld(Hold.control)]).toEqual([64, true]);
    requests.carriedOut(9);
    expect([heard(), client.isHeld(Hold.control)]).toEqual([73, true]);
    requests.carriedOut(1);
    expect([heard(), client.isHeld(Hold.control)]).toEqual([74, false]);
    requests.carriedOut(64);
    expect([requests.owed, client.ahead, client.aheadBytes]).toEqual([0, 0, 0]);
  });

  it('of several clients take turns when control has 64 before it, and who wants few is read on', () => {
    const [quiet, other] = [new Client(2), new Client(3)];
    for (let i = 0; i < 70; i++) take(asking);
    for (let i = 0; i < 2; i++) take(asking, quiet);
    take(asking, other);
    expect([client, quiet, other].map((each) => each.isHeld(Hold.control))).toEqual([true, false, false]);
    toControl.length = 0;
    requests.carriedOut(64);
    const order = toControl.map((message) => (message.kind === 'request' ? message.connectionId : message.kind));
    expect(order).toEqual([1, 2, 3, 1, 2, 1, 1, 1, 1]);
    expect(client.isHeld(Hold.control)).toBe(false);
  });

  it('of clients that come and go are 64 as well', () => {
    for (let id = 2; id < 30; id++) {
      const guest = new Client(id);
      for (let i = 0; i < 64; i++) take(asking, guest);
      leave(guest);
    }
    take(asking);
    expect([heard(), requests.owed]).toEqual([64, 65]);
    requests.carriedOut(64);
    expect(toControl.at(-1)).toMatchObject({ connectionId: client.connectionId });
  });

  it('are bounded in bytes as well, and a long one holds up no shorter ones', () => {
    const long = encodeFrame(requestOf(41, 5, null, Buffer.alloc(12 * 1024 * 1024)));
    const [second, third, quiet] = [new Client(2), new Client(3), new Client(4)];
    take(long);
    expect([heard(), client.isHeld(Hold.control)]).toEqual([1, true]);
    take(long, second);
    take(long, third);
    take(asking, third);
    take(asking, quiet);
    expect([heard(), toControl.at(-1)]).toEqual([3, expect.objectContaining({ connectionId: 4 })]);
    requests.carriedOut(1);
    expect([heard(), client.isHeld(Hold.control)]).toEqual([5, false]);
    requests.carriedOut(4);
    expect([client, second, third].map(({ ahead, aheadBytes }) => [ahead, aheadBytes])).toEqual(Array(3).fill([0, 0]));
  });

  it('of a client that has gone are carried out where they commit offsets', () => {
    const telling = encodeFrame({ ...requestOf(17, 6), flag: FrameFlag.oneWay });
    for (let i = 0; i < 64; i++) take(asking);
    for (const frame of [committing, asking, telling, committing]) take(frame);
    toControl.length = 0;
    expect(leave(client)).toBe(0);
    expect(toControl).toEqual(Array(2).fill({ kind: 'request', connectionId: client.connectionId, frame: committing }));
    expect(requests.owed).toBe(66);
    requests.carriedOut(66);
    expect(requests.owed).toBe(0);
  });

  it('of clients that have gone are carried out up to a bound for all of them', () => {
    const long = encodeFrame({ ...requestOf(15, 6, null, Buffer.alloc(1024 * 1024)), flag: FrameFlag.oneWay });
    for (let i = 0; i < 64; i++) take(asking);
    const comeAndGo = (id: number): number => {
      const guest = new Client(id);
      for (let i = 0; i < 2; i++) take(long, guest);
      return leave(guest);
    };
    expect([comeAndGo(2), comeAndGo(3), comeAndGo(4)]).toEqual([0, 1, 2]);
    expect(heard()).toBe(64 + 3);
    // The 64 go, and 64 others come.
    for (let i = 0; i < 64; i++) take(asking);
    requests.carriedOut(64 + 3);
    expect([comeAndGo(5), comeAndGo(6)]).toEqual([0, 1]);
    requests.carriedOut(64 + 3);
    expect(requests.owed).toBe(0);
  });

  it('of a client that has gone without taking its answers are not carried out', () => {
    client.hold(Hold.backlog);
    take(committing);
    toControl.length = 0;
    leave(client);
    expect([toControl, requests.owed]).toEqual([[], 0]);
  });

  it('of a client that does not take its answers wait until it does, and hold up no others', () => {
    client.hold(Hold.backlog);
    take(asking);
    take(asking);
    expect(heard()).toBe(0);
    take(asking, new Client(2));
    expect(heard()).toBe(1);
    client.letGo(Hold.backlog);
    requests.drained(client as unknown as ClientConnection);
    expect([heard(), client.isHeld(Hold.control)]).toEqual([3, false]);
  });

  it('of a client that stops taking its answers while they wait for their turn wait on', () => {
    for (let i = 0; i < 66; i++) take(asking);
    client.hold(Hold.backlog);
    requests.carriedOut(64);
    expect(heard()).toBe(64);
    client.letGo(Hold.backlog);
    requests.drained(client as unknown as ClientConnection);
    expect([heard(), requests.owed]).toEqual([66, 2]);
  });

  it('of a client that has gone are forgotten', () => {
    for (let i = 0; i < 80; i++) take(asking);
    client.isOpen = false;
    requests.carriedOut(64);
    expect(heard()).toBe(64);
    leave(client);
    expect(requests.owed).toBe(0);
  });

  it('are answered 1 when their fields are missing', () => {
    take(encodeFrame(requestOf(310, 6, new Map([['a', 'PG']]))));
    expect(client.answer()).toMatchObject({ opaque: 6, code: 1 });
  });

  it('are passed over when they are answers', () => {
    take(encodeFrame({ ...requestOf(34, 5), flag: 1 }));
    take(encodeFrame({ ...requestOf(310, 5), flag: 1 }));
    expect(toControl).toEqual([]);
    expect(client.answers).toEqual([]);
  });

  it('that are no frames are the caller’s to end', () => {
    const frame = encodeFrame(requestOf(34, 5));
    frame.fill(0x7b, 8);
    expect(() => take(frame)).toThrow();
  });
});
