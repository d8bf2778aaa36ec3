/**
 * Runs a scenario: a few roles, each on a worker thread of its own, over shared memory and the compiled code of ring/ (or a copy of it with
 * a seeded fault). A role checks all that it sees and throws at the first thing that is wrong; what all of them counted must add up.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Edit } from '../support/edited-build.ts';
import { buildRing } from '../support/ring-build.ts';
import type { Ring } from './stress-worker.ts';

export interface RoleContext {
  readonly ring: Ring;
  readonly memories: Readonly<Record<string, SharedArrayBuffer>>;
  /** Which of the roles of its kind this is. */
  readonly index: number;
  /** A sleep of this length in which no ring came, though there was work, means that one was lost. */
  readonly lostMs: number;
  /** The time is over: begin nothing new, finish what has begun. */
  isOver(): boolean;
  /** Another role has failed: leave. */
  isBroken(): boolean;
  /** Tells the others that this role begins nothing new. */
  finished(): void;
  finishedRoles(): number;
}

export type Counts = Readonly<Record<string, number>>;

export interface Scenario {
  readonly name: string;
  readonly memories: () => Readonly<Record<string, SharedArrayBuffer>>;
  /** Name of a role in roles.ts for each thread. */
  readonly threads: readonly { readonly role: string; readonly index: number }[];
  /** Throws when the counts of all threads do not agree. */
  readonly balance: (total: Counts) => void;
}

export interface StressRun {
  readonly scenario: Scenario;
  readonly seconds: number;
  readonly edits?: readonly Edit[];
  readonly lostMs?: number;
}

/** Longer than any pause of a busy machine; nobody waits for it unless a ring was lost. */
const LOST_MS = 1500;

export interface Assignment {
  readonly role: string;
  readonly index: number;
  readonly memories: Readonly<Record<string, SharedArrayBuffer>>;
  readonly control: SharedArrayBuffer;
  readonly lostMs: number;
  /** Where the compiled src is, or the changed copy of it. */
  readonly sources: string;
}

export type Report = { readonly counts: Counts } | { readonly error: string };
/** What a worker says when it has loaded everything. */
export const READY = 'ready';

/** Words of the control memory. */
export const Control = { over: 0, broken: 1, finished: 2, begun: 3, words: 4 } as const;

/** The sum of all counts. Throws what the first failing role has seen. */
export async function stress({ scenario, seconds, edits, lostMs = LOST_MS }: StressRun): Promise<Counts> {
  const build = edits === undefined ? null : buildRing(edits);
  const control = new SharedArrayBuffer(Control.words * Int32Array.BYTES_PER_ELEMENT);
  const memories = scenario.memories();
  const sources = (build?.url('') ?? new URL('../../src', import.meta.url).href).replace(/\/?$/, '/');
  const shared = { memories, control, lostMs, sources };
  const words = new Int32Array(control);
  try {
    const runs = scenario.threads.map(({ role, index }) => runRole({ role, index, ...shared }));
    await Promise.all(runs.map(({ ready }) => ready));
    Atomics.store(words, Control.begun, 1);
    Atomics.notify(words, Control.begun);
    const over = setTimeout(() => Atomics.store(words, Control.over, 1), seconds * 1000);
    const all = await Promise.all(runs.map(({ report }) => report));
    clearTimeout(over);
    const failed = all.find((report) => 'error' in report);
    if (failed !== undefined) throw new Error(failed.error);
    const total = sum(all.flatMap((report) => ('counts' in report ? [report.counts] : [])));
    scenario.balance(total);
    return total;
  } finally {
    build?.remove();
  }
}

function runRole(assignment: Assignment): { ready: Promise<unknown>; report: Promise<Report> } {
  const worker = new Worker(new URL('./stress-worker.js', import.meta.url), { workerData: assignment });
  const ready = once(worker, 'message');
  const report = ready.then(async () => (await once(worker, 'message'))[0] as Report);
  return { ready, report };
}

function sum(list: readonly Counts[]): Counts {
  const total: Record<string, number> = {};
  for (const counts of list) {
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}
