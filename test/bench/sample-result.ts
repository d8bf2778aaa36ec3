/** A result as a run of two modes gives it, with figures that can be found again in what is drawn from them. */
import { type LatencySummary, newHistogram, recordUs, summarize } from '../../src/bench/histograms.ts';
import type { BenchResult, PhaseResult, SubjectResult } from '../../src/bench/result.ts';
import type { Verification } from '../../src/bench/verification.ts';

export function summaryOf(fromUs: number, toUs: number, samples = 10_000): LatencySummary {
  const histogram = newHistogram();
  for (let at = 0; at < samples; at++) recordUs(histogram, fromUs + ((toUs - fromUs) * at) / samples);
  return summarize(histogram);
}

const SOUND: Verification = {
  expected: 250_000,
  read: 250_000,
  missing: 0,
  reordered: 0,
  duplicates: 0,
  corrupted: 0,
  misplaced: 0,
  foreign: 0,
  unacknowledgedRead: 0,
  examples: [],
  isSound: true,
};

function phase(perSecond: number): PhaseResult {
  return {
    perSecond,
    seconds: 1,
    acknowledged: perSecond,
    publish: summaryOf(100, 2_000),
    course: Array.from({ length: 10 }, () => perSecond),
    courseStepSeconds: 0.1,
    refusals: {},
    unanswered: 0,
    durability: 'written',
    verification: SOUND,
    broker: {
      logFsyncs: 12,
      logFsyncsPerMessage: 0.0123,
      cpuUsPerMessage: 4.56,
      residentBytes: 123 * 2 ** 20,
      stageMeansUs: { append: 7.77, answer: 88.8 },
    },
    client: { cpuUsPerMessage: 1.2, cores: 0.34 },
  };
}

export function sampleSubject(name: string, perSecond: number): SubjectResult {
  return {
    name,
    version: '0.1.0',
    flush: name.endsWith('sync') ? 'sync' : null,
    placement: 'full',
    address: '127.0.0.1:10911',
    throughput: [1, 256].map((inFlight) => ({ inFlight, ...phase(perSecond * inFlight) })),
    latency: [
      {
        rate: 10_000,
        rateName: '10000',
        ...phase(10_000),
        endToEnd: summaryOf(300, 5_000),
        lag: summaryOf(10, 90),
        unsent: 0,
      },
    ],
    stages: [
      { name: 'append', count: 100, meanUs: 7.77, p50Us: 5, p99Us: 50, p999Us: 500, maxUs: 5_000 },
      { name: 'answer', count: 100, meanUs: 88.8, p50Us: 80, p99Us: 800, p999Us: 8_000, maxUs: 80_000 },
    ],
  };
}

export function sampleResult(changes: Partial<BenchResult> = {}): BenchResult {
  return {
    ok: true,
    failures: [],
    command: 'ringmq bench --set a=b',
    startedAt: '2026-01-02T03:04:05.678Z',
    elapsedSeconds: 12,
    software: { version: '0.1.0', commit: 'abcdef123456', node: 'v20.19.0' },
    machine: {
      cpu: 'A Processor',
      cores: 2,
      memoryBytes: 8 * 2 ** 30,
      system: 'Linux 6.1',
      disk: { kind: 'ext4 on /dev/vda', fdatasync: summaryOf(70, 500) },
    },
    load: { bodyBytes: 1024, topics: 1, queues: 8, connections: 4, header: 'json', loadThreads: 1 },
    subjects: [sampleSubject('RingMQ async', 1_000), sampleSubject('RingMQ sync', 500)],
    ...changes,
  };
}

export const FAILED: Partial<BenchResult> = {
  ok: false,
  failures: [
    'RingMQ sync, 256 in flight: 3 missing of 250000 messages; message 1 of lane 2 was acknowledged and is nowhere',
  ],
};
