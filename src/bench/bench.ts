/**
 * The benchmark: starts the brokers to compare (or finds the one to load), runs the phases, verifies each before its figures count, and
 * writes the table, the JSON and the HTML report. Called by `ringmq bench` with the flags of options.ts; the threads are in workers.ts.
 */
import { systemClock } from '../base/clock.ts';
import { brokerAt } from './broker-client.ts';
import { stagesOf } from './broker-figures.ts';
import { writeText } from './files.ts';
import { machineFacts, softwareFacts } from './machine.ts';
import { type BenchSettings, benchSettings, type RawBenchOptions } from './options.ts';
import { PhaseRunner } from './phase-runner.ts';
import { loadThreads, type Phase, phaseTitle, plannedMs, planOf } from './plan.ts';
import { type Progress, type ProgressStream, progressOn } from './progress.ts';
import { phaseName } from './remarks.ts';
import { reportPage } from './report/page.ts';
import type { BenchResult, LatencyResult, SubjectResult, ThroughputResult } from './result.ts';
import { runningBroker, type Subject, startRingmq } from './subject.ts';
import { phaseLine, resultTable } from './table.ts';

/** Where a run shows itself: the result goes to `stdout`, everything on the way to `stderr`. */
export interface BenchOutput {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: ProgressStream;
  /** What the user typed, for the report. */
  readonly command: string;
}

const FULL_SYNC_PROBE_MS = 1_000;
const START_MS = 1_000;

/**
 * Runs the benchmark. Resolves when everything is written; the caller exits non-zero when the result is not `ok`. Throws BenchUsageError for
 * flags that make no sense and other errors when the broker cannot be started, reached or used.
 */
export async function runBench(raw: RawBenchOptions, output: BenchOutput): Promise<BenchResult> {
  const settings = benchSettings(raw);
  const startedAt = systemClock.nowMs();
  const machine = machineFacts(settings.store, Math.min(FULL_SYNC_PROBE_MS, settings.throughputMs));
  const threads = loadThreads(machine.cores, settings.connections);
  const starts = subjectStarts(settings);
  const phases = planOf(settings);
  const progress = progressOn(output.stderr, starts.length * (START_MS + plannedMs(phases)));
  const subjects: SubjectResult[] = [];
  try {
    for (const { title, start } of starts) {
      progress.step(title, START_MS);
      subjects.push(await measureSubject(settings, await start(), phases, threads, progress));
    }
  } finally {
    progress.end();
  }
  const { bodyBytes, topics, queues, connections, header } = settings;
  const failures = subjects.flatMap(failuresOf);
  const result: BenchResult = {
    ok: failures.length === 0,
    failures,
    command: output.command,
    startedAt: new Date(startedAt).toISOString(),
    elapsedSeconds: (systemClock.nowMs() - startedAt) / 1000,
    software: softwareFacts(),
    machine,
    load: { bodyBytes, topics, queues, connections, header, loadThreads: threads },
    subjects,
  };
  if (settings.report !== null) {
    writeText(settings.report, reportPage(result));
    output.stderr.write(`report: ${settings.report}\n`);
  }
  output.stdout.write(settings.json ? `${JSON.stringify(result, null, 1)}\n` : resultTable(result));
  return result;
}

interface SubjectStart {
  readonly title: string;
  start(): Promise<Subject>;
}

function subjectStarts(settings: BenchSettings): SubjectStart[] {
  const { target, nameServer, label } = settings;
  const beside = settings.beside.map((address) => ({
    title: `looking at ${address}`,
    start: () => runningBroker(address, null),
  }));
  if (target !== null) return [{ title: `looking at ${target}`, start: () => runningBroker(target, label) }, ...beside];
  if (nameServer !== null) {
    const start = async (): Promise<Subject> => runningBroker(await brokerAt(nameServer), label);
    return [{ title: `asking ${nameServer}`, start }, ...beside];
  }
  const started = settings.flush.map((flush) => ({
    title: `starting RingMQ, ${flush} flush`,
    start: () => startRingmq(settings, flush),
  }));
  return [...started, ...beside];
}

async function measureSubject(
  settings: BenchSettings,
  subject: Subject,
  phases: readonly Phase[],
  threads: number,
  progress: Progress,
): Promise<SubjectResult> {
  const throughput: ThroughputResult[] = [];
  const latency: LatencyResult[] = [];
  try {
    const runner = await PhaseRunner.start(settings, subject, threads);
    try {
      for (const phase of phases) {
        progress.step(`${subject.name}: ${phaseTitle(phase)}`, phase.warmUpMs + phase.measuredMs);
        const note = (done: ThroughputResult | LatencyResult): void =>
          progress.note(`${subject.name}: ${phaseTitle(phase)}: ${phaseLine(done)}`);
        if (phase.kind === 'throughput') {
          const done = await runner.throughput(phase);
          throughput.push(done);
          note(done);
        } else {
          const done = await runner.latency(phase);
          latency.push(done);
          note(done);
        }
      }
    } finally {
      await runner.stop();
    }
    const { name, version, flush, placement, address } = subject;
    const stages = stagesOf((await subject.client.runtimeInfo()) ?? {});
    return {
      name,
      version,
      flush,
      placement,
      address,
      throughput,
      latency,
      stages: stages.length === 0 ? null : stages,
    };
  } catch (error) {
    const lastWords = subject.lastWords();
    throw lastWords === null ? error : new Error(`${(error as Error).message}\n${lastWords}`, { cause: error });
  } finally {
    await subject.stop();
  }
}

function failuresOf(subject: SubjectResult): string[] {
  return [...subject.throughput, ...subject.latency].flatMap((phase) => {
    const { verification } = phase;
    const title = phaseName(phase);
    if (phase.acknowledged === 0) return [`${subject.name}, ${title}: nothing was acknowledged`];
    if (verification.isSound) return [];
    const { missing, reordered, corrupted, misplaced, foreign, examples } = verification;
    const counts = { missing, reordered, corrupted, misplaced, foreign };
    const found = Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => `${count} ${kind}`);
    return [
      `${subject.name}, ${title}: ${found.join(', ')} of ${verification.expected} messages; ${examples.join('; ')}`,
    ];
  });
}
