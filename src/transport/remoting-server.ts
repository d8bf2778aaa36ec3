/**
 * Frames in, frames out: a listener whose owner sees requests and gives answers. For servers that do little per request: the NameServer, and
 * scripted peers in tests. A broker's net threads cut frames themselves. Runs on the calling thread's event loop.
 */
import { InvariantError } from '../base/assert.ts';
import { ResponseCode } from '../remoting/codes.ts';
import { FrameError, type RemotingCommand } from '../remoting/command.ts';
import { decodeFrame, encodeFrame, isOneWay, isResponse, responseTo } from '../remoting/frame-codec.ts';
import { FrameReader } from '../remoting/frame-reader.ts';
import { CLOSED_BY_PEER, type Connection, type ConnectionEvents } from './connection.ts';
import { type Listener, type ListenOptions, listen } from './listener.ts';

/** A peer that does not read its answers is not read from while so many bytes wait for it. */
const UNREAD_ANSWERS_MAX_BYTES = 1024 * 1024;

export interface RequestHandler {
  /** The answer, or null for none. What it throws is answered SYSTEM_ERROR; an InvariantError goes on. */
  handle(request: RemotingCommand, connection: Connection): RemotingCommand | null;
  closed?(connection: Connection, reason: string): void;
}

export type RemotingServerOptions = Omit<ListenOptions, 'events' | 'nextConnectionId'> & {
  readonly handler: RequestHandler;
};

export function serveRemoting({ handler, ...options }: RemotingServerOptions): Promise<Listener> {
  let lastId = 0;
  const events = new RemotingServer(handler, options.log ?? (() => {}));
  return listen({ ...options, events, nextConnectionId: () => ++lastId });
}

class RemotingServer implements ConnectionEvents {
  readonly #handler: RequestHandler;
  readonly #log: (line: string) => void;
  readonly #readers = new Map<number, FrameReader>();

  constructor(handler: RequestHandler, log: (line: string) => void) {
    this.#handler = handler;
    this.#log = log;
  }

  opened(connection: Connection): void {
    this.#readers.set(connection.id, new FrameReader());
  }

  chunk(connection: Connection, bytes: Uint8Array): void {
    const reader = this.#readers.get(connection.id);
    try {
      reader?.push(bytes, { frame: (frame, start, end) => this.#serve(connection, frame, start, end) });
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#readers.delete(connection.id);
      connection.close(`not a frame: ${error.message}`);
    }
    if (connection.bufferedBytes > UNREAD_ANSWERS_MAX_BYTES) connection.pause();
  }

  drained(connection: Connection): void {
    connection.resume();
  }

  closed(connection: Connection, reason: string): void {
    this.#readers.delete(connection.id);
    if (reason !== CLOSED_BY_PEER) this.#log(`closed ${connection.remoteAddress}:${connection.remotePort}: ${reason}`);
    this.#handler.closed?.(connection, reason);
  }

  #serve(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    const request = decodeFrame(bytes, start, end);
    // Nothing was asked of this peer, so an answer is a stray.
    if (isResponse(request.flag)) return;
    const answer = this.#answer(request, connection);
    if (answer !== null && !isOneWay(request.flag)) connection.write(answer);
  }

  #answer(request: RemotingCommand, connection: Connection): Uint8Array | null {
    try {
      const answer = this.#handler.handle(request, connection);
      return answer === null ? null : encodeFrame(answer);
    } catch (error) {
      if (!(error instanceof Error) || error instanceof InvariantError) throw error;
      const { remoteAddress, remotePort } = connection;
      this.#log(`request ${request.code} of ${remoteAddress}:${remotePort} failed: ${error.message}`);
      return encodeFrame(responseTo(request, ResponseCode.SYSTEM_ERROR, error.message));
    }
  }
}
