/**
 * Runs the agents of a thread that owns no sockets: they take turns until nothing is left, then the thread blocks on its bell. Messages of
 * main come between turns.
 */
import type { BlockingSleeper } from '../ring/doorbell.ts';
import type { Agent } from './agent.ts';
import { anyHasWork, type Shell, sleepMaxMs, turn } from './shell.ts';

/** Main's messages, seen without the event loop. */
export interface Inbox {
  hasMessage(): boolean;
}

/** Turns without a look at main's messages. */
const TURNS_MAX = 64;

export class BlockingShell implements Shell {
  readonly #sleeper: BlockingSleeper;
  readonly #hasFailed: () => boolean;
  readonly #beat: () => void;
  readonly #agents: Agent[] = [];

  constructor(sleeper: BlockingSleeper, hasFailed: () => boolean, beat: () => void) {
    this.#sleeper = sleeper;
    this.#hasFailed = hasFailed;
    this.#beat = beat;
  }

  add(agent: Agent): void {
    this.#agents.push(agent);
  }

  remove(agent: Agent): void {
    this.#agents.splice(this.#agents.indexOf(agent), 1);
  }

  /** This thread is awake whenever its agents run. */
  wake(): void {}

  /** Returns when the broker has failed or `takeMessages` says that the thread is to end. */
  run(inbox: Inbox, takeMessages: () => boolean): void {
    const hasWork = (): boolean => inbox.hasMessage() || this.#hasFailed() || anyHasWork(this.#agents);
    while (!this.#hasFailed()) {
      this.#beat();
      for (let turns = 0; turns < TURNS_MAX && turn(this.#agents) > 0; turns++);
      if (inbox.hasMessage() && !takeMessages()) return;
      this.#sleeper.sleep(hasWork, sleepMaxMs(this.#agents));
    }
  }
}
