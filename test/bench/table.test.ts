import { expect, it } from 'vitest';
import type { ThroughputResult } from '../../src/bench/result.ts';
import { phaseLine, resultTable } from '../../src/bench/table.ts';
import { FAILED, sampleResult, sampleSubject } from './sample-result.ts';

it('has a line for each phase with what it cost', () => {
  const lines = resultTable(sampleResult()).split('\n');
  const closed = lines.filter((line) => line.includes('256,000'));
  expect(closed).toHaveLength(1);
  for (const cell of ['256', '0.0123', '4.56 µs', '123 MiB', '0.34 cores', '250,000'])
    expect(closed[0]).toContain(cell);
  const open = lines.filter((line) => line.trimStart().startsWith('10,000'));
  expect(open).toHaveLength(2);
  expect(open[0]).toMatch(/1\.0\d ms.*1\.98 ms.*2\.65 ms/);
});

it('aligns its columns', () => {
  const table = resultTable(sampleResult()).split('\n\n')[0] as string;
  const rows = table.split('\n').filter((line) => /^ {2}/.test(line));
  expect(rows.length).toBeGreaterThan(2);
  expect(new Set(rows.map((row) => row.length)).size).toBe(1);
});

it('shows a dash for what the broker does not tell', () => {
  const subject = sampleSubject('Apache RocketMQ', 100);
  const broker = {
    logFsyncs: null,
    logFsyncsPerMessage: null,
    cpuUsPerMessage: null,
    residentBytes: null,
    stageMeansUs: null,
  };
  const throughput = subject.throughput.map((phase) => ({ ...phase, broker }));
  const row = resultTable(sampleResult({ subjects: [{ ...subject, throughput, latency: [], stages: null }] }))
    .split('\n')
    .find((line) => line.includes('25,600'));
  expect(row?.match(/ - /g)).toHaveLength(3);
});

it('says what was verified and what went wrong on the way', () => {
  const [subject] = sampleResult().subjects;
  if (subject === undefined) throw new Error('the sample has subjects');
  const throughput = subject.throughput.map((phase) => ({ ...phase, refusals: { SYSTEM_BUSY: 17 }, unanswered: 3 }));
  const text = resultTable(sampleResult({ subjects: [{ ...subject, throughput }] }));
  expect(text).toContain('all 750,000 acknowledged messages were read back');
  expect(text).toContain('RingMQ async, 256 in flight: 17 answers SYSTEM_BUSY');
  expect(text).toContain('RingMQ async, 256 in flight: 3 requests without an answer');
});

it('gives reasons instead of figures when verification failed', () => {
  const text = resultTable(sampleResult(FAILED));
  expect(text).toContain('VERIFICATION FAILED');
  expect(text).toContain('3 missing of 250000');
  expect(text).not.toContain('256,000');
});

it('says no figures of a phase that failed, while the run goes on', () => {
  const phase = sampleSubject('RingMQ', 256_000).throughput[0] as ThroughputResult;
  expect(phaseLine(phase)).toMatch(/^\d.*\/s, p99 .* verified/);
  const failed = { ...phase, verification: { ...phase.verification, isSound: false, duplicates: 2 } };
  expect(phaseLine(failed)).toBe('VERIFICATION FAILED, 2 messages twice');
});
