/**
 * The closed loop: every connection keeps its share of requests in flight and sends the next when one is answered. Measures what the
 * broker can take; its latency is that of a client that waits. Lives on a load worker.
 */
import { systemClock } from '../base/clock.ts';
import type { PublishMeter, Window } from './publish-meter.ts';
import type { SendConnection, SendLoad } from './send-connection.ts';

export class ClosedLoop implements SendLoad {
  readonly #meter: PublishMeter;
  readonly #window: Window;
  readonly #onFailure: (error: Error) => void;
  #nowUs = 0;

  constructor(meter: PublishMeter, window: Window, onFailure: (error: Error) => void) {
    this.#meter = meter;
    this.#window = window;
    this.#onFailure = onFailure;
  }

  /** Sends on every lane of the connections. */
  start(connections: readonly SendConnection[]): void {
    for (const connection of connections) this.#refill(connection, systemClock.monotonicUs());
  }

  answered(_connection: SendConnection, code: number, intendedUs: number): void {
    // One look at the clock for all answers of a chunk, which came together.
    if (this.#nowUs === 0) this.#nowUs = systemClock.monotonicUs();
    const nowUs = this.#nowUs;
    this.#meter.answered(code, intendedUs, nowUs, nowUs >= this.#window.fromUs && nowUs < this.#window.toUs);
  }

  answersTaken(connection: SendConnection): void {
    this.#nowUs = 0;
    const nowUs = systemClock.monotonicUs();
    if (nowUs < this.#window.toUs) this.#refill(connection, nowUs);
  }

  failed(error: Error): void {
    this.#onFailure(error);
  }

  #refill(connection: SendConnection, nowUs: number): void {
    while (connection.lanes.freeCount > 0) connection.send(nowUs);
    connection.flush();
  }
}
