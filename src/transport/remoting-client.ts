/**
 * Requests to brokers and NameServers: one connection per address, opened when it is needed, answers matched by opaque. Used by the
 * broker's registration, the client library, tools and tests, on one thread's event loop; the only part of transport/ with promises.
 */
import { InvariantError } from '../base/assert.ts';
import { after, type Timer } from '../base/clock.ts';
import { ResponseCode } from '../remoting/codes.ts';
import { FrameError, FrameFlag, type RemotingCommand } from '../remoting/command.ts';
import { decodeFrame, encodeFrame, isOneWay, isResponse, responseTo } from '../remoting/frame-codec.ts';
import { FrameReader } from '../remoting/frame-reader.ts';
import { CONNECT_TIMEOUT_MS, connect, parseAddress } from './connect.ts';
import type { Connection, ConnectionEvents } from './connection.ts';

/** Why a request has no answer. */
export type RemotingFailure = 'connect' | 'timeout' | 'closed';

export class RemotingClientError extends Error {
  override readonly name = 'RemotingClientError';
  readonly failure: RemotingFailure;
  readonly address: string;

  constructor(failure: RemotingFailure, address: string, message: string, options?: ErrorOptions) {
    super(`${address}: ${message}`, options);
    this.failure = failure;
    this.address = address;
  }
}

export interface RemotingClientOptions {
  readonly connectTimeoutMs?: number;
  /**
   * Requests of the other side (spec/api.md 14). The returned answer is sent, unless the request is one-way. Null: nothing is sent. Without a
   * handler such requests are answered REQUEST_CODE_NOT_SUPPORTED.
   */
  readonly onRequest?: (
    request: RemotingCommand,
    address: string,
  ) => Promise<RemotingCommand | null> | RemotingCommand | null;
  /** An open connection has gone. */
  readonly onClosed?: (address: string, reason: string) => void;
}

export class RemotingClient {
  readonly #options: RemotingClientOptions;
  readonly #peers = new Map<string, Peer>();
  #lastOpaque = 0;
  #isClosed = false;

  constructor(options: RemotingClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Sends a request and resolves with its answer, whatever its code is. The opaque is this client's. Rejects with
   * {@link RemotingClientError}; connecting counts towards the timeout.
   */
  async invoke(address: string, command: RemotingCommand, timeoutMs: number): Promise<RemotingCommand> {
    return this.#peer(address).invoke(this.#stamped(command, 0), timeoutMs);
  }

  /** Sends a request that nobody answers. Resolves when it is with the socket. */
  async oneWay(address: string, command: RemotingCommand): Promise<void> {
    const connection = await this.#peer(address).connection();
    connection.write(encodeFrame(this.#stamped(command, FrameFlag.oneWay)));
  }

  /** Drops one connection; the next request opens a new one. */
  disconnect(address: string): void {
    this.#peers.get(address)?.close('disconnected');
  }

  /** Drops all connections; what waits for an answer is rejected, and so is everything after. */
  close(): void {
    this.#isClosed = true;
    for (const peer of [...this.#peers.values()]) peer.close('the client was closed');
  }

  #peer(address: string): Peer {
    if (this.#isClosed) throw new RemotingClientError('closed', address, 'the client was closed');
    const known = this.#peers.get(address);
    if (known !== undefined) return known;
    const peer = new Peer(address, this.#options, () => {
      if (this.#peers.get(address) === peer) this.#peers.delete(address);
    });
    this.#peers.set(address, peer);
    peer.start();
    return peer;
  }

  #stamped(command: RemotingCommand, flag: number): RemotingCommand {
    this.#lastOpaque = (this.#lastOpaque + 1) & 0x7fffffff;
    return { ...command, opaque: this.#lastOpaque, flag };
  }
}

interface Waiting {
  resolve(answer: RemotingCommand): void;
  reject(error: RemotingClientError): void;
  readonly deadline: Timer;
}

/** One address, for as long as its connection lasts. */
class Peer implements ConnectionEvents {
  readonly #address: string;
  readonly #options: RemotingClientOptions;
  readonly #gone: () => void;
  readonly #reader = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  #connection!: Promise<Connection>;
  #open: Connection | null = null;
  #closeReason: string | null = null;

  constructor(address: string, options: RemotingClientOptions, gone: () => void) {
    this.#address = address;
    this.#options = options;
    this.#gone = gone;
  }

  start(): void {
    this.#connection = this.#connect();
    // Whoever asked hears of a failed connection; nobody else has to.
    this.#connection.catch(() => {});
  }

  connection(): Promise<Connection> {
    return this.#connection;
  }

  invoke(request: RemotingCommand, timeoutMs: number): Promise<RemotingCommand> {
    const { opaque, code } = request;
    const frame = encodeFrame(request);
    return new Promise((resolve, reject) => {
      const deadline = after(timeoutMs, () =>
        this.#fail(opaque, 'timeout', `no answer to ${code} within ${timeoutMs} ms`),
      );
      this.#waiting.set(opaque, { resolve, reject, deadline });
      this.#connection.then(
        (connection) => {
          // A request whose time is over is not sent any more.
          if (this.#waiting.has(opaque)) connection.write(frame);
        },
        (error: RemotingClientError) => this.#take(opaque)?.reject(error),
      );
    });
  }

  close(reason: string): void {
    this.#closeReason ??= reason;
    this.#open?.close(reason);
    this.#end(reason);
  }

  // --- events of the connection ---

  opened(_connection: Connection): void {}

  chunk(connection: Connection, bytes: Uint8Array): void {
    try {
      this.#reader.push(bytes, { frame: (frame, start, end) => this.#frame(connection, frame, start, end) });
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      connection.close(`not a frame: ${error.message}`);
    }
  }

  drained(_connection: Connection): void {}

  closed(_connection: Connection, reason: string): void {
    this.#end(reason);
    this.#options.onClosed?.(this.#address, reason);
  }

  async #connect(): Promise<Connection> {
    try {
      const timeoutMs = this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
      const connection = await connect({ ...parseAddress(this.#address), events: this, timeoutMs });
      this.#open = connection;
      if (this.#closeReason !== null) connection.close(this.#closeReason);
      return connection;
    } catch (error) {
      this.#gone();
      throw new RemotingClientError('connect', this.#address, (error as Error).message, { cause: error });
    }
  }

  #frame(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    // The answer outlives the chunk it came in.
    const command = decodeFrame(bytes.slice(start, end), 0, end - start);
    if (!isResponse(command.flag)) {
      void this.#serve(connection, command);
      return;
    }
    const waiting = this.#take(command.opaque);
    // Otherwise it is too late: whoever asked has been told so.
    waiting?.resolve(command);
  }

  async #serve(connection: Connection, request: RemotingCommand): Promise<void> {
    const frame = await this.#answer(request);
    if (frame !== null && !isOneWay(request.flag)) connection.write(frame);
  }

  async #answer(request: RemotingCommand): Promise<Uint8Array | null> {
    const { onRequest } = this.#options;
    if (onRequest === undefined) {
      return encodeFrame(responseTo(request, ResponseCode.REQUEST_CODE_NOT_SUPPORTED, 'this client serves nothing'));
    }
    try {
      const answer = await onRequest(request, this.#address);
      return answer === null ? null : encodeFrame(answer);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      return encodeFrame(responseTo(request, ResponseCode.SYSTEM_ERROR, String(error)));
    }
  }

  /** No answer comes any more; the next request to the address opens a connection of its own. */
  #end(reason: string): void {
    this.#gone();
    for (const opaque of [...this.#waiting.keys()]) this.#fail(opaque, 'closed', reason);
  }

  #fail(opaque: number, failure: RemotingFailure, message: string): void {
    this.#take(opaque)?.reject(new RemotingClientError(failure, this.#address, message));
  }

  #take(opaque: number): Waiting | undefined {
    const waiting = this.#waiting.get(opaque);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(opaque);
    waiting.deadline.stop();
    return waiting;
  }
}
