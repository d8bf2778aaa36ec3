/**
 * Runs the phases of one subject: load, measure, read back, verify, and only then figures. Called by bench.ts on the engine's thread.
 *
 * ```
 *  load worker 1..n --- sends ---> broker <--- pulls --- consume worker
 *     ^ bell, each tick              ^ figures before and after the measured time
 *  pace worker (open loop)         engine
 * ```
 */
import { sleep, systemClock } from '../base/clock.ts';
import { responseCodeName } from '../remoting/codes.ts';
import { type BrokerSample, figuresBetween, sampleBroker } from './broker-figures.ts';
import type { ConsumeReport } from './consume-worker.ts';
import { type Destinations, destinationCount } from './destinations.ts';
import { mergeHistograms, summarize } from './histograms.ts';
import type { LoadReport, LoadTiming, OpenSpec } from './load-worker.ts';
import type { BenchSettings } from './options.ts';
import { allocateBells } from './pacer.ts';
import { halfOf, type LaneShare, openLoopLanes, type Phase, shareLanes } from './plan.ts';
import { courseSteps, type Window } from './publish-meter.ts';
import type { LatencyResult, PhaseResult, ThroughputResult } from './result.ts';
import type { Subject } from './subject.ts';
import { BenchWorker } from './workers.ts';

/** Between the calls that start a phase and its first message; everything is connected by then. */
const LEAD_MS = 50;
const CONSUME_CONNECTIONS = 2;

interface Loaded {
  readonly reports: readonly LoadReport[];
  readonly before: BrokerSample;
  readonly after: BrokerSample;
  readonly clientCpuUs: number;
}

export class PhaseRunner {
  readonly #settings: BenchSettings;
  readonly #subject: Subject;
  readonly #destinations: Destinations;
  readonly #loaders: readonly BenchWorker[];
  readonly #consumer = new BenchWorker();
  readonly #pacer = new BenchWorker();
  /** Names the phases in the bodies; different in every run. */
  #stamp: number;
  #positions: readonly number[];
  #earlierDoubts = 0;
  #bestPerSecond = 0;

  /** Makes the topics. */
  static async start(settings: BenchSettings, subject: Subject, loadThreads: number): Promise<PhaseRunner> {
    const started = systemClock.nowMs();
    const destinations = {
      topicPrefix: `ringmq-bench-${started.toString(36)}-`,
      topics: settings.topics,
      queues: settings.queues,
    };
    await subject.client.createTopics(destinations);
    return new PhaseRunner(settings, subject, destinations, loadThreads, started);
  }

  private constructor(
    settings: BenchSettings,
    subject: Subject,
    destinations: Destinations,
    loadThreads: number,
    started: number,
  ) {
    this.#settings = settings;
    this.#subject = subject;
    this.#destinations = destinations;
    this.#loaders = Array.from({ length: loadThreads }, () => new BenchWorker());
    this.#positions = new Array(destinationCount(destinations)).fill(0);
    this.#stamp = (Math.floor(started / 1000) % 0x40_0000) << 8;
  }

  async throughput(phase: Phase & { kind: 'throughput' }): Promise<ThroughputResult> {
    await this.#connect(shareLanes(phase.inFlight, this.#settings.connections));
    const times = timesOf(phase);
    const loaded = await this.#load(times, null);
    await this.#consume(phase.inFlight);
    const read = await this.#verify(loaded.reports);
    const result = phaseResult(loaded, read, times.window);
    this.#bestPerSecond = Math.max(this.#bestPerSecond, result.perSecond);
    return { inFlight: phase.inFlight, ...result };
  }

  async latency(phase: Phase & { kind: 'latency' }): Promise<LatencyResult> {
    const rate = phase.rate === 'half' ? halfOf(this.#bestPerSecond) : phase.rate;
    const lanes = openLoopLanes(
      this.#settings.connections,
      destinationCount(this.#destinations),
      this.#settings.bodyBytes,
    );
    const bells = allocateBells();
    const loadWorkers = this.#loaders.length;
    const ratePerSecond = rate / loadWorkers;
    await this.#connect(shareLanes(lanes, this.#settings.connections));
    // The consumer is there before the first message.
    await this.#consume(lanes);
    const times = timesOf(phase);
    await this.#consumer.call('measure', times.window);
    const { startUs, window } = times;
    const pacing = this.#pacer.call('pace', { bells, loadWorkers, startUs, endUs: window.toUs, ratePerSecond });
    // When the load fails nobody waits for the pacer any more.
    pacing.catch(() => {});
    const loaded = await this.#load(times, { bells, ratePerSecond });
    await pacing;
    const read = await this.#verify(loaded.reports);
    return {
      rate,
      rateName: String(phase.rate),
      ...phaseResult(loaded, read, window),
      endToEnd: summarize(mergeHistograms([read.endToEnd])),
      lag: summarize(mergeHistograms(loaded.reports.map((report) => report.lag))),
      unsent: sumOf(loaded.reports, (report) => report.unsent),
    };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#loaders, this.#consumer, this.#pacer].map((worker) => worker.stop()));
  }

  /** Begins a phase: its stamp is new, its connections are open. */
  async #connect(lanes: readonly LaneShare[]): Promise<void> {
    const { bodyBytes, header } = this.#settings;
    this.#stamp++;
    const shape = { destinations: this.#destinations, bodyBytes, header, stamp: this.#stamp };
    const opening = this.#loaders.map((loader, index) => {
      const connections = lanes.filter((_share, at) => at % this.#loaders.length === index);
      return loader.call('connect', { address: this.#subject.address, shape, connections });
    });
    await Promise.all(opening);
  }

  async #load(times: PhaseTimes, open: Omit<OpenSpec, 'loadWorker'> | null): Promise<Loaded> {
    const timing = { ...times, drainMs: this.#settings.patienceMs };
    const loading = Promise.all(
      this.#loaders.map((loader, loadWorker) =>
        loader.call('load', { ...timing, open: open === null ? null : { ...open, loadWorker } }),
      ),
    );
    // A load that fails ends the phase at once, whatever the measuring still waits for.
    const measuring = this.#measure(times.window);
    const measured = await Promise.race([measuring, loading.then(() => measuring)]);
    return { reports: await loading, ...measured };
  }

  /** What broker and benchmark spend within the window. */
  async #measure(window: Window): Promise<Omit<Loaded, 'reports'>> {
    const { client, pid } = this.#subject;
    await sleepUntil(window.fromUs);
    const cpuBefore = process.cpuUsage();
    const before = await sampleBroker(client, pid);
    await sleepUntil(window.toUs);
    const cpu = process.cpuUsage(cpuBefore);
    return { before, after: await sampleBroker(client, pid), clientCpuUs: cpu.user + cpu.system };
  }

  async #consume(lanes: number): Promise<void> {
    const { address } = this.#subject;
    const { header } = this.#settings;
    await this.#consumer.call('consume', {
      address,
      header,
      destinations: this.#destinations,
      connections: CONSUME_CONNECTIONS,
      from: this.#positions,
      stamp: this.#stamp,
      lanes,
    });
  }

  async #verify(reports: readonly LoadReport[]): Promise<ConsumeReport> {
    const ends = await this.#subject.client.maxOffsets(this.#destinations);
    const ledgers = reports.flatMap((report) => report.ledgers);
    const read = await this.#consumer.call('verify', {
      ledgers,
      ends,
      earlierDoubts: this.#earlierDoubts,
      patienceMs: this.#settings.patienceMs,
    });
    this.#positions = read.positions;
    this.#earlierDoubts += sumOf(ledgers, (ledger) => ledger.doubts.length);
    return read;
  }
}

type PhaseTimes = Pick<LoadTiming, 'startUs' | 'window'>;

function timesOf(phase: Phase): PhaseTimes {
  const startUs = systemClock.monotonicUs() + LEAD_MS * 1000;
  const fromUs = startUs + phase.warmUpMs * 1000;
  return { startUs, window: { fromUs, toUs: fromUs + phase.measuredMs * 1000 } };
}

function phaseResult(loaded: Loaded, read: ConsumeReport, window: Window): PhaseResult {
  const { reports, before, after, clientCpuUs } = loaded;
  const seconds = (window.toUs - window.fromUs) / 1e6;
  const stepSeconds = seconds / courseSteps(window);
  const acknowledged = sumOf(reports, (report) => report.acknowledged);
  return {
    perSecond: acknowledged / seconds,
    seconds,
    acknowledged,
    publish: summarize(mergeHistograms(reports.map((report) => report.latency))),
    course: courseOf(reports, stepSeconds),
    courseStepSeconds: stepSeconds,
    refusals: refusalsOf(reports),
    unanswered: sumOf(reports, (report) => report.unanswered),
    durability: reports[0]?.durability ?? null,
    verification: read.verification,
    broker: figuresBetween(before, after, acknowledged),
    client: {
      cpuUsPerMessage: acknowledged === 0 ? 0 : clientCpuUs / acknowledged,
      cores: clientCpuUs / 1e6 / seconds,
    },
  };
}

function courseOf(reports: readonly LoadReport[], stepSeconds: number): number[] {
  const steps = reports[0]?.course.length ?? 0;
  const inStep = (step: number): number => sumOf(reports, (report) => report.course[step] ?? 0);
  return Array.from({ length: steps }, (_unused, step) => inStep(step) / stepSeconds);
}

function refusalsOf(reports: readonly LoadReport[]): Record<string, number> {
  const refusals: Record<string, number> = {};
  for (const report of reports) {
    for (const [code, count] of Object.entries(report.refusals)) {
      const name = responseCodeName(Number(code));
      refusals[name] = (refusals[name] ?? 0) + count;
    }
  }
  return refusals;
}

function sumOf<Item>(items: readonly Item[], pick: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + pick(item), 0);
}

async function sleepUntil(timeUs: number): Promise<void> {
  const waitMs = (timeUs - systemClock.monotonicUs()) / 1000;
  if (waitMs > 0) await sleep(waitMs);
}
