/** Helpers of tests that use real sockets: an event log that can be waited for, and raw clients. */
import { connect as connectRaw, type Socket } from 'node:net';
import type { Connection, ConnectionEvents } from '../../src/transport/connection.ts';

/** Records the events of connections; `until` resolves as soon as a condition on them holds. */
export class EventRecorder implements ConnectionEvents {
  readonly connections: Connection[] = [];
  readonly chunks: Uint8Array[] = [];
  readonly closes: { connection: Connection; reason: string }[] = [];
  drains = 0;
  receivedBytes = 0;
  onChunk: (connection: Connection, bytes: Uint8Array) => void = () => {};
  readonly #waiting: { condition: () => boolean; resolve: () => void }[] = [];

  opened(connection: Connection): void {
    this.connections.push(connection);
    this.#wake();
  }

  chunk(connection: Connection, bytes: Uint8Array): void {
    this.chunks.push(bytes);
    this.receivedBytes += bytes.length;
    this.onChunk(connection, bytes);
    this.#wake();
  }

  drained(_connection: Connection): void {
    this.drains++;
    this.#wake();
  }

  closed(connection: Connection, reason: string): void {
    this.closes.push({ connection, reason });
    this.#wake();
  }

  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ condition, resolve }));
  }

  #wake(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if (this.#waiting[i]!.condition()) this.#waiting.splice(i, 1)[0]!.resolve();
    }
  }
}

/** A bare TCP client; resolves when it is connected. */
export function rawClient(port: number, host = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectRaw({ port, host }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Resolves when the peer has closed the socket; resets count too. */
export function closedByPeer(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  socket.resume();
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}
