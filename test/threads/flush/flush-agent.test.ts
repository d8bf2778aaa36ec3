import { beforeEach, describe, expect, it } from 'vitest';
import type { FlushAgent } from '../../../src/threads/flush/flush-agent.ts';
import { DataPath } from '../data-path.ts';

const SEGMENT = 16 * 1024;

let path: DataPath;
let flush: FlushAgent;

function start(flushDiskType: 'SYNC_FLUSH' | 'ASYNC_FLUSH', segmentBytes = SEGMENT): void {
  path = new DataPath({
    segmentBytes,
    settings: { flushDiskType, flushIntervalCommitLog: 500, flushAheadBytes: 64 * 1024 },
  });
  flush = path.flusher();
  path.disk.journal.length = 0;
}

function send(body = 'body'): void {
  path.clock.passMs(1);
  path.net.send({ body });
  path.write();
  path.net.answers();
}

const written = (): number => path.status.watermark('written').read();
const flushed = (): number => path.status.watermark('flushed').read();
function settle(): void {
  for (let turns = 0; flush.hasWork() && turns < 1000; turns++) flush.doWork();
}
const syncs = (): string[] => path.disk.journal.filter((line) => line.startsWith('fdatasync /store/commitlog/'));

describe('sync flush', () => {
  beforeEach(() => start('SYNC_FLUSH'));

  it('shows a byte as flushed only after the fdatasync that covers it, and one covers all that is written', () => {
    for (let i = 0; i < 5; i++) send();
    expect(flush.hasWork()).toBe(true);
    let seenInSync = -1;
    path.disk.fault = (operation) => {
      if (operation === 'fdatasync') seenInSync = flushed();
      return null;
    };
    expect(flush.doWork()).toBe(1);
    expect(seenInSync).toBe(0);
    expect(flushed()).toBe(written());
    expect(syncs()).toHaveLength(1);
    expect(flush.hasWork()).toBe(false);
    expect(flush.doWork()).toBe(0);
    expect(syncs()).toHaveLength(1);
  });

  it('does not count what is written during the fdatasync', () => {
    send();
    const before = written();
    path.disk.fault = (operation) => {
      if (operation === 'fdatasync' && written() === before) {
        path.disk.fault = () => null;
        send('later');
      }
      return null;
    };
    flush.doWork();
    expect(written()).toBeGreaterThan(before);
    expect(flushed()).toBe(before);
    flush.doWork();
    expect(flushed()).toBe(written());
  });

  it('flushes the older segment before the newer one', () => {
    while (written() < SEGMENT) send('x'.repeat(1000));
    flush.doWork();
    expect(syncs()).toEqual([
      'fdatasync /store/commitlog/00000000000000000000',
      'fdatasync /store/commitlog/00000000000000016384',
    ]);
    expect(flushed()).toBe(written());
  });

  it('stops the broker when fdatasync fails, and does not try again', () => {
    send();
    path.disk.fault = (operation) => (operation === 'fdatasync' ? 'EIO' : null);
    expect(() => flush.doWork()).toThrow('EIO');
    expect(flushed()).toBe(0);
  });

  it('takes a full disk during fdatasync for a failure: the pages may be lost', () => {
    send();
    path.disk.fault = (operation) => (operation === 'fdatasync' ? 'ENOSPC' : null);
    expect(() => flush.doWork()).toThrow('disk full');
    expect(flushed()).toBe(0);
  });
});

describe('without a descriptor', () => {
  const opensFail = (): void => {
    path.disk.fault = (operation) => (operation === 'open' ? 'EMFILE' : null);
  };

  it('the log waits for its flush, without a turn in between, and then is flushed', () => {
    start('SYNC_FLUSH');
    while (written() <= SEGMENT) send('x'.repeat(1000));
    opensFail();
    flush.doWork();
    expect(flushed()).toBe(0);
    expect(flush.hasWork()).toBe(false);
    path.disk.fault = () => null;
    path.clock.passMs(flush.sleepMaxMs());
    settle();
    expect(flushed()).toBe(written());
  });

  it('a queue file waits for its turn and is not passed over', () => {
    start('SYNC_FLUSH');
    const { agent } = path.dispatcher();
    send();
    flush.doWork();
    agent.doWork();
    path.clock.passMs(10_000);
    agent.doWork();
    opensFail();
    flush.doWork();
    path.disk.fault = () => null;
    path.clock.passMs(flush.sleepMaxMs());
    for (let steps = 0; steps < 20; steps++) {
      flush.doWork();
      path.clock.passMs(flush.sleepMaxMs());
    }
    expect(path.disk.journal).toContain('fdatasync /store/consumequeue/T/0/00000000000000000000');
    expect(path.status.watermark('queuesSyncedAt').read()).toBeGreaterThan(0);
  });
});

describe('async flush', () => {
  beforeEach(() => start('ASYNC_FLUSH', 1024 * 1024));

  it('flushes when its time has come', () => {
    send();
    expect(flush.hasWork()).toBe(false);
    flush.doWork();
    expect(flushed()).toBe(0);
    expect(flush.sleepMaxMs()).toBeLessThanOrEqual(500);
    path.clock.passMs(499);
    expect(flush.hasWork()).toBe(true);
    flush.doWork();
    expect(flushed()).toBe(written());
    send();
    path.clock.passMs(400);
    expect(flush.hasWork()).toBe(false);
  });

  it('does not sleep beyond the time of what is written already', () => {
    send();
    path.clock.passMs(300);
    expect(flush.sleepMaxMs()).toBeLessThanOrEqual(200);
  });

  it('flushes before its time when much is written', () => {
    while (written() < 64 * 1024) {
      expect(flush.hasWork()).toBe(false);
      send('x'.repeat(10_000));
    }
    expect(flush.hasWork()).toBe(true);
    flush.doWork();
    expect(flushed()).toBe(written());
  });

  it('flushes everything at the end', () => {
    send();
    flush.close();
    expect(flushed()).toBe(written());
    expect(syncs()).toHaveLength(1);
  });

  it('does nothing in a broker that does nothing', () => {
    path.clock.passMs(60_000);
    expect(flush.hasWork()).toBe(false);
    expect(flush.doWork()).toBe(0);
    expect(path.disk.journal).toEqual([]);
  });
});

describe('the next segment', () => {
  beforeEach(() => start('SYNC_FLUSH'));
  const names = (): string[] => path.disk.list('/store/commitlog').filter((name) => /^\d+$/.test(name));

  it('is made when an eighth of the one before is written, whole and with a durable name', () => {
    while (written() * 8 < SEGMENT) {
      expect(names()).toHaveLength(1);
      send('x'.repeat(1000));
      settle();
    }
    flush.doWork();
    settle();
    expect(names()).toEqual(['00000000000000000000', '00000000000000016384']);
    expect(path.disk.stat('/store/commitlog/00000000000000016384')!.size).toBe(SEGMENT);
    expect(path.disk.journal).toContain('fsync /store/commitlog');
    while (written() <= SEGMENT) send('x'.repeat(1000));
    expect(path.log.unpreparedSegments).toBe(0);
  });

  it('is there in time also when each flush covers more of the log than one step of zeros', () => {
    const segment = 4 * 1024 * 1024;
    start('SYNC_FLUSH', segment);
    flush = path.flusher(true);
    while (written() <= segment) {
      for (let sends = 0; sends < 30; sends++) send('x'.repeat(10_000));
      flush.doWork();
    }
    expect(path.log.unpreparedSegments).toBe(0);
  });

  it('costs no zeros after a start before the log goes on, wherever that is, and is there in time', () => {
    const segment = 4 * 1024 * 1024;
    start('SYNC_FLUSH', segment);
    const preparing = (): number => path.disk.journal.filter((line) => line.includes('commitlog.preparing')).length;
    while (written() < 0.6 * segment) send('x'.repeat(10_000));
    flush = path.flusher(true);
    flush.doWork();
    const begun = preparing();
    settle();
    expect(preparing()).toBe(begun);
    while (written() <= segment) {
      for (let sends = 0; sends < 10; sends++) send('x'.repeat(10_000));
      flush.doWork();
    }
    expect(path.log.unpreparedSegments).toBe(0);
  });

  it('is given up when append had to make it', () => {
    const segment = 4 * 1024 * 1024;
    start('SYNC_FLUSH', segment);
    flush = path.flusher(true);
    while (written() < segment / 2) send('x'.repeat(10_000));
    flush.doWork();
    expect(path.disk.stat('/store/commitlog.preparing')).not.toBeNull();
    while (written() <= segment) send('x'.repeat(10_000));
    expect(path.log.unpreparedSegments).toBe(1);
    flush.doWork();
    expect(path.disk.stat('/store/commitlog.preparing')).toBeNull();
  });

  it('is append’s to make when the disk is full, and flushing goes on', () => {
    path.disk.fault = (operation, file) => (operation === 'resize' || file.includes('16384') ? 'ENOSPC' : null);
    while (written() * 2 < SEGMENT) send('x'.repeat(1000));
    for (let turns = 0; turns < 5; turns++) flush.doWork();
    expect(flushed()).toBe(written());
    expect(names()).toHaveLength(1);
    send();
    flush.doWork();
    expect(flushed()).toBe(written());
  });
});

describe('the checkpoint', () => {
  beforeEach(() => start('SYNC_FLUSH'));

  /** Dispatch hands over a round that ends at `logOffset`. */
  function round(storeTimestamp: number, logOffset: number): void {
    path.rounds.push({
      files: [],
      folders: [],
      storeTimestamp,
      logOffset,
      lookFrom: 0,
      queueCount: 0,
      queueEntries: 0,
      indexTimestamp: 0,
      indexCountedTo: -1,
      indexEnd: -1,
    });
    path.clock.passMs(10);
  }

  it('names what is flushed in the log and durable in the queues, and is written only when that has moved', () => {
    send();
    const storedAt = path.clock.wallMs;
    const end = written();
    flush.doWork();
    expect(path.checkpoints).toEqual([]);
    round(storedAt, end);
    // Written, and not flushed.
    send();
    const sentAt = path.clock.wallMs;
    path.disk.fault = (operation) => {
      if (operation === 'fdatasync') expect(path.checkpoints).toEqual([]);
      return null;
    };
    flush.doWork();
    expect(path.checkpoints).toMatchObject([{ logAt: sentAt, queuesAt: storedAt, filedTo: end }]);
    flush.doWork();
    expect(path.checkpoints).toHaveLength(1);
  });

  it('never names a record that was written while the log was flushed', () => {
    send();
    const storedAt = path.clock.wallMs;
    const end = written();
    path.disk.fault = (operation) => {
      if (operation === 'fdatasync' && written() === end) {
        path.disk.fault = () => null;
        send('later');
        round(path.clock.wallMs, end);
      }
      return null;
    };
    flush.doWork();
    expect(path.checkpoints).toMatchObject([{ logAt: storedAt, filedTo: end }]);
  });

  it('waits until the log is flushed as far as the queues are', () => {
    start('ASYNC_FLUSH');
    send();
    round(path.clock.wallMs, written());
    flush.doWork();
    expect(flushed()).toBe(0);
    expect(path.checkpoints).toEqual([]);
    path.clock.passMs(1000);
    flush.doWork();
    expect(path.checkpoints).toMatchObject([{ filedTo: written() }]);
  });

  it('is written again when there was no room for it', () => {
    send();
    flush.doWork();
    round(path.clock.wallMs, written());
    path.checkpointsFail = true;
    flush.doWork();
    path.checkpointsFail = false;
    flush.doWork();
    expect(path.checkpoints).toHaveLength(1);
  });

  it('is left as it is when the log cannot be flushed at the end for want of descriptors', () => {
    start('ASYNC_FLUSH');
    // The first segment is open already.
    while (written() <= SEGMENT) send('x'.repeat(1000));
    round(path.clock.wallMs, written());
    path.disk.fault = (operation, file) => (operation === 'open' && file.includes('/commitlog/') ? 'EMFILE' : null);
    flush.close();
    expect([flushed(), path.checkpoints]).toEqual([0, []]);
  });

  it('is written at the end', () => {
    send();
    const sentAt = path.clock.wallMs;
    round(sentAt, written());
    flush.close();
    expect(path.checkpoints).toMatchObject([{ logAt: sentAt, queuesAt: sentAt, filedTo: written() }]);
  });
});
