/**
 * Walks every interleaving of a few threads that run the real code of ring/ over a model of shared memory.
 *
 * JavaScript cannot stop a function in its middle, so a thread that has done n accesses is a log of what they yielded: to find its next
 * access its program runs again from the start, gets the logged results, and is thrown out at the first access that has none. Two
 * schedules that lead to the same memory and the same logs are one state, which is visited once; that keeps the walk short and complete.
 */
import type { Access, Bytes, Place } from './globals.ts';
import { drain, drainable, isEnabled, type Machine, machineKey, machineOf, perform } from './machine.ts';

/** Made anew for each run of a program; what happens in its making is the same each time and not part of the interleavings. */
export interface World {
  readonly threads: Readonly<Record<string, () => void>>;
  /** Asked when all threads have ended, with the objects as they left them. Throws when something is wrong. */
  readonly check?: () => void;
}

export interface Options {
  /** Reordered memory accesses as well as interleaved ones. */
  readonly isWeak?: boolean;
}

export interface Outcome {
  readonly states: number;
  /** Null when every interleaving is as it should be; else what went wrong and the steps that lead there. */
  readonly violation: { readonly message: string; readonly steps: readonly string[] } | null;
}

interface Thread {
  readonly log: readonly Bytes[];
  readonly logKey: string;
  /** Null: the program has ended. */
  readonly next: Access | null;
}

interface State {
  readonly machine: Machine;
  readonly threads: readonly Thread[];
  readonly steps: Steps | null;
}

interface Steps {
  readonly text: string;
  readonly before: Steps | null;
}

/** Thrown through a program to leave it. */
const LEAVE = Symbol('leave');
const STATES_MAX = 100_000;
const COPY_PIECE_BYTES = 4;
/** Coarser, or there are too many orders: that a copy is torn between its words is shown by interleaving alone. */
const WEAK_COPY_PIECE_BYTES = 20;

/** The module that the code under test has its globals from; of each build its own. */
export type Globals = typeof import('./globals.ts');

export function explore(globals: Globals, makeWorld: () => World, options: Options = {}): Outcome {
  return new Exploration(globals, makeWorld, options.isWeak ?? false).run();
}

class Exploration {
  readonly #globals: Globals;
  readonly #makeWorld: () => World;
  readonly #isWeak: boolean;
  readonly #names: readonly string[];
  readonly #start: Machine;

  constructor(globals: Globals, makeWorld: () => World, isWeak: boolean) {
    this.#globals = globals;
    this.#makeWorld = makeWorld;
    this.#isWeak = isWeak;
    const { threads } = this.#world();
    this.#names = Object.keys(threads);
    this.#start = machineOf(this.#globals.sharedMemories(), this.#names.length, isWeak);
  }

  run(): Outcome {
    const seen = new Set<string>();
    let last: Steps | null = null;
    try {
      const threads = this.#names.map((_, thread) => this.#advance(thread, [], ''));
      const open: State[] = [{ machine: this.#start, threads, steps: null }];
      while (open.length > 0) {
        const state = open.pop()!;
        const key = `${machineKey(state.machine)}#${state.threads.map(({ logKey }) => logKey).join('#')}`;
        if (seen.has(key)) continue;
        seen.add(key);
        if (seen.size > STATES_MAX) throw new Error('too many states: make the world smaller');
        last = state.steps;
        const steps = this.#stepsFrom(state);
        if (steps.length === 0) this.#end(state);
        for (const { text, take } of steps) {
          last = { text, before: state.steps };
          open.push({ ...take(), steps: last });
        }
      }
    } catch (error) {
      return { states: seen.size, violation: { message: (error as Error).message, steps: listOf(last) } };
    }
    return { states: seen.size, violation: null };
  }

  #stepsFrom(state: State): { text: string; take: () => Omit<State, 'steps'> }[] {
    return state.threads.flatMap(({ next }, thread) => {
      const name = this.#names[thread]!;
      const effects = drainable(state.machine, thread).map((index) => ({
        text: `${name}: effect ${index} of its list happens`,
        take: () => ({ machine: drain(state.machine, thread, index), threads: state.threads }),
      }));
      if (next === null || !isEnabled(state.machine, thread, next)) return effects;
      return [{ text: `${name}: ${describeAccess(next)}`, take: () => this.#step(state, thread, next) }, ...effects];
    });
  }

  #step({ machine: before, threads }: State, thread: number, access: Access): Omit<State, 'steps'> {
    const { machine, result } = perform(before, thread, access);
    if (result === null) return { machine, threads };
    const { log, logKey } = threads[thread]!;
    const advanced = this.#advance(thread, [...log, result], `${logKey};${result.join()}`);
    return { machine, threads: threads.with(thread, advanced) };
  }

  #end(state: State): void {
    const sleeping = state.threads.findIndex(({ next }) => next !== null);
    if (sleeping >= 0) throw new Error(`${this.#names[sleeping]} sleeps for ever`);
    const world = this.#world();
    state.threads.forEach(({ log }, thread) => {
      this.#play(world, thread, log);
    });
    this.#globals.sharedMemories().forEach((memory, i) => {
      new Uint8Array(memory).set(state.machine.memories[i]!);
    });
    this.#traceDirectly();
    world.check?.();
  }

  #advance(thread: number, log: readonly Bytes[], logKey: string): Thread {
    return { log, logKey, next: this.#play(this.#world(), thread, log) };
  }

  /** Runs a thread's program over its log and returns the first access that is not in it. */
  #play(world: World, thread: number, log: readonly Bytes[]): Access | null {
    const copies: { size: number; into: Uint8Array; at: number }[] = [];
    let position = 0;
    let next: Access | null = null;
    const access = (wanted: Access): Bytes => {
      const isFence = wanted.op === 'loadFence' || wanted.op === 'storeFence' || wanted.op === 'settle';
      if (isFence && !this.#isWeak) return [];
      if (position < log.length) {
        const result = log[position++]!;
        if (wanted.op === 'settle') deliver(copies, result);
        return result;
      }
      next = wanted;
      throw LEAVE;
    };
    this.#globals.traceWith({
      access,
      copyPieceBytes: this.#isWeak ? WEAK_COPY_PIECE_BYTES : COPY_PIECE_BYTES,
      copy: (place, size, into, at) => {
        if (this.#isWeak) {
          access({ op: 'copy', place, size });
          copies.push({ size, into, at });
        } else into.set(access({ op: 'read', place, size }), at);
      },
    });
    try {
      world.threads[this.#names[thread]!]!();
    } catch (error) {
      if (error !== LEAVE) throw error;
    }
    return next;
  }

  #world(): World {
    this.#globals.startOver();
    this.#traceDirectly();
    return this.#makeWorld();
  }

  /** Accesses happen at once, in the world's real memory. */
  #traceDirectly(): void {
    const bytesAt = ({ memory, at }: Place, size: number) =>
      new Uint8Array(this.#globals.sharedMemories()[memory]!, at, size);
    this.#globals.traceWith({
      copyPieceBytes: COPY_PIECE_BYTES,
      access: (wanted) => {
        if (wanted.op === 'read' || wanted.op === 'load') return [...bytesAt(wanted.place, wanted.size)];
        if (wanted.op === 'write' || wanted.op === 'store') {
          bytesAt(wanted.place, wanted.bytes.length).set(wanted.bytes);
        } else if (wanted.op === 'update') {
          const bytes = bytesAt(wanted.place, wanted.size);
          const old = [...bytes];
          bytes.set(wanted.to(old));
          return old;
        } else if (wanted.op === 'notify') return [0];
        else if (!wanted.op.endsWith('Fence') && wanted.op !== 'settle')
          throw new Error(`nobody can ${wanted.op} here`);
        return [];
      },
      copy: (place, size, into, at) => into.set(bytesAt(place, size), at),
    });
  }
}

function deliver(copies: readonly { size: number; into: Uint8Array; at: number }[], bytes: Bytes): void {
  let from = 0;
  for (const { size, into, at } of copies) {
    into.set(bytes.slice(from, from + size), at);
    from += size;
  }
}

function describeAccess(access: Access): string {
  const place = 'place' in access ? ` ${access.place.memory}+${access.place.at}` : '';
  const bytes = 'bytes' in access ? ` = ${Buffer.from(access.bytes).toString('hex')}` : '';
  return `${access.op}${place}${bytes}`;
}

function listOf(last: Steps | null): string[] {
  const steps: string[] = [];
  for (let step = last; step !== null; step = step.before) steps.unshift(step.text);
  return steps;
}
