/**
 * The net threads as control sees them: which have been announced, and on which of them each connection lives. Everything that control
 * says to a net thread goes out here, so the order of the calls is the order in which it arrives.
 */

import type { ExtFields } from '../remoting/command.ts';
import { FrameFlag } from '../remoting/command.ts';
import { encodeFrame, requestOf } from '../remoting/frame-codec.ts';
import type { FromControl } from './control-protocol.ts';

export interface Connection {
  readonly netIndex: number;
  /** `ip:port` of the client. */
  readonly remote: string;
  /** `ip:port` that the client dialled. */
  readonly local: string;
}

export class NetLinks {
  readonly #send: (netIndex: number, message: FromControl) => void;
  readonly #nets = new Set<number>();
  readonly #connections = new Map<number, Connection>();
  /** Requests of the broker's own count for themselves (spec/remoting.md 5). */
  #opaque = 0;

  constructor(send: (netIndex: number, message: FromControl) => void) {
    this.#send = send;
  }

  announce(netIndex: number): void {
    this.#nets.add(netIndex);
  }

  opened(connectionId: number, connection: Connection): void {
    this.#connections.set(connectionId, connection);
  }

  closed(connectionId: number): void {
    this.#connections.delete(connectionId);
  }

  connection(connectionId: number): Connection | undefined {
    return this.#connections.get(connectionId);
  }

  to(netIndex: number, message: FromControl): void {
    this.#send(netIndex, message);
  }

  /** To every announced net thread; one that comes later is told everything when it is announced. */
  toAll(message: FromControl): void {
    for (const netIndex of this.#nets) this.#send(netIndex, message);
  }

  /** Writes a frame to a connection, unless it has gone. */
  frame(connectionId: number, frame: Uint8Array): void {
    const connection = this.connection(connectionId);
    if (connection !== undefined) this.#send(connection.netIndex, { kind: 'frame', connectionId, frame });
  }

  /** The same one-way request to several clients. */
  push(connectionIds: Iterable<number>, code: number, extFields: ExtFields): void {
    this.#opaque = (this.#opaque + 1) & 0x7fffffff;
    const frame = encodeFrame({ ...requestOf(code, this.#opaque, extFields), flag: FrameFlag.oneWay });
    for (const connectionId of connectionIds) this.frame(connectionId, frame);
  }

  /** Asks the net thread to close; `closed` comes back in time. */
  close(connectionId: number, reason: string): void {
    const connection = this.connection(connectionId);
    if (connection !== undefined) this.#send(connection.netIndex, { kind: 'close', connectionId, reason });
  }
}
