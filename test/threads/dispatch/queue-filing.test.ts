import { beforeEach, describe, expect, it } from 'vitest';
import { asQueueSlot } from '../../../src/base/units.ts';
import type { DispatchAgent } from '../../../src/threads/dispatch/dispatch-agent.ts';
import type { FlushAgent } from '../../../src/threads/flush/flush-agent.ts';
import type { QueueRound } from '../../../src/threads/thread-messages.ts';
import { DataPath } from '../data-path.ts';

let path: DataPath;
let agent: DispatchAgent;
let flush: FlushAgent;

beforeEach(() => {
  path = new DataPath();
  ({ agent } = path.dispatcher());
  flush = path.flusher();
  path.disk.journal.length = 0;
});

/** A turn of dispatch and one of flush, which makes at most one queue file durable, at its pace. */
function turn(): void {
  agent.doWork();
  flush.doWork();
  path.clock.passMs(4);
}

function send(queueId: number, topic = 'T'): number {
  path.clock.passMs(1);
  path.net.send({ topic, queueId });
  path.write();
  path.net.answers();
  agent.doWork();
  return path.status.watermark('writtenAt').read();
}

const syncedAt = (): number => path.status.watermark('queuesSyncedAt').read();
/** Turns that are enough for anything here. */
const TURNS_MAX = 300;
function untilSynced(): void {
  for (let turns = 0; syncedAt() === 0 && turns < TURNS_MAX; turns++) turn();
}
const syncsOf = (folder: string): number =>
  path.disk.journal.filter((line) => line.startsWith(`fdatasync /store/consumequeue/${folder}`)).length;

const countsOf = (round: Pick<QueueRound, 'queueCount' | 'queueEntries'>): number[] => [
  round.queueCount,
  round.queueEntries,
];

/** The one under way is over; flush does not come to the next. */
function nextRound(): void {
  agent.doWork();
  path.clock.passMs(20_000);
  agent.doWork();
}

describe('counting the queues', () => {
  it('is of the records before the end of the round, of all queues', () => {
    for (const queueId of [0, 0, 1, 2]) send(queueId);
    path.clock.passMs(10_000);
    agent.doWork();
    send(0);
    expect(path.rounds.map(countsOf)).toEqual([[3, 4]]);
    untilSynced();
    nextRound();
    expect(path.rounds.map(countsOf)).toEqual([[3, 5]]);
  });

  it('is left to later rounds before everything is seen that the start has found', () => {
    path = new DataPath();
    ({ agent } = path.dispatcher({ startedAt: 300 }));
    flush = path.flusher();
    send(0);
    expect(path.log.end).toBeLessThan(300);
    path.clock.passMs(10_000);
    agent.doWork();
    expect(path.rounds.map(countsOf)).toEqual([[0, 0]]);
    untilSynced();
    for (const queueId of [1, 2]) send(queueId);
    expect(path.log.end).toBeGreaterThan(300);
    nextRound();
    expect(path.rounds.map(countsOf)).toEqual([[3, 3]]);
  });
});

describe('making the queues durable', () => {
  it('names a store time only after the fdatasync of every file with entries up to it', () => {
    send(0);
    send(1);
    const newest = send(2);
    path.clock.passMs(10_000);
    untilSynced();
    // At the first moment at which it is named, all of it is there.
    expect(syncedAt()).toBe(newest);
    for (const queueId of [0, 1, 2]) expect(syncsOf(`T/${queueId}`)).toBe(1);
    // The names of the files and folders too.
    expect(path.disk.journal).toContain('fsync /store/consumequeue/T/0');
    expect(path.disk.journal).toContain('fsync /store/consumequeue/T');
  });

  it('does not name what came while it was at it', () => {
    send(0);
    const newest = send(1);
    path.clock.passMs(10_000);
    turn();
    expect(syncedAt()).toBe(0);
    send(2);
    untilSynced();
    expect(syncedAt()).toBe(newest);
  });

  it('does not name what came while a round of many queues was filed', () => {
    path.addTopic('Many', 100);
    let newest = 0;
    for (let queueId = 0; queueId < 100; queueId++) newest = send(queueId, 'Many');
    path.clock.passMs(10_000);
    // Files a part of them.
    agent.doWork();
    send(0);
    untilSynced();
    expect(syncedAt()).toBe(newest);
  });

  it('has nothing to do in a broker that does nothing', () => {
    path.clock.passMs(60_000);
    expect(agent.hasWork()).toBe(false);
    agent.doWork();
    expect(path.disk.journal).toEqual([]);
    expect(agent.sleepMaxMs()).toBe(1000);
  });

  it('wakes for its round only while something is owed', () => {
    send(0);
    path.clock.passMs(9_500);
    expect(agent.sleepMaxMs()).toBeLessThan(1000);
    path.clock.passMs(500);
    untilSynced();
    path.clock.passMs(60_000);
    expect(agent.sleepMaxMs()).toBe(1000);
  });

  it('begins no other before flush is done with it, though the clock was set back and store times stand still', () => {
    send(0);
    path.clock.passMs(10_000);
    untilSynced();
    path.clock.wallMs -= 3_600_000;
    const waiting: number[] = [];
    for (let times = 0; times < 3; times++) {
      send(1);
      path.clock.passMs(10_000);
      agent.doWork();
      agent.doWork();
      waiting.push(path.rounds.length);
    }
    expect(waiting).toEqual([1, 1, 1]);
    for (let turns = 0; turns < 20; turns++) turn();
    expect(path.rounds.length).toBe(0);
    path.clock.passMs(100_000);
    agent.doWork();
    expect(path.rounds.length).toBe(1);
  });

  it('at the end names everything', () => {
    send(0);
    const newest = send(3);
    agent.close();
    flush.close();
    expect(syncedAt()).toBe(newest);
    for (const queueId of [0, 3]) expect(syncsOf(`T/${queueId}`)).toBe(1);
  });
});

describe('on a full disk', () => {
  /** No room for queue 0; the files of the others have theirs already. */
  const fillFor = (folder: string): void => {
    path.disk.fault = (operation, file) =>
      file.includes(folder) && (operation === 'write' || operation === 'resize') ? 'ENOSPC' : null;
  };

  it('names nothing as long as one queue is not filed, whichever was filed last', () => {
    fillFor('T/0');
    send(0);
    path.clock.passMs(9_900);
    agent.doWork();
    // Between this try of queue 0 and the next one the sync falls due.
    send(1);
    path.clock.passMs(200);
    for (let turns = 0; turns < 20; turns++) turn();
    expect(path.queueTable.filed(asQueueSlot(1))).toBe(1);
    expect(syncedAt()).toBe(0);
    path.disk.fault = () => null;
    const newest = send(2);
    path.clock.passMs(20_000);
    untilSynced();
    expect(syncedAt()).toBe(newest);
  });

  it('or without descriptors, files a new queue when there are some again', () => {
    path.disk.fault = (operation, file) =>
      file.includes('T/0') && (operation === 'list' || operation === 'open') ? 'EMFILE' : null;
    const newest = send(0);
    path.clock.passMs(10_000);
    turn();
    expect(path.queueTable.filed(asQueueSlot(0))).toBe(0);
    path.disk.fault = () => null;
    path.clock.passMs(1_000);
    untilSynced();
    expect(path.queueTable.filed(asQueueSlot(0))).toBe(1);
    expect(syncedAt()).toBe(newest);
  });

  it('names nothing at the end either', () => {
    fillFor('T/0');
    send(0);
    send(1);
    agent.close();
    flush.close();
    expect(syncedAt()).toBe(0);
  });
});
