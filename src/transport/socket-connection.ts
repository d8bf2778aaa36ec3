/**
 * A connection over a TCP socket of node:net. `listen` and `connect` make these on the thread that will own them.
 */
import type { Socket } from 'node:net';
import { encodeHost } from '../layout/message-record.ts';
import { CLOSED_BY_PEER, type Connection, type ConnectionEvents } from './connection.ts';
import type { FirstFrame } from './first-frame.ts';

const MAPPED_V4 = /^::ffff:(?=\d+\.)/i;

export class SocketConnection implements Connection {
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteHost: Uint8Array;
  readonly #socket: Socket;
  #reason: string | null = null;

  constructor(id: number, socket: Socket) {
    this.id = id;
    this.#socket = socket;
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.remotePort = socket.remotePort ?? 0;
    this.localAddress = plainAddress(socket.localAddress);
    this.localPort = socket.localPort ?? 0;
    this.remoteHost = encodeHost(this.remoteAddress, this.remotePort);
  }

  /** Starts the flow of events. `first` looks at the first chunks before the owner does. */
  start(events: ConnectionEvents, first: FirstFrame | null = null): void {
    const socket = this.#socket;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason ??= `connection failed: ${error.code ?? error.message}`;
    });
    socket.on('end', () => {
      this.#reason ??= CLOSED_BY_PEER;
    });
    socket.on('close', () => events.closed(this, this.#reason ?? 'closed'));
    socket.on('drain', () => events.drained(this));
    events.opened(this);
    let looking = first;
    socket.on('data', (bytes: Buffer) => {
      // Node hands over what it has already read even after destroy(); after our end nobody asks for more.
      if (socket.destroyed || socket.writableEnded) return;
      if (looking !== null) {
        const refusal = looking.take(bytes);
        if (refusal !== null) {
          this.close(refusal);
          return;
        }
        if (looking.isKnown) looking = null;
      }
      events.chunk(this, bytes);
    });
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Bytes that came from the peer. */
  get receivedBytes(): number {
    return this.#socket.bytesRead;
  }

  /** Bytes that crossed the socket in either direction: while it stands still, the connection is idle. */
  get movedBytes(): number {
    return this.#socket.bytesRead + this.#socket.bytesWritten - this.#socket.writableLength;
  }

  write(bytes: Uint8Array, released?: () => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) {
      released?.();
    } else if (released === undefined) {
      this.#socket.write(bytes);
    } else {
      this.#socket.write(bytes, () => released());
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** What comes is read on, or the kernel would reset the connection in the end, and the peer might lose our last words. */
  end(reason: string): void {
    this.#reason ??= reason;
    this.#socket.end();
    this.#socket.resume();
  }

  close(reason: string): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }
}

/** A socket that died before it was looked at has no addresses; its `closed` follows. */
function plainAddress(address: string | undefined): string {
  return (address ?? '0.0.0.0').replace(MAPPED_V4, '').replace(/%.*$/, '');
}
