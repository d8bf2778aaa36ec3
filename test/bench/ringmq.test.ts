/** The benchmark with what it is for: RingMQ as it starts it, in both modes, for a moment. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runBench } from '../../src/bench/bench.ts';
import type { BenchResult } from '../../src/bench/result.ts';

/** Two brokers start and stop meanwhile. */
const DEADLINE_MS = 90_000;

let folder: string;
let result: BenchResult;

beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/ringmq-bench-test-`);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const raw = {
    inFlight: '1,16',
    rate: '300',
    duration: '0.4',
    warmUp: '0.1',
    store: `${folder}/store`,
    report: `${folder}/report/bench.html`,
  };
  result = await runBench(raw, { stdout: nowhere, stderr: nowhere, command: 'ringmq bench' });
}, DEADLINE_MS);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('verifies both modes', () => {
  expect(result.failures).toEqual([]);
  expect(result.subjects.map((subject) => subject.name)).toEqual(['RingMQ async', 'RingMQ sync']);
});

it('has one receipt and the fsyncs that it stands for in each mode', () => {
  const [asynchronous, synchronous] = result.subjects.map((subject) => subject.throughput[0]);
  expect(asynchronous?.durability).toBe('written');
  expect(synchronous?.durability).toBe('flushed');
  // One message in flight: no two share an fdatasync.
  expect(synchronous?.broker.logFsyncsPerMessage).toBeGreaterThan(0.9);
  expect(asynchronous?.broker.logFsyncsPerMessage).toBeLessThan(0.5);
});

it('has the stages of a send in their order', () => {
  for (const { stages, placement } of result.subjects) {
    expect(stages?.map((stage) => stage.name)).toEqual(['append', 'write', 'flush', 'answer']);
    expect(stages?.find((stage) => stage.name === 'answer')?.count).toBeGreaterThan(0);
    expect(placement).toBe('full');
  }
});

it('leaves a report and no stores', () => {
  expect(readFileSync(`${folder}/report/bench.html`, 'utf8')).toContain('Where a send spends its time');
  expect(existsSync(`${folder}/store`)).toBe(true);
  expect(readdirSync(`${folder}/store`)).toEqual([]);
});
