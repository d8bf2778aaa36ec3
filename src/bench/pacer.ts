/**
 * The clock of an open loop. An event loop's timers know whole milliseconds only, so a thread of its own sleeps until each tick of the
 * schedule and rings the load workers, which go on reading answers meanwhile. Runs on the pace worker.
 */
import { systemClock } from '../base/clock.ts';
import { BlockingSleeper, Doorbell } from '../ring/doorbell.ts';
import { StatusPage } from '../ring/status-page.ts';
import { Schedule } from './schedule.ts';

/** What the threads of an open loop share: each of them has a bell. The load workers' numbers start at 1. */
export type Bells = SharedArrayBuffer;

const PACER = 0;
/** A wake comes this much late, on the pacer's own bed and on the way to the load worker. */
const WAKE_LEAD_US = 80;

export interface PaceSpec {
  readonly bells: Bells;
  readonly loadWorkers: number;
  readonly startUs: number;
  readonly endUs: number;
  /** Of each load worker. */
  readonly ratePerSecond: number;
}

export function allocateBells(): Bells {
  return StatusPage.allocate();
}

/** Number of a load worker's bell. */
export function loadWorkerBell(index: number): number {
  return PACER + 1 + index;
}

/** Returns when the schedule is over; blocks its thread until then. */
export function pace(spec: PaceSpec): void {
  const page = new StatusPage(spec.bells);
  const sleeper = new BlockingSleeper(page.memory, page.bellAt(PACER));
  const bells = Array.from(
    { length: spec.loadWorkers },
    (_unused, index) => new Doorbell(page.memory, page.bellAt(loadWorkerBell(index))),
  );
  const { tickUs } = new Schedule(spec.startUs, spec.endUs, spec.ratePerSecond);
  const noWork = (): boolean => false;
  for (;;) {
    const nowUs = systemClock.monotonicUs();
    if (nowUs > spec.endUs) return;
    const ticksGone = Math.max(0, Math.ceil((nowUs + WAKE_LEAD_US - spec.startUs) / tickUs));
    const ringUs = spec.startUs + ticksGone * tickUs - WAKE_LEAD_US;
    if (ringUs > nowUs) sleeper.sleep(noWork, (ringUs - nowUs) / 1000);
    for (const bell of bells) bell.ring();
  }
}
