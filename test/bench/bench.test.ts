import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Writable } from 'node:stream';
import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { after } from '../../src/base/clock.ts';
import { runBench } from '../../src/bench/bench.ts';
import type { RawBenchOptions } from '../../src/bench/options.ts';
import type { BenchResult } from '../../src/bench/result.ts';
import { RecordAt } from '../../src/layout/message-record.ts';
import { FakeBroker, type FakeBrokerOptions } from './fake-broker.ts';

let folder: string;
let broker: FakeBroker;

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/ringmq-bench-test-`);
});

afterEach(async () => {
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Small and short; what a test is about comes with `options`. */
const SHORT: RawBenchOptions = {
  size: '100',
  queues: '3',
  connections: '2',
  inFlight: 'none',
  rate: 'none',
  duration: '0.2',
  warmUp: '0',
  patience: '0.5',
  report: false,
};

async function bench(
  options: RawBenchOptions,
  fake: FakeBrokerOptions = {},
): Promise<{ result: BenchResult; stdout: string; stderr: string }> {
  broker = await FakeBroker.start(fake);
  const stdout = new Lines();
  const stderr = new Lines();
  const raw = { ...SHORT, target: broker.address, store: `${folder}/store`, ...options };
  const result = await runBench(raw, { stdout, stderr, command: 'ringmq bench --for-a-test' });
  return { result, stdout: stdout.text, stderr: stderr.text };
}

class Lines extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

it('measures and verifies a closed and an open loop', async () => {
  const { result, stdout, stderr } = await bench({ inFlight: '1,5', rate: '200,half', topics: '2' });
  expect(result.failures).toEqual([]);
  expect(result).toMatchObject({ ok: true, command: 'ringmq bench --for-a-test' });
  const [subject] = result.subjects;
  const phases = [...(subject?.throughput ?? []), ...(subject?.latency ?? [])];
  expect(phases).toHaveLength(4);
  const sent = phases.reduce((sum, phase) => sum + phase.verification.expected, 0);
  expect(sent).toBe(broker.messages);
  for (const phase of phases) {
    expect(phase.verification).toMatchObject({ read: phase.verification.expected, missing: 0, duplicates: 0 });
    expect(phase.acknowledged).toBeGreaterThan(0);
    expect(phase.publish.count).toBeGreaterThanOrEqual(phase.acknowledged / 2);
    expect(phase.course.reduce((sum, perSecond) => sum + perSecond, 0)).toBeCloseTo(phase.acknowledged * 10, 0);
    expect(phase.broker).toMatchObject({ logFsyncs: null, stageMeansUs: null });
  }
  // Every message of an open loop's schedule is there and has been timed twice.
  const [slow] = subject?.latency ?? [];
  expect(slow).toMatchObject({ rate: 200, unsent: 0, unanswered: 0, publish: { count: 40 }, endToEnd: { count: 40 } });
  expect(decodeFromCompressedBase64(slow?.publish.histogram ?? '').totalCount).toBe(40);
  expect(stdout).toContain('messages/s');
  expect(stderr).toContain('latency at 200/s');
});

it.each(['json', 'rocketmq'])('speaks with %s headers', async (header) => {
  const { result } = await bench({ inFlight: '4', header });
  expect(result.ok).toBe(true);
});

it('shows a broker that stalls in the latencies of all messages that were due meanwhile', async () => {
  const stallMs = 400;
  let isStalled = false;
  const answer = (index: number): number => {
    if (index === 300 && !isStalled) {
      isStalled = true;
      broker.hold();
      after(stallMs, () => broker.release());
    }
    return 0;
  };
  const { result } = await bench({ rate: '1000', duration: '1' }, { answer });
  const publish = decodeFromCompressedBase64(result.subjects[0]?.latency[0]?.publish.histogram ?? '');
  expect(isStalled).toBe(true);
  expect(publish.totalCount).toBe(1_000);
  // At a thousand a second those of the first half of the stall waited for more than the second half of it.
  expect(publish.getValueAtPercentile(85)).toBeGreaterThan((stallMs / 2) * 1000);
});

describe('a run whose verification fails', () => {
  const fourth = (fault: (body: Uint8Array) => Uint8Array[]) => ({
    store: (body: Uint8Array, index: number) => (index === 3 ? fault(body) : [body]),
  });

  async function failure(fake: FakeBrokerOptions, options: RawBenchOptions = { inFlight: '4' }): Promise<string> {
    const { result, stdout, stderr } = await bench(options, fake);
    expect(result.ok).toBe(false);
    expect(result.failures).toHaveLength(1);
    expect(stdout).toContain('VERIFICATION FAILED');
    expect(stdout).not.toContain('messages/s');
    expect(stderr).toContain('VERIFICATION FAILED');
    expect(stderr).not.toContain('p99');
    return result.failures[0] ?? '';
  }

  it('says that an acknowledged message is lost', async () => {
    expect(await failure(fourth(() => []))).toMatch(
      /1 missing of \d+ messages; message \d+ of lane \d was acknowledged/,
    );
  });

  it('says so of an open loop too', async () => {
    expect(
      await failure(
        fourth(() => []),
        { rate: '200' },
      ),
    ).toContain('1 missing');
  });

  it('says that a body is not what was sent', async () => {
    const flip = (body: Uint8Array): Uint8Array[] => {
      body[3]! ^= 1;
      return [body];
    };
    expect(await failure(fourth(flip))).toContain('1 corrupted');
  });

  it("says that a record's checksum is not its body's", async () => {
    const record = (bytes: Buffer, index: number): void => {
      if (index === 3) bytes[RecordAt.bodyCrc + 3]! ^= 1;
    };
    expect(await failure({ record })).toContain('another checksum than its body');
  });

  it('says that a queue has a gap', async () => {
    const record = (bytes: Buffer, index: number): void => {
      if (index === 3) bytes.writeBigInt64BE(bytes.readBigInt64BE(RecordAt.queueOffset) + 1n, RecordAt.queueOffset);
    };
    expect(await failure({ record })).toMatch(/ corrupted.*; offset \d where queue \d was to have \d/);
  });

  it('says that messages of a lane changed places', async () => {
    // One lane and one queue: what is kept back comes after its successor.
    let kept: Uint8Array | null = null;
    const store = (body: Uint8Array, index: number): Uint8Array[] => {
      if (index === 3) kept = body;
      if (index === 3) return [];
      return index === 4 && kept !== null ? [body, kept] : [body];
    };
    expect(await failure({ store }, { inFlight: '1', queues: '1' })).toContain('1 reordered');
  });
});

it('times a message that is never answered with the time it waited', async () => {
  const { result, stdout } = await bench({ rate: '200' }, { answer: (index) => (index === 3 ? null : 0) });
  const [phase] = result.subjects[0]?.latency ?? [];
  expect(result.failures).toEqual([]);
  expect(phase).toMatchObject({ unanswered: 1, publish: { count: 40 } });
  // The patience of these tests.
  expect(phase?.publish.maxUs).toBeGreaterThan(500_000);
  expect(stdout).toContain('1 requests without an answer');
});

it('reads on to the end of each queue, where duplicates may be', async () => {
  const afterLoad = (queue: Uint8Array[]): void => {
    const copy = Buffer.from(queue[0] ?? []);
    copy.writeBigInt64BE(BigInt(queue.length), RecordAt.queueOffset);
    queue.push(copy);
  };
  const { result } = await bench({ rate: '200' }, { afterLoad });
  expect(result.subjects[0]?.latency[0]?.verification).toMatchObject({ duplicates: 3, missing: 0 });
});

it('counts duplicates', async () => {
  const { result } = await bench({ inFlight: '4' }, { store: (body, index) => (index === 3 ? [body, body] : [body]) });
  expect(result.subjects[0]?.throughput[0]?.verification).toMatchObject({ duplicates: 1, isSound: true });
});

it('does not expect what was refused', async () => {
  const busy = 2;
  const { result } = await bench(
    { inFlight: '4' },
    { answer: (index) => (index === 3 ? busy : 0), store: (body, index) => (index === 3 ? [] : [body]) },
  );
  const [phase] = result.subjects[0]?.throughput ?? [];
  expect(phase).toMatchObject({ refusals: { SYSTEM_BUSY: 1 }, verification: { missing: 0 } });
  expect(phase?.verification.expected).toBe(broker.messages - 1);
});

it("takes the broker's own figures", async () => {
  let asked = 0;
  const runtimeInfo = (): Record<string, string> => {
    asked++;
    return {
      'ringmq.placement': 'compact',
      'ringmq.counter.syncs': String(asked * 100),
      'ringmq.stage.write.count': String(asked * 1_000),
      'ringmq.stage.write.mean': '5',
      'ringmq.stage.write.p99': '12',
    };
  };
  const { result } = await bench({ inFlight: '4' }, { runtimeInfo });
  const [subject] = result.subjects;
  expect(subject).toMatchObject({
    name: 'RingMQ',
    placement: 'compact',
    stages: [{ name: 'write', meanUs: 5, p99Us: 12 }],
  });
  const [phase] = subject?.throughput ?? [];
  expect(phase?.broker).toMatchObject({ logFsyncs: 100, stageMeansUs: { write: 5 } });
  expect(phase?.broker.logFsyncsPerMessage).toBeCloseTo(100 / (phase?.acknowledged ?? 0), 6);
  // The broker is this process.
  expect(phase?.broker.cpuUsPerMessage).toBeGreaterThan(0);
});

it('measures another broker beside the first, for the same report', async () => {
  const other = await FakeBroker.start();
  try {
    const { result } = await bench({ inFlight: '4', beside: [other.address] });
    expect(result.failures).toEqual([]);
    expect(result.subjects.map((subject) => subject.address)).toEqual([broker.address, other.address]);
    expect(other.messages).toBe(result.subjects[1]?.throughput[0]?.verification.expected);
  } finally {
    await other.close();
  }
});

it('writes the result as JSON when asked', async () => {
  const { result, stdout } = await bench({ inFlight: '4', json: true });
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(result)));
});

it('refuses flags that make no sense', async () => {
  await expect(bench({ queues: '0' })).rejects.toThrow('--queues takes a whole number from 1 to 1024; not 0');
  await broker.close();
  await expect(bench({ rate: 'half' })).rejects.toThrow('half');
});
