/** What runs agents: the common face of the two shells. One shell per thread; the agents of a shell take turns. */
import type { Agent } from './agent.ts';

export interface Shell {
  /** The agent takes turns from now on. */
  add(agent: Agent): void;
  /** It does not any more; its `close` has not been called. */
  remove(agent: Agent): void;
  /** Asks for a turn soon. May be called by agents and their callbacks on the shell's own thread. */
  wake(): void;
}

/** Does a turn: every agent once. Returns how much there was to do. */
export function turn(agents: readonly Agent[]): number {
  let work = 0;
  for (let i = 0; i < agents.length; i++) work += agents[i]!.doWork();
  return work;
}

export function anyHasWork(agents: readonly Agent[]): boolean {
  for (let i = 0; i < agents.length; i++) if (agents[i]!.hasWork()) return true;
  return false;
}

export function sleepMaxMs(agents: readonly Agent[]): number {
  let ms = SLEEP_MAX_MS;
  for (let i = 0; i < agents.length; i++) ms = Math.min(ms, agents[i]!.sleepMaxMs());
  return ms;
}

/** A sleeping thread shows now and then that it lives. */
const SLEEP_MAX_MS = 1000;
