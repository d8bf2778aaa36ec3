/**
 * What the code of ring/ gets in place of Atomics, SharedArrayBuffer, typed arrays, DataView and Buffer in a model build (model.ts). Each
 * touch of shared memory becomes one {@link Access} that is handed to the tracer, which decides when it happens and what it yields; memory
 * that is not shared stays what it is. A method that is not traced throws, so nothing goes by unseen.
 *
 * This file is copied into the build, so it imports nothing.
 */

export interface Place {
  /** Which of the shared memories, in the order of their allocation. */
  readonly memory: number;
  readonly at: number;
}

export type Bytes = readonly number[];

export type Access =
  | { readonly op: 'read' | 'load' | 'copy'; readonly place: Place; readonly size: number }
  | { readonly op: 'write' | 'store'; readonly place: Place; readonly bytes: Bytes }
  | { readonly op: 'update'; readonly place: Place; readonly size: number; readonly to: (old: Bytes) => Bytes }
  | { readonly op: 'loadFence' | 'storeFence' }
  | { readonly op: 'settle' | 'turn' }
  | { readonly op: 'wait' | 'waitAsync'; readonly place: Place; readonly expected: Bytes }
  | { readonly op: 'notify'; readonly place: Place; readonly count: number };

export interface Tracer {
  /** Yields the bytes read, or what {@link Waited} and the like say. */
  access(access: Access): Bytes;
  /** How many bytes of a copy are taken at once; between two pieces a writer may come. */
  readonly copyPieceBytes: number;
  /** A plain copy: `into` has the bytes when they are needed, in a weak model not before the next settle. */
  copy(place: Place, size: number, into: Uint8Array, at: number): void;
}

/** What a wait yields. */
export const Waited = { woken: 0, notEqual: 1 } as const;

let tracer: Tracer | null = null;
const memories: ArrayBufferLike[] = [];
const asyncCallbacks = new Map<number, () => void>();

export function traceWith(next: Tracer): void {
  tracer = next;
}

/** Forgets the memories of the last world. */
export function startOver(): void {
  memories.length = 0;
  asyncCallbacks.clear();
}

export function sharedMemories(): readonly ArrayBufferLike[] {
  return memories;
}

/** A turn of an event loop that has nothing else to do: waits until an async wait of this thread has ended and runs what follows it. */
export function eventLoopTurn(): void {
  const [waiter] = access({ op: 'turn' });
  asyncCallbacks.get(waiter!)!();
}

/** Every copy that this thread has begun has its bytes now. */
export function settle(): void {
  access({ op: 'settle' });
}

function access(what: Access): Bytes {
  if (tracer === null) throw new Error('no tracer');
  return tracer.access(what);
}

type Numbers = Int32Array | Float64Array | BigInt64Array | Uint8Array;
type Constructor = new (memory: ArrayBufferLike | number, at?: number, length?: number) => Numbers;

interface Traced {
  readonly memory: number;
  readonly byteOffset: number;
  readonly size: number;
  readonly codec: Codec;
}

interface Codec {
  encode(value: number | bigint): Bytes;
  decode(bytes: Bytes): number | bigint;
}

const tracedOf = new WeakMap<object, Traced>();
const scratch = new Uint8Array(8);

function codecOf(Numbers: Constructor, size: number): Codec {
  const cell = new Numbers(scratch.buffer, 0, 1);
  return {
    encode: (value) => {
      cell[0] = value as number;
      return [...scratch.subarray(0, size)];
    },
    decode: (bytes) => {
      scratch.set(bytes);
      return cell[0]!;
    },
  };
}

function placeOf({ memory, byteOffset, size }: Traced, index: number): Place {
  return { memory, at: byteOffset + index * size };
}

const INDEX = /^\d+$/;

/** A typed array over shared memory as a proxy whose elements are accesses; over anything else a plain one. */
function tracedArray(Numbers: Constructor, size: number): Constructor {
  const codec = codecOf(Numbers, size);
  function construct(source: ArrayBufferLike | number, at = 0, length?: number): Numbers {
    if (typeof source === 'number') return new Numbers(source);
    const real = length === undefined ? new Numbers(source, at) : new Numbers(source, at, length);
    const memory = memories.indexOf(source);
    return memory < 0 ? real : (traced(real, { memory, byteOffset: real.byteOffset, size, codec }) as Numbers);
  }
  // A function, because an arrow function cannot be called with `new`.
  return Object.assign(
    function (this: unknown, source: ArrayBufferLike | number, at?: number, length?: number) {
      return construct(source, at, length);
    },
    { BYTES_PER_ELEMENT: size },
  ) as unknown as Constructor;
}

function traced(real: Numbers, meta: Traced, methods: Record<string, unknown> = {}): Numbers {
  const proxy = new Proxy(real, {
    get: (target, key) => {
      if (typeof key === 'string' && INDEX.test(key)) {
        if (Number(key) >= target.length) return undefined;
        return meta.codec.decode(access({ op: 'read', place: placeOf(meta, Number(key)), size: meta.size }));
      }
      if (key === 'length' || key === 'byteLength' || key === 'byteOffset') return target[key];
      const method = methods[String(key)];
      if (method === undefined) throw new Error(`${String(key)} is not traced`);
      return method;
    },
    set: (target, key, value) => {
      const index = Number(key);
      if (!(index < target.length)) throw new Error(`element ${String(key)} of ${target.length} is written`);
      access({ op: 'write', place: placeOf(meta, index), bytes: meta.codec.encode(value) });
      return true;
    },
  });
  tracedOf.set(proxy, meta);
  return proxy;
}

export const TracedInt32Array = tracedArray(Int32Array as Constructor, 4);
export const TracedFloat64Array = tracedArray(Float64Array as Constructor, 8);
export const TracedBigInt64Array = tracedArray(BigInt64Array as Constructor, 8);

/** Makes real memory that views of this file trace. */
export class TracedSharedArrayBuffer {
  constructor(sizeBytes: number) {
    const memory = new SharedArrayBuffer(sizeBytes);
    memories.push(memory);
    // biome-ignore lint/correctness/noConstructorReturn: the code under test says `new SharedArrayBuffer`.
    return memory;
  }
}

export class TracedDataView {
  readonly #memory: number;
  readonly #view = new DataView(scratch.buffer);

  constructor(memory: ArrayBufferLike) {
    this.#memory = memories.indexOf(memory);
  }

  #read(at: number, size: number): DataView {
    scratch.set(access({ op: 'read', place: { memory: this.#memory, at }, size }));
    return this.#view;
  }

  #write(at: number, size: number): void {
    access({ op: 'write', place: { memory: this.#memory, at }, bytes: [...scratch.subarray(0, size)] });
  }

  getInt32(at: number, littleEndian?: boolean): number {
    return this.#read(at, 4).getInt32(0, littleEndian);
  }

  getUint32(at: number, littleEndian?: boolean): number {
    return this.#read(at, 4).getUint32(0, littleEndian);
  }

  setInt32(at: number, value: number, littleEndian?: boolean): void {
    this.#view.setInt32(0, value, littleEndian);
    this.#write(at, 4);
  }
}

function tracedBuffer(memory: ArrayBufferLike): Numbers {
  const index = memories.indexOf(memory);
  const real = Buffer.from(memory as SharedArrayBuffer);
  const write = (at: number, bytes: Iterable<number>) =>
    access({ op: 'write', place: { memory: index, at }, bytes: [...bytes] });
  const read = (at: number, size: number) => access({ op: 'read', place: { memory: index, at }, size });
  const codec = codecOf(Uint8Array as Constructor, 1);
  return traced(
    real,
    { memory: index, byteOffset: 0, size: 1, codec },
    {
      copy: (into: Uint8Array, at: number, start: number, end: number) => {
        const piece = tracer!.copyPieceBytes;
        for (let from = start; from < end; from += piece) {
          const size = Math.min(piece, end - from);
          tracer!.copy({ memory: index, at: from }, size, into, at + from - start);
        }
        return end - start;
      },
      write: (text: string, at: number) => write(at, Buffer.from(text)),
      writeInt32BE: (value: number, at: number) => write(at, Buffer.from(Uint8Array.from(bigEndian(value)))),
      readInt32BE: (at: number) => Buffer.from(read(at, 4)).readInt32BE(0),
      toString: (encoding: BufferEncoding, start: number, end: number) =>
        Buffer.from(Array.from({ length: end - start }, (_, i) => read(start + i, 1)[0]!)).toString(encoding),
    },
  );
}

function bigEndian(value: number): Bytes {
  return [value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 0xff);
}

export const TracedBuffer = {
  prototype: Buffer.prototype,
  from: tracedBuffer,
  byteLength: Buffer.byteLength,
};

const PRIVATE = { op: 'loadFence' } as const;

/** An operation on a cell that no other thread sees is there for the order it makes. */
function cell(view: Numbers, index: number): { place: Place; codec: Codec; size: number } | null {
  const meta = tracedOf.get(view);
  return meta === undefined ? null : { place: placeOf(meta, index), codec: meta.codec, size: meta.size };
}

function shared(view: Numbers, index: number): { place: Place; codec: Codec; size: number } {
  const found = cell(view, index);
  if (found === null) throw new Error('this operation makes sense on shared memory only');
  return found;
}

function update(view: Numbers, index: number, to: (old: number | bigint) => number | bigint): number | bigint {
  const { place, codec, size } = shared(view, index);
  return codec.decode(access({ op: 'update', place, size, to: (old) => codec.encode(to(codec.decode(old))) }));
}

export const TracedAtomics = {
  load(view: Numbers, index: number): number | bigint {
    const found = cell(view, index);
    if (found === null) access(PRIVATE);
    return found === null
      ? view[index]!
      : found.codec.decode(access({ op: 'load', place: found.place, size: found.size }));
  },
  store(view: Numbers, index: number, value: number | bigint): number | bigint {
    const found = cell(view, index);
    if (found === null) access({ op: 'storeFence' });
    else access({ op: 'store', place: found.place, bytes: found.codec.encode(value) });
    return value;
  },
  exchange: (view: Numbers, index: number, value: number) => update(view, index, () => value),
  add: (view: Numbers, index: number, amount: number) => update(view, index, (old) => Number(old) + amount),
  compareExchange: (view: Numbers, index: number, expected: number, value: number) =>
    update(view, index, (old) => (old === expected ? value : old)),
  /** Without the time-out: who is woken by that alone was not woken. */
  wait(view: Numbers, index: number, expected: number): string {
    const { place, codec } = shared(view, index);
    const [waited] = access({ op: 'wait', place, expected: codec.encode(expected) });
    return waited === Waited.woken ? 'ok' : 'not-equal';
  },
  waitAsync(view: Numbers, index: number, expected: number): object {
    const { place, codec } = shared(view, index);
    const [waited, waiter] = access({ op: 'waitAsync', place, expected: codec.encode(expected) });
    if (waited === Waited.notEqual) return { async: false, value: 'not-equal' };
    // Not a promise: what follows the wait runs when the program lets its event loop turn.
    return {
      async: true,
      value: Object.fromEntries([['then', (callback: () => void) => asyncCallbacks.set(waiter!, callback)]]),
    };
  },
  notify: (view: Numbers, index: number, count = Number.MAX_SAFE_INTEGER): number => {
    const { place } = shared(view, index);
    return access({ op: 'notify', place, count })[0]!;
  },
};
