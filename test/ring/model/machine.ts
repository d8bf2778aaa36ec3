/**
 * The shared memory of a model and what each access does to it. States are values: a step makes a new one, so that the search can go back.
 *
 * A *strict* machine does each access at once. A *weak* one does what ARM's load-acquire and store-release allow and JavaScript's memory
 * model does not forbid: plain writes, copies and atomic stores of a thread wait in a list of its own and happen later, any of them first,
 * except that an atomic store comes after all that is before it in the list. An atomic load waits for the atomic stores before it (the two
 * are never swapped), a read-modify-write and a wait for everything.
 */
import { type Access, type Bytes, type Place, Waited } from './globals.ts';

/** An effect that has not happened yet. A copy's `copied` says where its bytes go in the list of all copies of its thread. */
type Pending =
  | { readonly kind: 'write' | 'release'; readonly place: Place | null; readonly bytes: Bytes }
  | { readonly kind: 'copy'; readonly place: Place; readonly size: number; readonly copied: number };

export interface Waiter {
  readonly thread: number;
  readonly place: Place;
  readonly isAsync: boolean;
  readonly isNotified: boolean;
}

export interface Machine {
  readonly isWeak: boolean;
  readonly memories: readonly Uint8Array[];
  readonly pending: readonly (readonly Pending[])[];
  /** Bytes that copies of each thread have yielded, in the order in which they were begun. */
  readonly copied: readonly (readonly Bytes[])[];
  /** In the order in which they began to wait; those that have gone on are null. */
  readonly waiters: readonly (Waiter | null)[];
}

export function machineOf(memories: readonly ArrayBufferLike[], threads: number, isWeak: boolean): Machine {
  const none = Array.from({ length: threads }, () => []);
  return {
    isWeak,
    memories: memories.map((memory) => new Uint8Array(memory).slice()),
    pending: none,
    copied: none,
    waiters: [],
  };
}

/** Everything of a machine that a thread could come to see. */
export function machineKey(machine: Machine): string {
  const memories = machine.memories.map((memory) => Buffer.from(memory.buffer).toString('latin1'));
  return `${memories.join('|')}|${JSON.stringify([machine.pending, machine.copied, machine.waiters])}`;
}

/** Whether `thread` can do `access` now; a sleeping thread cannot go on before it is notified. */
export function isEnabled(machine: Machine, thread: number, access: Access): boolean {
  if (access.op === 'turn') return notifiedAsyncWaiter(machine, thread) >= 0;
  if (access.op !== 'wait') return true;
  const own = ownWaiter(machine, thread);
  return own < 0 || machine.waiters[own]!.isNotified;
}

/** Does `access`. A null result: the thread has gone to sleep in it and will do it again when it is woken. */
export function perform(before: Machine, thread: number, access: Access): { machine: Machine; result: Bytes | null } {
  switch (access.op) {
    case 'read':
      return { machine: before, result: readThrough(before, thread, access.place, access.size) };
    case 'write':
      return { machine: push(before, thread, { kind: 'write', place: access.place, bytes: access.bytes }), result: [] };
    case 'store':
      return {
        machine: push(before, thread, { kind: 'release', place: access.place, bytes: access.bytes }),
        result: [],
      };
    case 'storeFence':
      return { machine: push(before, thread, { kind: 'release', place: null, bytes: [] }), result: [] };
    case 'copy': {
      const copied = before.copied[thread]!.length;
      const machine = withCopied(before, thread, copied, []);
      const { place, size } = access;
      return { machine: push(machine, thread, { kind: 'copy', place, size, copied }), result: [] };
    }
    case 'load':
    case 'loadFence': {
      const lastRelease = before.pending[thread]!.findLastIndex(({ kind }) => kind === 'release');
      const machine = drainFirst(before, thread, lastRelease + 1);
      const result = access.op === 'load' ? readThrough(machine, thread, access.place, access.size) : [];
      return { machine, result };
    }
    default:
      return performOrdered(drainFirst(before, thread, before.pending[thread]!.length), thread, access);
  }
}

type OrderedAccess = Exclude<
  Access,
  { op: 'read' | 'load' | 'copy' } | { op: 'write' | 'store' } | { op: 'loadFence' | 'storeFence' }
>;

/** Accesses before which everything of the thread has happened. */
function performOrdered(machine: Machine, thread: number, access: OrderedAccess) {
  switch (access.op) {
    case 'update': {
      const old = readMemory(machine, access.place, access.size);
      return { machine: writeMemory(machine, access.place, access.to(old)), result: old };
    }
    case 'settle':
      return { machine, result: machine.copied[thread]!.flat() };
    case 'turn': {
      const waiter = notifiedAsyncWaiter(machine, thread);
      return { machine: withWaiter(machine, waiter, null), result: [waiter] };
    }
    case 'notify': {
      let left = access.count;
      let after = machine;
      machine.waiters.forEach((waiter, index) => {
        if (waiter === null || waiter.isNotified || left === 0 || !isSamePlace(waiter.place, access.place)) return;
        after = withWaiter(after, index, { ...waiter, isNotified: true });
        left--;
      });
      return { machine: after, result: [access.count - left] };
    }
    case 'wait':
    case 'waitAsync':
      return wait(machine, thread, access);
  }
}

function wait(machine: Machine, thread: number, { op, place, expected }: Access & { op: 'wait' | 'waitAsync' }) {
  const own = op === 'wait' ? ownWaiter(machine, thread) : -1;
  if (own >= 0) return { machine: withWaiter(machine, own, null), result: [Waited.woken] };
  const isEqual = readMemory(machine, place, expected.length).every((byte, i) => byte === expected[i]);
  if (!isEqual) return { machine, result: [Waited.notEqual] };
  const isAsync = op === 'waitAsync';
  const after = withWaiter(machine, machine.waiters.length, { thread, place, isAsync, isNotified: false });
  return { machine: after, result: isAsync ? [Waited.woken, machine.waiters.length] : null };
}

function ownWaiter(machine: Machine, thread: number): number {
  return machine.waiters.findIndex((waiter) => waiter !== null && waiter.thread === thread && !waiter.isAsync);
}

function notifiedAsyncWaiter(machine: Machine, thread: number): number {
  return machine.waiters.findIndex((waiter) => waiter?.thread === thread && waiter.isAsync && waiter.isNotified);
}

/** Which of a thread's pending effects may happen next. */
export function drainable(machine: Machine, thread: number): number[] {
  const list = machine.pending[thread]!;
  return list.flatMap((effect, index) => {
    const earlier = list.slice(0, index);
    if (effect.kind === 'release') return index === 0 ? [index] : [];
    return earlier.some((other) => overlap(other, effect)) ? [] : [index];
  });
}

export function drain(machine: Machine, thread: number, index: number): Machine {
  const effect = machine.pending[thread]![index]!;
  const after = {
    ...machine,
    pending: machine.pending.with(thread, machine.pending[thread]!.toSpliced(index, 1)),
  };
  if (effect.kind === 'copy') {
    return withCopied(after, thread, effect.copied, readMemory(machine, effect.place, effect.size));
  }
  return effect.place === null ? after : writeMemory(after, effect.place, effect.bytes);
}

function drainFirst(machine: Machine, thread: number, count: number): Machine {
  let after = machine;
  for (let i = 0; i < count; i++) after = drain(after, thread, 0);
  return after;
}

function push(machine: Machine, thread: number, effect: Pending): Machine {
  const list = machine.pending[thread]!;
  const joined = joinedWith(list.at(-1), effect);
  const after = {
    ...machine,
    pending: machine.pending.with(thread, joined === null ? [...list, effect] : [...list.slice(0, -1), joined]),
  };
  return machine.isWeak ? after : drain(after, thread, 0);
}

/** Plain writes to neighbouring bytes, the fields of a structure, happen in order: else there are too many orders to walk. */
function joinedWith(last: Pending | undefined, effect: Pending): Pending | null {
  if (last?.kind !== 'write' || effect.kind !== 'write' || last.place === null || effect.place === null) return null;
  const isNext = last.place.memory === effect.place.memory && last.place.at + last.bytes.length === effect.place.at;
  return isNext ? { ...last, bytes: [...last.bytes, ...effect.bytes] } : null;
}

function extentOf(effect: Pending): { place: Place; end: number } | null {
  if (effect.place === null) return null;
  return { place: effect.place, end: effect.place.at + (effect.kind === 'copy' ? effect.size : effect.bytes.length) };
}

function overlap(one: Pending, other: Pending): boolean {
  const a = extentOf(one);
  const b = extentOf(other);
  return a !== null && b !== null && a.place.memory === b.place.memory && a.place.at < b.end && b.place.at < a.end;
}

function isSamePlace(one: Place, other: Place): boolean {
  return one.memory === other.memory && one.at === other.at;
}

function readMemory(machine: Machine, { memory, at }: Place, size: number): Bytes {
  return [...machine.memories[memory]!.subarray(at, at + size)];
}

/** What the thread itself sees: memory with its own pending writes over it. */
function readThrough(machine: Machine, thread: number, place: Place, size: number): Bytes {
  const bytes = [...readMemory(machine, place, size)];
  for (const effect of machine.pending[thread]!) {
    if (effect.kind === 'copy' || effect.place?.memory !== place.memory) continue;
    const shift = effect.place.at - place.at;
    effect.bytes.forEach((byte, i) => {
      if (i + shift >= 0 && i + shift < size) bytes[i + shift] = byte;
    });
  }
  return bytes;
}

function writeMemory(machine: Machine, { memory, at }: Place, bytes: Bytes): Machine {
  const changed = machine.memories[memory]!.slice();
  changed.set(bytes, at);
  return { ...machine, memories: machine.memories.with(memory, changed) };
}

function withWaiter(machine: Machine, index: number, waiter: Waiter | null): Machine {
  const waiters = [...machine.waiters];
  waiters[index] = waiter;
  return { ...machine, waiters };
}

function withCopied(machine: Machine, thread: number, index: number, bytes: Bytes): Machine {
  const list = [...machine.copied[thread]!];
  list[index] = bytes;
  return { ...machine, copied: machine.copied.with(thread, list) };
}
