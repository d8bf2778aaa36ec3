/**
 * The figures of request 28: upstream's keys where RingMQ has the figure, and its own under `ringmq.` (counters, and the stages of a send
 * in microseconds), which the benchmark reads.
 */

import type { HistogramSnapshot } from '../../ring/shared-histogram.ts';
import { COUNTERS, STAGES, type StatusPage, WATERMARKS } from '../../ring/status-page.ts';

export interface StageFigures {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** In microseconds. */
export function stageFigures(snapshot: HistogramSnapshot): StageFigures {
  return {
    count: snapshot.count,
    mean: snapshot.mean,
    p50: snapshot.percentile(0.5),
    p99: snapshot.percentile(0.99),
    p999: snapshot.percentile(0.999),
    max: snapshot.max,
  };
}

export function runtimeFigures(
  status: StatusPage,
  about: { readonly placement: string; readonly bootMs: number; readonly nowMs: number },
): Record<string, string> {
  const figures: Record<string, string> = {
    bootTimestamp: String(about.bootMs),
    startAcceptSendRequestTimeStamp: '0',
    runtime: durationText(about.nowMs - about.bootMs),
    putMessageTimesTotal: String(status.counter('sends')),
    putMessageSizeTotal: String(status.counter('appendBytes')),
    msgPutTotalTodayNow: String(status.counter('sends')),
    msgGetTotalTodayNow: String(status.counter('pulledMessages')),
    commitLogMinOffset: String(status.watermark('logStart').read()),
    commitLogMaxOffset: String(status.watermark('written').read()),
    dispatchBehindBytes: String(status.watermark('written').read() - status.watermark('dispatched').read()),
    remainHowManyDataToFlush: `${status.watermark('written').read() - status.watermark('flushed').read()} B`,
    'ringmq.placement': about.placement,
  };
  for (const name of WATERMARKS) figures[`ringmq.watermark.${name}`] = String(status.watermark(name).read());
  for (const name of COUNTERS) figures[`ringmq.counter.${name}`] = String(status.counter(name));
  for (const name of STAGES) {
    const stage = stageFigures(status.stage(name).snapshot());
    for (const [figure, value] of Object.entries(stage)) figures[`ringmq.stage.${name}.${figure}`] = String(value);
  }
  return figures;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** As upstream prints it. */
function durationText(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  const hours = Math.floor((ms % DAY_MS) / HOUR_MS);
  const minutes = Math.floor((ms % HOUR_MS) / MINUTE_MS);
  const seconds = Math.floor((ms % MINUTE_MS) / SECOND_MS);
  return `[ ${days} days, ${hours} hours, ${minutes} minutes, ${seconds} seconds ]`;
}
