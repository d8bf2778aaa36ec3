/** What a run of the benchmark found: the JSON of `ringmq bench --json`, and what the table and the HTML report are made of. */
import type { LatencySummary } from './histograms.ts';
import type { Verification } from './verification.ts';

export interface BenchResult {
  /** False when a verification failed. The figures are here all the same, for whoever looks for the fault, and shown nowhere. */
  readonly ok: boolean;
  /** What failed, in words. */
  readonly failures: readonly string[];
  readonly command: string;
  readonly startedAt: string;
  readonly elapsedSeconds: number;
  readonly software: SoftwareFacts;
  readonly machine: MachineFacts;
  readonly load: LoadFacts;
  readonly subjects: readonly SubjectResult[];
}

export interface SoftwareFacts {
  readonly version: string;
  /** Null outside of a git clone. */
  readonly commit: string | null;
  readonly node: string;
}

export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  /** Where the stores lie. */
  readonly disk: DiskFacts;
}

export interface DiskFacts {
  /** File system and device, "ext4 on /dev/vda (solid state)". */
  readonly kind: string;
  /** Of 4 KiB, written and synced one after another; null when it was not measured. */
  readonly fdatasync: LatencySummary | null;
}

export interface LoadFacts {
  readonly bodyBytes: number;
  readonly topics: number;
  readonly queues: number;
  readonly connections: number;
  readonly header: string;
  readonly loadThreads: number;
}

/** A broker that was measured: RingMQ in one flush mode, or whatever runs at the target. */
export interface SubjectResult {
  readonly name: string;
  readonly version: string;
  /** "async" or "sync", as far as it is known. */
  readonly flush: string | null;
  readonly placement: string | null;
  readonly address: string;
  readonly throughput: readonly ThroughputResult[];
  readonly latency: readonly LatencyResult[];
  /** Of all phases together; null when the broker does not tell. */
  readonly stages: readonly StageSummary[] | null;
}

/** What both kinds of phases have. */
export interface PhaseResult {
  /** Acknowledged a second, within the measured time. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly acknowledged: number;
  /** From the intended time to the acknowledgement. */
  readonly publish: LatencySummary;
  /** Acknowledged a second in each step of the measured time. */
  readonly course: readonly number[];
  readonly courseStepSeconds: number;
  /** Answers that were no success, by name. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly unanswered: number;
  /** The receipt in the broker's answers; null when it gives none. */
  readonly durability: string | null;
  readonly verification: Verification;
  readonly broker: BrokerFigures;
  readonly client: ClientFigures;
}

export interface ThroughputResult extends PhaseResult {
  readonly inFlight: number;
}

export interface LatencyResult extends PhaseResult {
  readonly rate: number;
  /** "half" for half of the best throughput. */
  readonly rateName: string;
  /** From the intended time to the consumer. */
  readonly endToEnd: LatencySummary;
  /** How late messages were handed to the socket. */
  readonly lag: LatencySummary;
  /** Messages of the schedule that could not be sent at all. */
  readonly unsent: number;
}

/** Within the measured time; null where the broker does not tell or is not on this machine. */
export interface BrokerFigures {
  /** Of the log alone: what makes sends durable. Preparing segments, queues and the checkpoint have fsyncs that no send waits for. */
  readonly logFsyncs: number | null;
  readonly logFsyncsPerMessage: number | null;
  readonly cpuUsPerMessage: number | null;
  readonly residentBytes: number | null;
  /** Mean time in each stage, in microseconds. */
  readonly stageMeansUs: Readonly<Record<string, number>> | null;
}

export interface ClientFigures {
  readonly cpuUsPerMessage: number;
  /** Processors that the benchmark itself kept busy. */
  readonly cores: number;
}

/** One stage of a send, in microseconds. */
export interface StageSummary {
  readonly name: string;
  readonly count: number;
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}
