/**
 * Runs the agents of a thread that lives in its event loop, because it owns sockets or ports. A turn comes after the sockets' callbacks of
 * one pass of the loop, at a ring of the bell, and at every tick; the thread sleeps in the loop itself.
 */
import { every, soon, type Timer } from '../base/clock.ts';
import { EventSleeper } from '../ring/doorbell.ts';
import type { Agent } from './agent.ts';
import { anyHasWork, type Shell, sleepMaxMs, turn } from './shell.ts';

const TICK_MIN_MS = 1;
const TICKS_MS = [1000, 500, 200, 100, 50, 20, 10, 5, 2, TICK_MIN_MS];
/** Turns without a look at the sockets. */
const TURNS_MAX = 8;

export interface EventShellOptions {
  /** Where the thread's bell is. */
  readonly memory: SharedArrayBuffer;
  readonly bellAt: number;
  readonly beat: () => void;
  /** An agent has thrown: the shell has stopped. */
  readonly failed: (cause: unknown) => void;
}

export class EventShell implements Shell {
  readonly #beat: () => void;
  readonly #failed: (cause: unknown) => void;
  readonly #agents: Agent[] = [];
  readonly #sleeper: EventSleeper;
  readonly #run = (): void => this.#turns();
  readonly #hasWork = (): boolean => anyHasWork(this.#agents);
  #tick: Timer | null = null;
  #tickMs = 0;
  #isScheduled = false;
  #isArming = false;
  #isClosed = false;

  constructor({ memory, bellAt, beat, failed }: EventShellOptions) {
    this.#beat = beat;
    this.#failed = failed;
    this.#sleeper = new EventSleeper(memory, bellAt, () => this.#rung());
    this.#setTick();
  }

  add(agent: Agent): void {
    this.#agents.push(agent);
    this.#setTick();
    this.wake();
  }

  remove(agent: Agent): void {
    this.#agents.splice(this.#agents.indexOf(agent), 1);
    this.#setTick();
  }

  wake(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    // A turn is certain: rings until then need not wake anybody, this thread's own among them.
    this.#sleeper.disarm();
    soon(this.#run);
  }

  close(): void {
    this.#isClosed = true;
    this.#tick?.stop();
    this.#sleeper.close();
  }

  /** Straight after the ring; while arming it would be a recursion, so then it waits for the loop. */
  #rung(): void {
    if (this.#isArming) this.wake();
    else this.#turns();
  }

  #turns(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    this.#sleeper.disarm();
    try {
      this.#beat();
      let turns = 0;
      while (turn(this.#agents) > 0) {
        if (++turns === TURNS_MAX) {
          this.wake();
          return;
        }
      }
    } catch (cause) {
      this.close();
      this.#failed(cause);
      return;
    }
    this.#setTick();
    this.#isArming = true;
    this.#sleeper.arm(this.#hasWork);
    this.#isArming = false;
  }

  /**
   * The longest tick that is not too long for an agent; of a few, so that it is not a new timer every turn. A thread without agents, before
   * they begin and after they have ended, ticks too: its beats say that it lives.
   */
  #setTick(): void {
    if (this.#isClosed) return;
    const longestMs = sleepMaxMs(this.#agents);
    const tickMs = TICKS_MS.find((tick) => tick <= longestMs) ?? TICK_MIN_MS;
    if (tickMs === this.#tickMs) return;
    this.#tickMs = tickMs;
    this.#tick?.stop();
    this.#tick = every(tickMs, this.#run);
  }
}
