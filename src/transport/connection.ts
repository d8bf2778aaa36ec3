/**
 * What the rest of the project sees of a socket. The thread that opened the socket calls and is called; nothing here crosses threads.
 * `SocketConnection` is the only implementation beside the simulator's.
 */

export interface Connection {
  /** From the counter of whoever listens or connects, so that it can be unique over all threads. */
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The peer as records hold it: 4 or 16 bytes of address, 4 of port. */
  readonly remoteHost: Uint8Array;
  /** Bytes given to {@link write} that the kernel has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * Hands the bytes to the socket in one piece. They must stay as they are until `released` is called: once, when the kernel has them or the
   * connection is gone. Never shared memory. After {@link close} nothing is sent and `released` is called at once.
   */
  write(bytes: Uint8Array, released?: () => void): void;
  /** No chunk comes until {@link resume}; the peer is slowed down by TCP. */
  pause(): void;
  resume(): void;
  /**
   * Sends what was written and then the end of the stream, and drops what still comes. The peer has everything before it hears of the end,
   * unless it is slower than the owner's patience, which `close` ends.
   */
  end(reason: string): void;
  /** Drops the connection now, unsent bytes included. `closed` follows with the reason of the first call. */
  close(reason: string): void;
}

/** Reason of the `closed` event when the other side ended the connection in order, which is nothing to report. */
export const CLOSED_BY_PEER = 'closed by the peer';

/** How a connection speaks to its owner. What these throw is the owner's broken invariant: it is not caught here. */
export interface ConnectionEvents {
  opened(connection: Connection): void;
  /** Bytes as they came, not copied: the receiver may keep views of them. */
  chunk(connection: Connection, bytes: Uint8Array): void;
  /** The kernel has taken everything, after a time in which it had not. */
  drained(connection: Connection): void;
  /** Exactly once for each `opened`; nothing comes after it. */
  closed(connection: Connection, reason: string): void;
}
