/** Runs one phase's load on a load worker: opens the connections, lets the loop run through its time, drains, reports. */
import { sleep, systemClock } from '../base/clock.ts';
import { decodeFrame } from '../remoting/frame-codec.ts';
import { ClosedLoop } from './closed-loop.ts';
import { Lanes, type Ledger } from './lanes.ts';
import { OpenLoop } from './open-loop.ts';
import type { Bells } from './pacer.ts';
import { PublishMeter, type PublishReport, type Window } from './publish-meter.ts';
import { Schedule } from './schedule.ts';
import { SendConnection } from './send-connection.ts';
import { type SendShape, SendTemplate } from './send-frames.ts';

export interface LoadSpec {
  readonly address: string;
  readonly shape: SendShape;
  /** One entry for each connection of this worker. */
  readonly connections: readonly { readonly firstLane: number; readonly lanes: number }[];
}

/** When the load runs and which part of it counts. */
export interface LoadTiming {
  readonly startUs: number;
  readonly window: Window;
  /** Null: a closed loop on all lanes. */
  readonly open: OpenSpec | null;
  /** How long to wait for the last answers. */
  readonly drainMs: number;
}

export interface OpenSpec {
  /** Of this worker. */
  readonly ratePerSecond: number;
  readonly bells: Bells;
  readonly loadWorker: number;
}

export interface LoadReport extends PublishReport {
  readonly ledgers: readonly Ledger[];
  /** Messages of an open loop's schedule that could not be sent in time. */
  readonly unsent: number;
  /** Sent but not answered before the deadline. */
  readonly unanswered: number;
  /** How late messages of an open loop were sent, encoded; empty for a closed loop. */
  readonly lag: string;
  /** What the broker says it has done before it answered; null when it does not say. */
  readonly durability: string | null;
}

const DRAIN_POLL_MS = 2;

/** The connections of one phase. They are open before its time is set, so that the load starts when it is meant to. */
export class LoadSession {
  readonly #connections: readonly SendConnection[];

  static async open(spec: LoadSpec): Promise<LoadSession> {
    const template = new SendTemplate(spec.shape);
    const opening = spec.connections.map(({ firstLane, lanes }) =>
      SendConnection.open(spec.address, template, new Lanes(firstLane, lanes)),
    );
    return new LoadSession(await Promise.all(opening));
  }

  private constructor(connections: readonly SendConnection[]) {
    this.#connections = connections;
  }

  /** Runs the load and closes the connections. */
  async run(timing: LoadTiming): Promise<LoadReport> {
    const connections = this.#connections;
    const meter = new PublishMeter(timing.window);
    const failure = new Failure();
    const loop = newLoop(timing, meter, (error) => failure.report(error));
    try {
      for (const connection of connections) connection.drive(loop);
      await failure.orElse(untilUs(timing.startUs));
      loop.start(connections);
      await failure.orElse(untilUs(timing.window.toUs));
      await failure.orElse(drain(connections, loop, timing.drainMs));
    } finally {
      if (loop instanceof OpenLoop) loop.stop();
      for (const connection of connections) connection.close();
    }
    return {
      ...meter.report(),
      unanswered: inFlight(connections),
      ledgers: connections.map((connection) => connection.lanes.ledger()),
      unsent: loop instanceof OpenLoop ? loop.unsent : 0,
      lag: loop instanceof OpenLoop ? loop.lag : '',
      durability: durabilityOf(connections[0]?.firstAnswer ?? null),
    };
  }
}

function newLoop(timing: LoadTiming, meter: PublishMeter, onFailure: (error: Error) => void): ClosedLoop | OpenLoop {
  const { open, window, startUs } = timing;
  if (open === null) return new ClosedLoop(meter, window, onFailure);
  const schedule = new Schedule(startUs, window.toUs, open.ratePerSecond);
  return new OpenLoop(meter, window, schedule, open, onFailure);
}

async function drain(connections: readonly SendConnection[], loop: ClosedLoop | OpenLoop, ms: number): Promise<void> {
  const deadlineUs = systemClock.monotonicUs() + ms * 1000;
  while (inFlight(connections) > 0 || (loop instanceof OpenLoop && loop.unsent > 0)) {
    if (systemClock.monotonicUs() > deadlineUs) return;
    await sleep(DRAIN_POLL_MS);
  }
}

function inFlight(connections: readonly SendConnection[]): number {
  return connections.reduce((sum, connection) => sum + connection.lanes.inFlight, 0);
}

async function untilUs(timeUs: number): Promise<void> {
  const waitMs = (timeUs - systemClock.monotonicUs()) / 1000;
  if (waitMs > 0) await sleep(waitMs);
}

/** RingMQ's receipt (remoting/durability-stage.ts). */
function durabilityOf(answer: Uint8Array | null): string | null {
  if (answer === null) return null;
  return decodeFrame(answer, 0, answer.length).extFields?.get('durability') ?? null;
}

/** The first thing that went wrong on a connection, which ends whatever the run waits for. */
class Failure {
  readonly #failed: Promise<never>;
  #reject: (error: Error) => void = () => {};

  constructor() {
    this.#failed = new Promise((_resolve, reject) => {
      this.#reject = reject;
    });
    // It may come when nobody waits.
    this.#failed.catch(() => {});
  }

  report(error: Error): void {
    this.#reject(error);
  }

  orElse<Value>(value: Promise<Value>): Promise<Value> {
    return Promise.race([value, this.#failed]);
  }
}
