/**
 * Listens on a TCP port and hands connections to their owner: a net thread, the NameServer. Closes what is idle or never gets a frame
 * together, and keeps the number of connections bounded. Everything happens on the calling thread's event loop.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, every, type Timer } from '../base/clock.ts';
import type { ConnectionEvents } from './connection.ts';
import { FirstFrame } from './first-frame.ts';
import { isReusePortSupported } from './reuse-port.ts';
import { SocketConnection } from './socket-connection.ts';

/** Both ends of a connection close it after this long without traffic (spec/remoting.md 10). */
export const IDLE_MS = 120_000;
export const CONNECTIONS_MAX = 20_000;
const BACKLOG = 1024;
/** A limit in ms is looked at this many times before it is over. */
const SWEEPS_PER_LIMIT = 8;
const SWEEP_MS_MAX = 5_000;

export interface ListenOptions {
  /** 127.0.0.1 unless said otherwise: an embedded broker is not open to the network by accident. */
  readonly host?: string;
  /** 0 takes a free port; {@link Listener.port} tells which. */
  readonly port: number;
  /** Gives each connection its id. */
  readonly nextConnectionId: () => number;
  readonly events: ConnectionEvents;
  /** One line for each thing that an operator may want to know. */
  readonly log?: (line: string) => void;
  /** Closed after so long without a byte in either direction. */
  readonly idleMs?: number;
  /** Closed when the first whole frame has not come so long after the accept, however its bytes trickle. */
  readonly firstFrameMs?: number;
  /** Further connections are closed at once. */
  readonly connectionsMax?: number;
  /** Several listeners of one process share the port; see {@link isReusePortSupported}. */
  readonly reusePort?: boolean;
}

/** Resolves when the port is open, rejects with the reason of the operating system. */
export function listen(options: ListenOptions): Promise<Listener> {
  if (options.reusePort === true && !isReusePortSupported()) {
    return Promise.reject(new Error(`reusePort needs Node 22.12 or newer, this is ${process.version}`));
  }
  const host = options.host ?? '127.0.0.1';
  const server = createServer({ noDelay: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Node 20's types do not know reusePort.
    const where: { host: string; port: number; backlog: number; reusePort?: boolean } = {
      host,
      port: options.port,
      backlog: BACKLOG,
    };
    if (options.reusePort === true) where.reusePort = true;
    server.listen(where, () => {
      server.off('error', reject);
      resolve(new Listener(server, options));
    });
  });
}

/** What the sweep has seen of a connection. */
interface Watched {
  readonly connection: SocketConnection;
  readonly firstFrame: FirstFrame;
  movedBytes: number;
  idleMs: number;
  ageMs: number;
  hadFrame: boolean;
}

export class Listener {
  readonly host: string;
  readonly port: number;
  readonly #server: Server;
  readonly #options: ListenOptions;
  /** The owner's events, with our bookkeeping before the last one. */
  readonly #events: ConnectionEvents;
  readonly #watched = new Map<number, Watched>();
  readonly #sweep: Timer;
  readonly #idleMsMax: number;
  readonly #firstFrameMsMax: number;
  /** So that a flood of refused connections is one line. */
  #isFull = false;
  #isClosing = false;
  readonly #waitingForEnd: (() => void)[] = [];

  constructor(server: Server, options: ListenOptions) {
    const { address, port } = server.address() as AddressInfo;
    this.host = address;
    this.port = port;
    this.#server = server;
    this.#options = options;
    const { events } = options;
    this.#events = {
      opened: (connection) => events.opened(connection),
      chunk: (connection, bytes) => events.chunk(connection, bytes),
      drained: (connection) => events.drained(connection),
      closed: (connection, reason) => {
        this.#watched.delete(connection.id);
        events.closed(connection, reason);
        if (this.#isClosing && this.#watched.size === 0) this.#stopped();
      },
    };
    this.#idleMsMax = options.idleMs ?? IDLE_MS;
    this.#firstFrameMsMax = options.firstFrameMs ?? this.#idleMsMax;
    server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX;
    server.on('connection', (socket) => this.#accept(socket));
    server.on('drop', () => this.#dropped());
    server.on('error', (error) => this.#log(`accepting on port ${port} failed: ${error.message}`));
    const sweepMs = Math.min(
      SWEEP_MS_MAX,
      Math.ceil(Math.min(this.#idleMsMax, this.#firstFrameMsMax) / SWEEPS_PER_LIMIT),
    );
    this.#sweep = every(sweepMs, () => this.#closeIdle(sweepMs), false);
  }

  /** Open connections. */
  get connections(): number {
    return this.#watched.size;
  }

  /** Drops one connection, if it is still there. */
  closeConnection(id: number, reason: string): void {
    this.#watched.get(id)?.connection.close(reason);
  }

  /** Frees the port; connections live on. Resolves when they are gone too. */
  stopAccepting(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#server.close();
    }
    if (this.#watched.size === 0) {
      this.#stopped();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waitingForEnd.push(resolve);
    });
  }

  /** Stops accepting and ends all connections in order; those whose peers have not gone after `patienceMs` are dropped. */
  async end(reason: string, patienceMs: number): Promise<void> {
    const ended = this.stopAccepting();
    for (const { connection } of this.#watched.values()) connection.end(reason);
    const patience = after(patienceMs, () => void this.close(reason));
    await ended;
    patience.stop();
  }

  /** Stops accepting and drops all connections. Resolves after their `closed` events. */
  close(reason = 'the listener closes'): Promise<void> {
    const closed = this.stopAccepting();
    for (const { connection } of this.#watched.values()) connection.close(reason);
    return closed;
  }

  #accept(socket: Socket): void {
    this.#isFull = false;
    const connection = new SocketConnection(this.#options.nextConnectionId(), socket);
    const firstFrame = new FirstFrame();
    this.#watched.set(connection.id, { connection, firstFrame, movedBytes: 0, idleMs: 0, ageMs: 0, hadFrame: false });
    connection.start(this.#events, firstFrame);
  }

  /** Node's own "closed" comes before the last connection's event, so the end is when nothing is watched any more. */
  #stopped(): void {
    this.#sweep.stop();
    for (const resolve of this.#waitingForEnd.splice(0)) resolve();
  }

  #dropped(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#log(`port ${this.port} refuses connections: ${this.#watched.size} are open, which is the limit`);
  }

  /** Counts in sweeps, so that no clock is read for each chunk. */
  #closeIdle(sweepMs: number): void {
    for (const watched of this.#watched.values()) {
      const { connection } = watched;
      const moved = connection.movedBytes;
      watched.idleMs = moved === watched.movedBytes ? watched.idleMs + sweepMs : 0;
      watched.movedBytes = moved;
      if (watched.idleMs >= this.#idleMsMax) connection.close(`idle for ${this.#idleMsMax} ms`);
      else if (!watched.hadFrame) this.#expectFirstFrame(watched, sweepMs);
    }
  }

  #expectFirstFrame(watched: Watched, sweepMs: number): void {
    watched.ageMs += sweepMs;
    watched.hadFrame = watched.connection.receivedBytes >= watched.firstFrame.sizeBytes;
    if (watched.hadFrame || watched.ageMs < this.#firstFrameMsMax) return;
    watched.connection.close(`no whole frame within ${this.#firstFrameMsMax} ms`);
  }

  #log(line: string): void {
    this.#options.log?.(line);
  }
}
