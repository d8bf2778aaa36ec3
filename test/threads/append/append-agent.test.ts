import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SendOutcome } from '../../../src/broker/send-message.ts';
import { encodeBatch } from '../../../src/layout/batch-item.ts';
import { DescriptorInt } from '../../../src/layout/request-descriptor.ts';
import { DataPath, type LoggedRecord } from '../data-path.ts';
import { SendReply } from '../test-net.ts';

const RECORD_ROOM = 8;

function batchOf(bodies: readonly string[]): Uint8Array {
  return encodeBatch(
    bodies.map((body) => ({ flag: 0, body: Buffer.from(body), properties: Buffer.from('UNIQ_KEY\u0001k\u0002') })),
  );
}

function codes(path: DataPath, net = 0): number[] {
  return path.nets[net]!.answers().map(({ code }) => code);
}

/** Size of the record of a one-byte body without properties of its own. */
function smallestRecord(): number {
  const path = new DataPath();
  path.net.send({ body: 'x' });
  path.write();
  return path.log.end;
}

describe('offsets', () => {
  it('follow each other in every queue and in the log, over batches and producers', () => {
    const path = new DataPath({ nets: 2 });
    path.nets[0]!.send({ queueId: 1, body: 'a' });
    path.nets[1]!.send({ queueId: 1, body: batchOf(['b', 'cc', 'ddd']), code: 320, batch: true });
    path.nets[0]!.send({ queueId: 2, body: 'e' });
    path.write();
    path.nets[0]!.send({ queueId: 1, body: 'f' });
    path.write();
    const records = path.records();
    expect(records.map(({ queueId, queueOffset }) => [queueId, queueOffset])).toEqual(
      // The second producer comes first in the first turn: another one begins each time.
      [
        [1, 0],
        [1, 1],
        [1, 2],
        [1, 3],
        [2, 0],
        [1, 4],
      ],
    );
    expect(records.map(({ body }) => body)).toEqual(['b', 'cc', 'ddd', 'a', 'e', 'f']);
    expectContiguous(records);
    expect(path.status.watermark('written').read()).toBe(path.log.end);
  });

  it('go on where recovery says, for a topic that was made again at 0', () => {
    const path = new DataPath({ recovered: [{ topic: 'T', queueId: 0, next: 7000 }] });
    path.net.send({ queueId: 0 });
    path.net.send({ queueId: 1 });
    path.write();
    path.addTopic('T', 1);
    path.net.send({ queueId: 0 });
    path.write();
    expect(path.records().map(({ queueOffset }) => queueOffset)).toEqual([7000, 0, 0]);
  });
});

describe('the store time', () => {
  it('never goes back, neither with the clock nor behind what is in the log already', () => {
    const path = new DataPath({ lastStoreTimestamp: 1_700_000_000_500 });
    const send = (wallMs: number): void => {
      path.clock.wallMs = wallMs;
      path.net.send();
      path.write();
    };
    for (const wallMs of [1_700_000_000_000, 1_700_000_000_900, 1_700_000_000_100]) send(wallMs);
    expect(path.records().map(({ storeTimestamp }) => storeTimestamp - 1_700_000_000_000)).toEqual([500, 900, 900]);
    expect(path.status.watermark('writtenAt').read()).toBe(1_700_000_000_900);
  });
});

describe('runs', () => {
  it('of many requests are one write', () => {
    const path = new DataPath();
    for (let i = 0; i < 20; i++) path.net.send({ body: `message ${i}` });
    path.write();
    expect(path.status.counter('appendRuns')).toBe(1);
    expect(path.status.counter('appendBytes')).toBe(path.log.end);
    expect(path.records()).toHaveLength(20);
  });

  it('are split where the ring wraps', () => {
    const path = new DataPath({ ringBytes: 4096 });
    const send = (number: number): void => {
      expect(path.net.send({ body: `${number}${'x'.repeat(700)}` })).toBe(SendOutcome.queued);
    };
    send(0);
    send(1);
    path.append.doWork();
    send(2);
    path.net.answers();
    send(3);
    // Has no room behind the others any more.
    send(4);
    path.append.doWork();
    expect(path.status.counter('appendRuns')).toBe(3);
    expect(path.records().map((record) => Number.parseInt(record.body, 10))).toEqual([0, 1, 2, 3, 4]);
  });

  it('end with the segment, whose rest is a filler', () => {
    const size = smallestRecord();
    // Three records and a bit.
    const segmentBytes = size * 3 + RECORD_ROOM + 20;
    const path = new DataPath({ segmentBytes: 16 * 1024 + segmentBytes });
    const perSegment = Math.floor((16 * 1024 + segmentBytes - RECORD_ROOM) / size);
    for (let i = 0; i < perSegment + 2; i++) {
      path.net.send({ body: 'x' });
      path.write();
      path.net.answers();
    }
    const records = path.records();
    expect(records).toHaveLength(perSegment + 2);
    expect(records[perSegment]!.logOffset).toBe(path.logFiles.segmentSizeBytes);
    expect(path.disk.list(path.paths.commitLog)).toHaveLength(2);
    expect(path.status.counter('segmentsMadeInline')).toBe(1);
  });

  it('take a request that fits the segment to the byte', () => {
    const size = smallestRecord();
    const path = new DataPath({ segmentBytes: 16 * 1024, ringBytes: 64 * 1024 });
    const rest = 16 * 1024 - RECORD_ROOM - size;
    path.net.send({ body: 'x' });
    path.net.send({ body: 'y'.repeat(rest - size + 1) });
    path.net.send({ body: 'z' });
    path.write();
    const [, fits, next] = path.records();
    expect(fits!.logOffset + fits!.bytes.length).toBe(16 * 1024 - RECORD_ROOM);
    expect(next!.logOffset).toBe(16 * 1024);
  });

  it('never cut a batch: it goes to the next segment as a whole', () => {
    const path = new DataPath({ segmentBytes: 16 * 1024 });
    path.net.send({ body: 'x'.repeat(12_000) });
    const bodies = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(300));
    path.net.send({ body: batchOf(bodies), batch: true, code: 320 });
    path.write();
    const [first, ...batch] = path.records();
    expect(first!.logOffset).toBe(0);
    expect(batch[0]!.logOffset).toBe(16 * 1024);
    expect(batch.map(({ body }) => body)).toEqual(bodies);
  });
});

describe('a full disk', () => {
  it('gives the offsets of the refused run back, and the next send is stored', () => {
    const path = new DataPath();
    path.net.send({ queueId: 0, body: 'before' });
    path.write();
    path.net.answers();
    const end = path.log.end;
    path.disk.roomBytes = 100;
    path.net.send({ queueId: 0, body: 'refused 1' });
    path.net.send({ queueId: 1, body: batchOf(['refused 2', 'refused 3']), batch: true, code: 320 });
    path.net.send({ queueId: 0, body: 'refused 4' });
    path.write();
    expect(codes(path)).toEqual([14, 14, 14]);
    expect(path.net.diskFullAnswers).toBe(3);
    expect(path.warnings).toEqual([
      expect.stringContaining('sends are refused as long as they cannot be written: disk full'),
    ]);
    expect(path.log.end).toBe(end);
    expect(path.status.watermark('written').read()).toBe(end);
    path.disk.roomBytes = Number.POSITIVE_INFINITY;
    path.net.send({ queueId: 1, body: 'after' });
    path.net.send({ queueId: 0, body: 'after' });
    path.write();
    expect(codes(path)).toEqual([0, 0]);
    expect(path.records().map(({ body, queueId, queueOffset }) => [body, queueId, queueOffset])).toEqual([
      ['before', 0, 0],
      ['after', 1, 0],
      ['after', 0, 1],
    ]);
    // Nothing of the refused run is left behind the end, where recovery would look for more.
    const left = path.disk.bytesOf('/store/commitlog/00000000000000000000').subarray(path.log.end);
    expect(left.every((byte) => byte === 0)).toBe(true);
  });

  it.each([
    ['that has no room for the next segment refuses what needs it', 'resize', 'ENOSPC'],
    ['is answered too when no descriptor is left for the next segment', 'open', 'EMFILE'],
  ])('%s', (_, call, code) => {
    const path = new DataPath({ segmentBytes: 16 * 1024 });
    path.net.send({ body: 'x'.repeat(12_000) });
    path.write();
    path.net.answers();
    path.disk.fault = (operation) => (operation === call ? code : null);
    path.net.send({ body: 'y'.repeat(5000) });
    path.write();
    expect(codes(path)).toEqual([14]);
    path.disk.fault = () => null;
    path.net.send({ body: 'z'.repeat(5000) });
    path.write();
    expect(codes(path)).toEqual([0]);
    expect(path.records().map(({ queueOffset }) => queueOffset)).toEqual([0, 1]);
  });

  it('is no failure, an error of the disk is one', () => {
    const path = new DataPath();
    path.disk.fault = (operation) => (operation === 'write' ? 'EIO' : null);
    path.net.send();
    expect(() => path.append.doWork()).toThrow('EIO');
    expect(path.net.answers()).toEqual([]);
    expect(path.status.watermark('written').read()).toBe(0);
  });
});

describe('a queue that was deleted meanwhile', () => {
  it('refuses its sends alone and in the middle of a run; the others are stored', () => {
    const path = new DataPath();
    const [slot] = path.addTopic('Gone', 1);
    path.net.send({ topic: 'Gone' });
    for (const body of ['1', '2']) path.net.send({ body });
    path.net.send({ topic: 'Gone', body: batchOf(['a', 'b']), batch: true, code: 320 });
    path.net.send({ body: '3' });
    path.queueTable.nextGeneration(slot!);
    path.write();
    expect(codes(path)).toEqual([17, 0, 0, 17, 0]);
    expect(path.records().map(({ body, queueOffset }) => [body, queueOffset])).toEqual([
      ['1', 0],
      ['2', 1],
      ['3', 2],
    ]);
  });
});

describe('several producers', () => {
  it('take turns: a busy one does not hold up the others', () => {
    const path = new DataPath({ nets: 3, ringBytes: 1024 * 1024, slots: 1024 });
    for (let i = 0; i < 600; i++) path.nets[0]!.send({ body: `busy ${i}` });
    path.nets[1]!.send({ body: 'one' });
    path.nets[2]!.send({ body: 'two' });
    path.append.doWork();
    const bodies = path.records().map(({ body }) => body);
    expect(bodies).toContain('one');
    expect(bodies).toContain('two');
    expect(bodies.length).toBeLessThan(600);
    path.write();
    expect(path.records()).toHaveLength(602);
  });
});

describe('closing', () => {
  it('writes what was handed over', () => {
    const path = new DataPath({ slots: 1024, ringBytes: 1024 * 1024 });
    for (let i = 0; i < 700; i++) path.net.send({ body: `${i}` });
    path.append.close();
    expect(codes(path)).toHaveLength(700);
    expect(path.records()).toHaveLength(700);
    expect(path.disk.openFiles).toBeLessThanOrEqual(1);
  });
});

describe('any sends', () => {
  const send = fc.record({
    net: fc.nat(1),
    queueId: fc.nat(3),
    bodies: fc.array(fc.nat(900), { minLength: 1, maxLength: 4 }),
    /** Let append run, and net read its results, after this send. */
    writes: fc.boolean(),
    harvests: fc.boolean(),
    /** The disk takes so many more bytes, then a full one for one write. */
    isFull: fc.integer({ min: 0, max: 12 }).map((roll) => roll === 0),
  });

  it('are in the log as they were sent, once, in order, with offsets that follow each other', () => {
    let number = 0;
    const property = fc.property(fc.array(send, { minLength: 1, maxLength: 60 }), (sends) => {
      const path = new DataPath({ nets: 2, ringBytes: 16 * 1024, slots: 16, segmentBytes: 32 * 1024 });
      const expected = new Map<number, string[]>();
      const replies = path.nets.map((_, net) => new SendReply(net));
      const sent = new Map<number, { readonly net: number; readonly queueId: number; readonly bodies: string[] }>();
      const settle = (net: number): void => {
        path.nets[net]!.pending.harvest(0);
        for (const { opaque, code, extFields } of replies[net]!.answers.splice(0)) {
          const { queueId, bodies } = sent.get(opaque)!;
          if (code === 14) continue;
          expect(code).toBe(0);
          const stored = expected.get(queueId) ?? [];
          const first = Number(extFields!.get('queueOffset'));
          for (const [at, body] of bodies.entries()) stored[first + at] = body;
          expected.set(queueId, stored);
        }
      };
      for (const { net, queueId, bodies, writes, harvests, isFull } of sends) {
        const opaque = ++number;
        const texts = bodies.map((length, at) => `${opaque}.${at}.`.padEnd(length, '#'));
        sent.set(opaque, { net, queueId, bodies: texts });
        const isBatch = texts.length > 1;
        path.nets[net]!.send(
          { opaque, queueId, batch: isBatch, body: isBatch ? batchOf(texts) : texts[0]! },
          replies[net]!,
        );
        if (isFull) path.disk.roomBytes = 300;
        if (writes || isFull) path.append.doWork();
        path.disk.roomBytes = Number.POSITIVE_INFINITY;
        if (harvests) settle(net);
      }
      path.write();
      for (const net of path.nets.keys()) settle(net);
      const records = path.records();
      expectContiguous(records);
      for (let queueId = 0; queueId < 4; queueId++) {
        const inQueue = records.filter((record) => record.queueId === queueId);
        expect(inQueue.map(({ body }) => body)).toEqual(expected.get(queueId) ?? []);
        expect(inQueue.map(({ queueOffset }) => queueOffset)).toEqual([...inQueue.keys()]);
      }
      for (const { ends } of path.nets) expect(ends.bytes.usedBytes).toBe(0);
    });
    fc.assert(property, { numRuns: 60 });
  });
});

/** Records lie back to back, but for the fillers at the ends of segments, and say where they lie. */
function expectContiguous(records: readonly LoggedRecord[]): void {
  for (const [at, record] of records.entries()) {
    const before = records[at - 1];
    if (before === undefined) continue;
    const follows = before.logOffset + before.bytes.length;
    expect(record.logOffset === follows || record.logOffset % (16 * 1024) === 0).toBe(true);
    expect(record.storeTimestamp).toBeGreaterThanOrEqual(before.storeTimestamp);
  }
}

describe('a step of 0', () => {
  it('stores a record without moving its queue', () => {
    const path = new DataPath();
    path.net.send({ body: 'counted' });
    path.net.send({ body: 'not counted' });
    const { ints } = path.net.ends.descriptors;
    ints[16 + DescriptorInt.queueOffsetStep] = 0;
    path.net.send({ body: 'counted' });
    path.write();
    expect(path.records().map(({ queueOffset }) => queueOffset)).toEqual([0, 1, 1]);
  });
});
