/**
 * A closed loop of XADD commands over raw sockets: every connection keeps a fixed number of commands in flight, all of them encoded
 * beforehand, so that the client costs as little as ours does against the brokers. Called by peers.ts in the main thread.
 */
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../src/base/clock.ts';

export interface RedisLoadSpec {
  port: number;
  connections: number;
  inFlightPerConnection: number;
  bodyBytes: number;
  durationMs: number;
}

export interface RedisLoadResult {
  acknowledged: number;
  seconds: number;
}

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const DOLLAR = 36;

class RedisConnection {
  acknowledged = 0;
  readonly #socket: Socket;
  /** As many copies of the command as may be in flight: a refill is one slice of it. */
  readonly #commands: Buffer;
  readonly #commandBytes: number;
  /** Position in an answer `$<length>\r\n<id>\r\n`: 0 at its first byte, 1 in the length line, 2 in the id line. */
  #state = 0;
  #inFlight = 0;
  #stopped = false;
  readonly #done: Promise<void>;
  #resolve: () => void = () => {};

  constructor(socket: Socket, commands: Buffer, inFlight: number) {
    this.#socket = socket;
    this.#commands = commands;
    this.#commandBytes = commands.length / inFlight;
    this.#done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('redis closed the connection')));
    });
    socket.on('data', (chunk) => this.#answers(chunk));
    this.#send(inFlight);
  }

  /** Sends no more, and resolves when everything in flight is answered. */
  finish(): Promise<void> {
    this.#stopped = true;
    if (this.#inFlight === 0) this.#resolve();
    return this.#done;
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(count: number): void {
    this.#inFlight += count;
    this.#socket.write(this.#commands.subarray(0, count * this.#commandBytes));
  }

  #answers(chunk: Buffer): void {
    let answers = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#state === 0) {
        if (byte !== DOLLAR) throw new Error(`redis answered ${chunk.toString('latin1', at, at + 200)}`);
        this.#state = 1;
      } else if (byte === LINE_FEED) {
        if (++this.#state === 3) {
          this.#state = 0;
          answers++;
        }
      } else if (byte === CARRIAGE_RETURN) {
        // Nothing to do: the line ends with the byte after it.
      }
    }
    this.acknowledged += answers;
    this.#inFlight -= answers;
    if (!this.#stopped) this.#send(answers);
    else if (this.#inFlight === 0) this.#resolve();
  }
}

/** Runs the load on the stream `stream`, then checks that the stream holds exactly what was acknowledged. */
export async function runRedisLoad(
  spec: RedisLoadSpec,
  stream: string,
  wait: (ms: number) => Promise<void>,
): Promise<RedisLoadResult> {
  const command = encode(['XADD', stream, '*', 'b', 'x'.repeat(spec.bodyBytes)]);
  const commands = Buffer.concat(new Array(spec.inFlightPerConnection).fill(command));
  const sockets = await Promise.all(Array.from({ length: spec.connections }, () => open(spec.port)));
  const start = systemClock.monotonicUs();
  const connections = sockets.map((socket) => new RedisConnection(socket, commands, spec.inFlightPerConnection));
  await wait(spec.durationMs);
  await Promise.all(connections.map((connection) => connection.finish()));
  const seconds = (systemClock.monotonicUs() - start) / 1e6;
  for (const connection of connections) connection.close();
  const acknowledged = connections.reduce((sum, connection) => sum + connection.acknowledged, 0);
  const stored = await streamLength(spec.port, stream);
  if (stored !== acknowledged) throw new Error(`redis acknowledged ${acknowledged} entries and holds ${stored}`);
  return { acknowledged, seconds };
}

async function streamLength(port: number, stream: string): Promise<number> {
  const socket = await open(port);
  try {
    socket.write(encode(['XLEN', stream]));
    const answer = await new Promise<Buffer>((resolve, reject) => socket.once('data', resolve).once('error', reject));
    const match = /^:(\d+)\r\n$/.exec(answer.toString('latin1'));
    if (match === null) throw new Error(`redis answered XLEN with ${answer.toString('latin1')}`);
    return Number(match[1]);
  } finally {
    socket.destroy();
  }
}

function encode(words: string[]): Buffer {
  return Buffer.from(
    `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`,
  );
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}
