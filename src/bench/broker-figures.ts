/**
 * What the broker spent on a phase: taken before and after, the difference counts. CPU and memory come from /proc when the broker is on
 * this machine, the rest from its runtime information, where RingMQ has keys of its own. Called by the engine around the measured time.
 */
import { STAGES } from '../ring/status-page.ts';
import type { BrokerClient } from './broker-client.ts';
import { type ProcessSample, sampleProcess } from './process-meter.ts';
import type { BrokerFigures, StageSummary } from './result.ts';

const STAGE_KEY = /^ringmq\.stage\.([^.]+)\.count$/;
const SYNCS_KEY = 'ringmq.counter.syncs';

export interface BrokerSample {
  readonly cpuUs: number | null;
  readonly residentBytes: number | null;
  readonly syncs: number | null;
  readonly stages: readonly StageSummary[];
}

/** `pid` is the broker's process, null when it is not on this machine. */
export async function sampleBroker(client: BrokerClient, pid: number | null): Promise<BrokerSample> {
  // First what is there at once: a busy broker answers late.
  const process = pid === null ? null : processOrNull(pid);
  const info = (await client.runtimeInfo()) ?? {};
  const syncs = info[SYNCS_KEY];
  return {
    cpuUs: process?.cpuUs ?? null,
    residentBytes: process?.residentBytes ?? null,
    syncs: syncs === undefined ? null : Number(syncs),
    stages: stagesOf(info),
  };
}

/** Null where there is no /proc, and when the process is gone: the load will say that better. */
function processOrNull(pid: number): ProcessSample | null {
  try {
    return sampleProcess(pid);
  } catch {
    return null;
  }
}

export function figuresBetween(before: BrokerSample, after: BrokerSample, acknowledged: number): BrokerFigures {
  const logFsyncs = differenceOf(before.syncs, after.syncs);
  const cpuUs = differenceOf(before.cpuUs, after.cpuUs);
  const perMessage = (value: number | null): number | null =>
    value === null || acknowledged === 0 ? null : value / acknowledged;
  return {
    logFsyncs,
    logFsyncsPerMessage: perMessage(logFsyncs),
    cpuUsPerMessage: perMessage(cpuUs),
    residentBytes: after.residentBytes,
    stageMeansUs: stageMeansBetween(before.stages, after.stages),
  };
}

/** Stages in the order in which a send goes through them. */
export function stagesOf(info: Readonly<Record<string, string>>): StageSummary[] {
  const names = Object.keys(info).flatMap((key) => STAGE_KEY.exec(key)?.[1] ?? []);
  const order: readonly string[] = STAGES;
  names.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  return names.map((name) => {
    const value = (figure: string): number => Number(info[`ringmq.stage.${name}.${figure}`] ?? 0);
    return {
      name,
      count: value('count'),
      meanUs: value('mean'),
      p50Us: value('p50'),
      p99Us: value('p99'),
      p999Us: value('p999'),
      maxUs: value('max'),
    };
  });
}

/** The broker's stages count from its start; their percentiles cannot be taken apart again, but their means can. */
function stageMeansBetween(
  before: readonly StageSummary[],
  after: readonly StageSummary[],
): Readonly<Record<string, number>> | null {
  if (after.length === 0) return null;
  const means = after.map((stage): [string, number] => {
    const earlier = before.find((other) => other.name === stage.name);
    const count = stage.count - (earlier?.count ?? 0);
    const sum = stage.count * stage.meanUs - (earlier === undefined ? 0 : earlier.count * earlier.meanUs);
    return [stage.name, count <= 0 ? 0 : sum / count];
  });
  return Object.fromEntries(means);
}

function differenceOf(before: number | null, after: number | null): number | null {
  return before === null || after === null ? null : after - before;
}
