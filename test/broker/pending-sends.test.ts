import { beforeEach, describe, expect, it } from 'vitest';
import { SendOutcome } from '../../src/broker/send-message.ts';
import { parseMessageId } from '../../src/layout/message-id.ts';
import type { FlushAgent } from '../../src/threads/flush/flush-agent.ts';
import { DataPath } from '../threads/data-path.ts';
import { KEY, SendReply } from '../threads/test-net.ts';

const NO_WAIT = `UNIQ_KEY\u0001${KEY}\u0002WAIT\u0001false\u0002`;

function codeAndStage(path: DataPath): (readonly [opaque: number, code: number, durability: string | undefined])[] {
  return path.net.answers().map(({ opaque, code, extFields }) => [opaque, code, extFields?.get('durability')]);
}

describe('under async flush', () => {
  it('answers as soon as append has written, and says when it happens to be flushed', () => {
    const path = new DataPath();
    path.net.send({ opaque: 1 });
    expect(codeAndStage(path)).toEqual([]);
    path.append.doWork();
    expect(path.net.pending.hasWork()).toBe(true);
    path.net.send({ opaque: 2 });
    expect(codeAndStage(path)).toEqual([[1, 0, 'written']]);
    path.append.doWork();
    path.flusher().close();
    expect(codeAndStage(path)).toEqual([[2, 0, 'flushed']]);
  });
});

describe('under sync flush', () => {
  let path: DataPath;
  let flush: FlushAgent;
  beforeEach(() => {
    path = new DataPath({ settings: { flushDiskType: 'SYNC_FLUSH', syncFlushTimeout: 5000 } });
    flush = path.flusher();
  });

  it('answers only what is flushed', () => {
    path.net.send({ opaque: 1 });
    path.write();
    const first = path.log.end;
    path.net.send({ opaque: 2 });
    expect(codeAndStage(path)).toEqual([]);
    // Flush has gone as far as the first.
    path.status.watermark('flushed').advance(first - 1);
    expect(path.net.pending.hasWork()).toBe(false);
    expect(codeAndStage(path)).toEqual([]);
    path.write();
    path.status.watermark('flushed').advance(first);
    expect(path.net.pending.hasWork()).toBe(true);
    expect(codeAndStage(path)).toEqual([[1, 0, 'flushed']]);
    flush.close();
    expect(codeAndStage(path)).toEqual([[2, 0, 'flushed']]);
  });

  it('does not keep a sender with WAIT=false waiting, and says that its message is only written', () => {
    path.net.send({ opaque: 1 });
    path.net.send({ opaque: 2, properties: NO_WAIT });
    path.write();
    expect(codeAndStage(path)).toEqual([[2, 0, 'written']]);
    flush.doWork();
    expect(codeAndStage(path)).toEqual([[1, 0, 'flushed']]);
  });

  it('answers FLUSH_DISK_TIMEOUT after its time, with the place of the message, and only once', () => {
    path.net.send({ opaque: 1 });
    path.write();
    codeAndStage(path);
    path.clock.passMs(3000);
    path.net.send({ opaque: 2 });
    path.write();
    codeAndStage(path);
    path.clock.passMs(2001);
    expect(path.net.pending.expire(path.clock.monotonicUs())).toBe(1);
    const [answer] = path.net.answers();
    expect(answer).toMatchObject({ opaque: 1, code: 10 });
    expect(Object.fromEntries(answer!.extFields!)).toMatchObject({ queueOffset: '0', durability: 'written' });
    expect(Number(parseMessageId(answer!.extFields!.get('msgId')!)!.logOffset)).toBe(0);
    flush.doWork();
    expect(codeAndStage(path)).toEqual([[2, 0, 'flushed']]);
    expect(path.net.pending.count).toBe(0);
  });

  it('frees slots and bytes while thousands wait for a slow flush, and keeps their keys', () => {
    const count = 3000;
    for (let i = 0; i < count; i++) {
      // Every seventh has a key that does not fit beside the others.
      const key = `${i}`.padEnd(i % 7 === 0 ? 200 : 32, 'k');
      expect(path.net.send({ opaque: i, properties: `UNIQ_KEY\u0001${key}\u0002` })).toBe(SendOutcome.queued);
      path.write();
      expect(codeAndStage(path)).toEqual([]);
    }
    expect(path.net.ends.bytes.usedBytes).toBe(0);
    expect(path.net.pending.count).toBe(count);
    flush.doWork();
    const answers = path.net.answers();
    expect(answers.map(({ opaque }) => opaque)).toEqual([...Array(count).keys()]);
    answers.forEach(({ extFields }, i) => {
      expect(extFields!.get('transactionId')).toBe(`${i}`.padEnd(i % 7 === 0 ? 200 : 32, 'k'));
      expect(extFields!.get('queueOffset')).toBe(`${i}`);
    });
    // The places are used again.
    path.net.send({ opaque: 1 });
    path.write();
    path.net.answers();
    flush.doWork();
    expect(codeAndStage(path)).toEqual([[1, 0, 'flushed']]);
  });

  it('does not answer a connection that has gone', () => {
    const gone = new SendReply(2);
    path.net.send({ opaque: 1 }, gone);
    path.net.send({ opaque: 2 });
    path.write();
    path.net.answers();
    gone.isOpen = false;
    flush.doWork();
    expect(codeAndStage(path)).toEqual([[2, 0, 'flushed']]);
    expect(gone.answers).toEqual([]);
  });
});

describe('the ring', () => {
  it('is used many times over; each answer belongs to its own request', () => {
    const path = new DataPath({ ringBytes: 8192, slots: 8, queues: 2 });
    let sent = 0;
    let answered = 0;
    for (let tries = 0; sent < 2000; tries++) {
      expect(tries).toBeLessThan(10_000);
      const opaque = sent;
      const outcome = path.net.send({
        opaque,
        queueId: sent % 2,
        body: `${sent}`.padEnd(1 + ((sent * 37) % 1500), '.'),
      });
      if (outcome === SendOutcome.queued) sent++;
      if (outcome === SendOutcome.queued && sent % 3 !== 0) continue;
      path.append.doWork();
      for (const answer of path.net.answers()) {
        expect(answer).toMatchObject({ opaque: answered, code: 0 });
        expect(answer.extFields!.get('queueOffset')).toBe(`${Math.floor(answered / 2)}`);
        answered++;
      }
    }
    expect(path.log.end).toBeGreaterThan(20 * 8192);
    expect(
      path
        .records()
        .map(({ body }) => Number.parseInt(body, 10))
        .slice(0, 3),
    ).toEqual([0, 1, 2]);
  });

  it('does not give a slot back before its result was read', () => {
    const path = new DataPath({ slots: 4 });
    for (let i = 0; i < 4; i++) path.net.send({ opaque: i });
    path.write();
    expect(path.net.send({ opaque: 4 })).toBe(SendOutcome.noRoom);
    expect(path.net.answers()).toHaveLength(4);
    expect(path.net.send({ opaque: 4 })).toBe(SendOutcome.queued);
  });
});
