/**
 * The open loop: messages go out at the times of a schedule, whether the broker keeps up or not, and each is measured from its own time.
 * Woken by the pacer's bell and by answers. Lives on a load worker.
 */
import { systemClock } from '../base/clock.ts';
import { EventSleeper } from '../ring/doorbell.ts';
import { StatusPage } from '../ring/status-page.ts';
import { encodeHistogram, newHistogram, recordUs } from './histograms.ts';
import { type Bells, loadWorkerBell } from './pacer.ts';
import type { PublishMeter, Window } from './publish-meter.ts';
import type { Schedule } from './schedule.ts';
import type { SendConnection, SendLoad } from './send-connection.ts';

/**
 * What became due while this thread was awake waits for the next ring or answer. To send it at once would keep a thread that has fallen
 * behind from ever reading answers.
 */
const neverDue = (): boolean => false;

/** The pacer rings a little early; a wait of up to this long is spun, because sleeping again would make it later. */
const SPIN_US = 100;

export class OpenLoop implements SendLoad {
  readonly #meter: PublishMeter;
  readonly #window: Window;
  readonly #schedule: Schedule;
  readonly #onFailure: (error: Error) => void;
  readonly #sleeper: EventSleeper;
  /** How much later than intended messages were handed to the socket. */
  readonly #lagUs = newHistogram();
  #connections: readonly SendConnection[] = [];
  #next = 0;
  #turn = 0;
  #nowUs = 0;

  constructor(
    meter: PublishMeter,
    window: Window,
    schedule: Schedule,
    bell: { readonly bells: Bells; readonly loadWorker: number },
    onFailure: (error: Error) => void,
  ) {
    this.#meter = meter;
    this.#window = window;
    this.#schedule = schedule;
    this.#onFailure = onFailure;
    const page = new StatusPage(bell.bells);
    this.#sleeper = new EventSleeper(page.memory, page.bellAt(loadWorkerBell(bell.loadWorker)), () => this.#woken());
  }

  start(connections: readonly SendConnection[]): void {
    this.#connections = connections;
    this.#sleeper.arm(neverDue);
  }

  /** Nothing is sent any more; what has no answer counts with the time that it has waited. */
  stop(): void {
    this.#sleeper.close();
    const nowUs = systemClock.monotonicUs();
    for (const { lanes } of this.#connections) {
      for (const intendedUs of lanes.intendedInFlight())
        if (this.#counts(intendedUs)) this.#meter.neverAnswered(intendedUs, nowUs);
    }
    for (let index = this.#next; index < this.#schedule.total; index++) {
      const intendedUs = this.#schedule.intendedUs(index);
      if (this.#counts(intendedUs)) this.#meter.neverAnswered(intendedUs, nowUs);
    }
  }

  /** Messages of the schedule that were not sent. */
  get unsent(): number {
    return this.#schedule.total - this.#next;
  }

  /** Encoded. */
  get lag(): string {
    return encodeHistogram(this.#lagUs);
  }

  answered(_connection: SendConnection, code: number, intendedUs: number): void {
    if (this.#nowUs === 0) this.#nowUs = systemClock.monotonicUs();
    this.#meter.answered(code, intendedUs, this.#nowUs, this.#counts(intendedUs));
  }

  answersTaken(): void {
    this.#nowUs = 0;
    this.#sendDue(systemClock.monotonicUs());
  }

  failed(error: Error): void {
    this.#onFailure(error);
  }

  #counts(intendedUs: number): boolean {
    return intendedUs >= this.#window.fromUs && intendedUs < this.#window.toUs;
  }

  #woken(): void {
    const dueUs = this.#schedule.intendedUs(this.#next);
    let nowUs = systemClock.monotonicUs();
    if (dueUs - nowUs < SPIN_US) while (nowUs < dueUs) nowUs = systemClock.monotonicUs();
    this.#sendDue(nowUs);
    if (this.#next < this.#schedule.total) this.#sleeper.arm(neverDue);
  }

  #sendDue(nowUs: number): void {
    const due = this.#schedule.dueBy(nowUs);
    if (this.#next >= due) return;
    for (; this.#next < due; this.#next++) {
      const connection = this.#freeConnection();
      // All lanes wait for answers: the rest is late, and measured as such.
      if (connection === null) break;
      const intendedUs = this.#schedule.intendedUs(this.#next);
      connection.send(intendedUs);
      recordUs(this.#lagUs, nowUs - intendedUs);
    }
    for (const connection of this.#connections) connection.flush();
  }

  /** Connections take turns. */
  #freeConnection(): SendConnection | null {
    const connections = this.#connections;
    for (let tried = 0; tried < connections.length; tried++) {
      this.#turn = (this.#turn + 1) % connections.length;
      const connection = connections[this.#turn]!;
      if (connection.lanes.freeCount > 0) return connection;
    }
    return null;
  }
}
