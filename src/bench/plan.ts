/** Which phases a run has and how long it will take. Pure; called by bench.ts and the progress display. */
import type { BenchSettings, Rate } from './options.ts';

export type Phase =
  | { readonly kind: 'throughput'; readonly inFlight: number; readonly warmUpMs: number; readonly measuredMs: number }
  | { readonly kind: 'latency'; readonly rate: Rate; readonly warmUpMs: number; readonly measuredMs: number };

/** All throughput phases come first: half of their best is a rate of the latency phases. */
export function planOf(settings: BenchSettings): Phase[] {
  const { warmUpMs, throughputMs, latencyMs } = settings;
  return [
    ...settings.inFlight.map(
      (inFlight): Phase => ({ kind: 'throughput', inFlight, warmUpMs, measuredMs: throughputMs }),
    ),
    ...settings.rates.map((rate): Phase => ({ kind: 'latency', rate, warmUpMs, measuredMs: latencyMs })),
  ];
}

/** For the progress display: without the reading back, which depends on what comes. */
export function plannedMs(phases: readonly Phase[]): number {
  return phases.reduce((sum, phase) => sum + phase.warmUpMs + phase.measuredMs, 0);
}

export function phaseTitle(phase: Phase): string {
  if (phase.kind === 'throughput') return `throughput, ${phase.inFlight} in flight`;
  return phase.rate === 'half' ? 'latency at half of the best throughput' : `latency at ${phase.rate}/s`;
}

/** Half of the best, in three digits. */
export function halfOf(bestPerSecond: number): number {
  const half = Math.max(1, bestPerSecond / 2);
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(half)) - 2);
  return Math.max(1, Math.floor(half / unit) * unit);
}

/** How many lanes each connection has. */
export interface LaneShare {
  readonly firstLane: number;
  readonly lanes: number;
}

/** As many lanes as requests in flight, spread evenly; fewer connections when there are fewer requests. */
export function shareLanes(inFlight: number, connections: number): LaneShare[] {
  const used = Math.min(inFlight, connections);
  const shares: LaneShare[] = [];
  let firstLane = 0;
  for (let at = 0; at < used; at++) {
    const lanes = Math.floor(inFlight / used) + (at < inFlight % used ? 1 : 0);
    shares.push({ firstLane, lanes });
    firstLane += lanes;
  }
  return shares;
}

/** Requests that an open loop may have in flight at most; what is due beyond them waits, and its latency grows. */
const OPEN_LANES_MAX = 16_384;
/** Verification keeps four bytes for each lane and destination. */
const VERIFIER_CELLS_MAX = 32 * 1024 * 1024;

/** Kernel and broker hold what is in flight. */
const IN_FLIGHT_MAX_BYTES = 256 * 1024 * 1024;

export function openLoopLanes(connections: number, destinations: number, bodyBytes: number): number {
  const lanes = Math.min(OPEN_LANES_MAX, VERIFIER_CELLS_MAX / destinations, IN_FLIGHT_MAX_BYTES / bodyBytes);
  return Math.max(connections, Math.floor(lanes));
}

/** Load threads: one unless the machine has room for more beside the broker. */
export function loadThreads(cores: number, connections: number): number {
  return Math.min(connections, Math.max(1, Math.floor(cores / 4)), 8);
}
