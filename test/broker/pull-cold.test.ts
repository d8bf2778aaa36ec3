import { describe, expect, it } from 'vitest';
import { HotLimit } from '../../src/broker/hot-limit.ts';
import {
  bodyOf,
  outcome,
  type PullFields,
  PullHarness,
  pullHeader,
  SEGMENT_BYTES,
  type TestReply,
} from './pull-harness.ts';

const MIB = 1024 * 1024;

/** A broker that has just started on a log of these messages: none of them is hot. */
function restarted(fill: (broker: PullHarness) => void): PullHarness {
  const broker = new PullHarness({ cold: true });
  fill(broker);
  return broker.restarted();
}

function send(broker: PullHarness, fields: PullFields, client: TestReply): void {
  broker.pulls.pull(pullHeader(fields), client, 0);
}

describe('a cold pull', () => {
  it('is read by the pool and answered when the bytes come', () => {
    const broker = restarted((log) => log.put({ size: 100 }, { size: 200 }));
    const client = broker.client();
    const header = pullHeader({ opaque: 5, sysFlag: 5, commitOffset: 1 });
    broker.pulls.pull(header, client, 0);
    (header.names as Buffer).fill(0);
    expect([client.answers.length, broker.reads.length, broker.commits.length]).toEqual([0, 0, 1]);
    expect(broker.pulls.owed).toBe(1);
    expect(broker.coldReads.finish()).toEqual([{ offset: 0, length: 300 }]);
    expect(broker.pulls.owed).toBe(0);
    const answer = client.answer();
    expect(outcome(answer)).toEqual([0, 'FOUND', 2, 0, 2]);
    expect(Buffer.from(answer.body!)).toEqual(bodyOf([1, 100], [2, 200]));
    expect([broker.outOfTurn, broker.counters.get('coldReads'), answer.opaque]).toEqual([1, 1, 5]);
  });

  it('goes around the pool when everything is hot', () => {
    const broker = restarted((log) => log.many(2));
    broker.many(2);
    expect(broker.ask({ queueOffset: 2 }).code).toBe(0);
    expect(broker.coldReads.waiting).toEqual([]);
  });

  it('is answered from what was read ahead, then reads on', () => {
    const broker = restarted((log) => log.many(3000));
    const client = broker.client();
    send(broker, {}, client);
    expect(broker.coldReads.finish()).toEqual([{ offset: 0, length: 256 * 1024 }]);
    let next = Number(client.answer().extFields!.get('nextBeginOffset'));
    const sent = [next];
    while (broker.coldReads.waiting.length === 0) {
      send(broker, { queueOffset: next }, client);
      if (broker.coldReads.waiting.length > 0) break;
      const answer = client.answer();
      const first = next;
      next = Number(answer.extFields!.get('nextBeginOffset'));
      expect(Buffer.from(answer.body!)).toEqual(
        bodyOf(...Array.from({ length: next - first }, (_, i): [number, number] => [first + i + 1, 100])),
      );
      sent.push(next - first);
    }
    // 256 KiB are four segments of 655 records each; the last batch is what was left of them.
    expect(sent).toEqual([...Array.from({ length: 81 }, () => 32), 4 * 655 - 81 * 32]);
    expect(broker.coldReads.finish()[0]!.offset).toBe(4 * SEGMENT_BYTES);
    expect(broker.counters.get('coldReads')).toBe(2);
  });

  it('gives memory back with what was read ahead: at the next read, when others need the room, when the connection closes', () => {
    const broker = restarted((log) => log.many(3000));
    const { held, waiting } = broker.coldReads;
    const client = broker.client();
    send(broker, {}, client);
    broker.coldReads.finish();
    expect(held.size).toBe(1);
    send(broker, { queueOffset: 2900 }, client);
    expect([held.size, waiting.length]).toEqual([0, 1]);
    broker.coldReads.finish();
    const others = Array.from({ length: 64 }, (_, i) => broker.client(10 + i));
    for (const other of others) {
      send(broker, {}, other);
      broker.coldReads.finish();
    }
    expect(held.size).toBe(64);
    broker.pulls.closed(others[0]!.connectionId);
    broker.pulls.closed(others[1]!.connectionId);
    expect(held.size).toBe(62);
  });

  it('gives memory back when nobody waits for what was read', () => {
    const broker = restarted((log) => log.many(100));
    const client = broker.client();
    send(broker, {}, client);
    client.isOpen = false;
    broker.pulls.closed(client.connectionId);
    broker.coldReads.finish();
    expect([client.answers.length, broker.coldReads.held.size]).toEqual([0, 0]);
  });

  it('reads records that lie apart in runs, without reading ahead', () => {
    const broker = restarted((log) => {
      log.put({ size: 100 });
      log.skip(64 * 1024);
      log.put({ size: 200 });
      log.skip(3 * SEGMENT_BYTES);
      log.put({ size: 300 });
    });
    const client = broker.client();
    send(broker, {}, client);
    const runs = broker.coldReads.finish();
    expect(runs.length).toBe(2);
    expect(Buffer.from(client.answer().body!)).toEqual(bodyOf([1, 100], [2, 200], [3, 300]));
  });

  it('has one read under way for each consumer; the next pull waits for it', () => {
    const broker = restarted((log) => log.many(100));
    const client = broker.client();
    send(broker, { opaque: 1 }, client);
    send(broker, { opaque: 2, queueOffset: 32 }, client);
    send(broker, { opaque: 3, queueOffset: 64 }, client);
    expect(broker.coldReads.waiting.length).toBe(1);
    broker.coldReads.finish();
    expect(client.answers.map(({ opaque }) => opaque)).toEqual([1, 2, 3]);
  });

  it('lets other consumers read at the same time', () => {
    const broker = restarted((log) => {
      log.many(3);
      log.many(3, { queueId: 1 });
    });
    broker.group({ name: 'H' });
    send(broker, {}, broker.client(1));
    send(broker, {}, broker.client(2));
    send(broker, { queueId: 1 }, broker.client(1));
    send(broker, { group: 'H' }, broker.client(1));
    expect(broker.coldReads.waiting.length).toBe(4);
  });

  it('refuses pulls of one consumer when too many wait', () => {
    const broker = restarted((log) => log.many(3));
    const client = broker.client();
    for (let i = 0; i < 18; i++) send(broker, { opaque: i }, client);
    expect(client.answer()).toMatchObject({ code: 2, opaque: 17 });
    broker.coldReads.finish();
    expect(client.answers.length).toBe(17);
  });

  it('writes nothing when the connection has closed in the meantime', () => {
    const broker = restarted((log) => log.many(3));
    const client = broker.client();
    send(broker, { opaque: 1 }, client);
    send(broker, { opaque: 2 }, client);
    client.isOpen = false;
    broker.pulls.closed(client.connectionId);
    broker.coldReads.finish();
    expect(client.answers).toEqual([]);
  });

  it('leaves out what the log has lost', () => {
    const broker = restarted((log) => {
      log.many(3);
      log.skip(SEGMENT_BYTES);
      log.many(2);
    });
    broker.logStart = SEGMENT_BYTES;
    const client = broker.client();
    send(broker, {}, client);
    broker.coldReads.finish();
    expect(outcome(client.answer())).toEqual([20, 'MESSAGE_WAS_REMOVING', 3, 0, 5]);
  });

  it('answers with the disk’s error, and goes on', () => {
    const broker = restarted((log) => log.many(3));
    const client = broker.client();
    send(broker, { opaque: 1 }, client);
    send(broker, { opaque: 2 }, client);
    broker.coldReads.fail(new Error('read /store/0: EIO'));
    expect(client.answer()).toMatchObject({
      code: 1,
      opaque: 1,
      remark: 'the log could not be read: read /store/0: EIO',
    });
    broker.coldReads.finish();
    expect(client.answer()).toMatchObject({ code: 0, opaque: 2 });
    expect(broker.errors.length).toBe(1);
  });

  it('forgets what was read ahead for the consumer that was idle longest', () => {
    const broker = restarted((log) => log.many(100));
    const clients = Array.from({ length: 66 }, (_, i) => broker.client(i));
    for (const client of clients) {
      send(broker, {}, client);
      broker.coldReads.finish();
      client.answer();
    }
    send(broker, { queueOffset: 32 }, clients[65]!);
    clients[65]!.answer();
    send(broker, { queueOffset: 32 }, clients[0]!);
    expect(broker.coldReads.waiting.length).toBe(1);
  });
});

describe('what counts as hot', () => {
  it('is what was written since the start, up to the limit', () => {
    const limit = new HotLimit(100 * MIB, 1000, () => 0);
    expect(limit.isHot(1000, 5000)).toBe(true);
    expect(limit.isHot(999, 5000)).toBe(false);
    expect(limit.isHot(1000, 1000 + 100 * MIB)).toBe(true);
    expect(limit.isHot(1000, 1001 + 100 * MIB)).toBe(false);
  });

  it('is halved by a slow read, once for a stall, down to 64 MiB, and comes back in quiet times', () => {
    let blocks = 0;
    const limit = new HotLimit(1024 * MIB, 0, () => ++blocks);
    expect(limit.tookFromTo(0, 1000)).toBe(false);
    expect(limit.tookFromTo(0, 1001)).toBe(true);
    expect(limit.bytes).toBe(512 * MIB);
    expect(limit.tookFromTo(500_000, 900_000)).toBe(true);
    expect(limit.bytes).toBe(512 * MIB);
    for (let second = 2; second < 20; second++) limit.tookFromTo(second * 1e6 + 10, second * 1e6 + 5010);
    expect(limit.bytes).toBe(64 * MIB);
    const minute = (n: number): void => void limit.tookFromTo(n * 61e6 + 19e6, n * 61e6 + 19e6 + 20);
    minute(0.5);
    expect(limit.bytes).toBe(64 * MIB);
    minute(1.2);
    expect(limit.bytes).toBe(128 * MIB);
    for (let n = 3; n < 10; n++) minute(n);
    expect(limit.bytes).toBe(1024 * MIB);
  });

  it('is not halved when the read waited for the processor only, whatever was read from the disk before', () => {
    let blocks = 5000;
    const limit = new HotLimit(1024 * MIB, 0, () => blocks);
    limit.tookFromTo(0, 10);
    expect(limit.tookFromTo(100, 9000)).toBe(false);
    blocks++;
    limit.tookFromTo(2e6, 2e6 + 10);
    expect(limit.tookFromTo(2.1e6, 2.2e6)).toBe(false);
    expect(limit.bytes).toBe(1024 * MIB);
    blocks++;
    expect(limit.tookFromTo(2.2e6, 2.3e6)).toBe(true);
    expect(limit.bytes).toBe(512 * MIB);
  });

  it('shrinks when a pull’s read was slow, which is counted', () => {
    const broker = new PullHarness({ cold: true, memoryLimitBytes: 1000 * MIB });
    broker.many(3);
    broker.readUs = 2000;
    broker.blocksRead = 8;
    broker.ask();
    expect(broker.counters.get('slowHotReads')).toBe(1);
    broker.skip(250 * MIB);
    send(broker, {}, broker.client());
    expect(broker.coldReads.waiting.length).toBe(1);
  });
});
