/**
 * A closed loop over raw sockets: every connection keeps a fixed number of requests in flight and sends one for each answer. It knows
 * nothing of the protocol, so that Redis and the brokers are driven by the same loop. Called by measures.ts, in the main thread.
 */
import { connect, type Socket } from 'node:net';
import { build, type Histogram } from 'hdr-histogram-js';
import { sleep, systemClock } from '../../src/base/clock.ts';

/** One connection's side of a protocol. */
export interface Protocol {
  /** Writes `count` more requests. */
  send(socket: Socket, count: number): void;
  /** Takes what arrived; the number of answers it completed. Throws when one is not a success. */
  answers(chunk: Buffer): number;
}

export interface LoopSpec {
  address: string;
  connections: number;
  /** Over all connections. */
  inFlight: number;
  durationMs: number;
}

export interface LoopResult {
  answers: number;
  seconds: number;
  /** Of one request in flight only: with more, an answer is not matched to its request. */
  latencyUs: Histogram | null;
}

class Connection {
  answers = 0;
  readonly #socket: Socket;
  readonly #protocol: Protocol;
  readonly #latencyUs: Histogram | null;
  #inFlight = 0;
  #sentAtUs = 0;
  #stopped = false;
  #finish: () => void = () => {};
  readonly finished: Promise<void>;

  constructor(socket: Socket, protocol: Protocol, latencyUs: Histogram | null) {
    this.#socket = socket;
    this.#protocol = protocol;
    this.#latencyUs = latencyUs;
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('the connection was closed')));
      socket.on('data', (chunk) => {
        try {
          this.#arrived(chunk);
        } catch (error) {
          reject(error as Error);
          socket.destroy();
        }
      });
    });
  }

  send(count: number): void {
    this.#inFlight += count;
    if (this.#latencyUs !== null) this.#sentAtUs = systemClock.monotonicUs();
    this.#protocol.send(this.#socket, count);
  }

  /** Sends no more; `finished` resolves when everything in flight is answered. */
  stop(): void {
    this.#stopped = true;
    if (this.#inFlight === 0) this.#finish();
  }

  close(): void {
    this.#socket.destroy();
  }

  #arrived(chunk: Buffer): void {
    const count = this.#protocol.answers(chunk);
    if (count === 0) return;
    this.answers += count;
    this.#inFlight -= count;
    this.#latencyUs?.recordValue(systemClock.monotonicUs() - this.#sentAtUs);
    if (!this.#stopped) this.send(count);
    else if (this.#inFlight === 0) this.#finish();
  }
}

export async function runClosedLoop(spec: LoopSpec, protocolOf: (connection: number) => Protocol): Promise<LoopResult> {
  const latencyUs =
    spec.inFlight === 1 ? build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 }) : null;
  const sockets = await Promise.all(Array.from({ length: spec.connections }, () => openSocket(spec.address)));
  const start = systemClock.monotonicUs();
  const connections = sockets.map((socket, index) => new Connection(socket, protocolOf(index), latencyUs));
  const finished = Promise.all(connections.map((connection) => connection.finished));
  try {
    for (const connection of connections) connection.send(spec.inFlight / spec.connections);
    await Promise.race([sleep(spec.durationMs), finished]);
    for (const connection of connections) connection.stop();
    await finished;
  } finally {
    for (const connection of connections) connection.close();
  }
  const seconds = (systemClock.monotonicUs() - start) / 1e6;
  return { answers: connections.reduce((sum, connection) => sum + connection.answers, 0), seconds, latencyUs };
}

export function openSocket(address: string): Promise<Socket> {
  const colon = address.lastIndexOf(':');
  return new Promise((resolve, reject) => {
    const target = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)), noDelay: true };
    const socket = connect(target, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Encoded requests in a circle: a refill is one or two slices, nothing is encoded while the clock runs. */
export class RequestCircle {
  readonly #bytes: Buffer;
  /** Where each request starts, and where the last ends. */
  readonly #starts: number[];
  #next: number;

  constructor(requests: readonly Buffer[], first = 0) {
    this.#bytes = Buffer.concat(requests);
    this.#starts = [0];
    for (const request of requests) this.#starts.push((this.#starts.at(-1) as number) + request.length);
    this.#next = first % requests.length;
  }

  write(socket: Socket, count: number): void {
    let left = count;
    while (left > 0) {
      const end = Math.min(this.#next + left, this.#starts.length - 1);
      socket.write(this.#bytes.subarray(this.#starts[this.#next], this.#starts[end]));
      left -= end - this.#next;
      this.#next = end === this.#starts.length - 1 ? 0 : end;
    }
  }
}
