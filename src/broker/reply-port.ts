/**
 * How the request families of a net thread answer. One port per connection; what is written to it goes to the socket in one piece at the
 * end of the net agent's turn. threads/net implements it over a pooled private slab (never shared memory).
 */
export interface ReplyPort {
  readonly connectionId: number;
  /** The peer as records hold it: address and port, 8 or 20 bytes. */
  readonly remoteHost: Uint8Array;
  /** `ip:port` of the peer. */
  readonly remote: string;
  /** False once the connection has gone: what is written is dropped. */
  readonly isOpen: boolean;
  /** Bytes that the peer has not taken yet. */
  readonly backlogBytes: number;
  /** The memory to write answers to, valid after {@link reserve} and until the next call of it. */
  readonly bytes: Buffer;
  /** Makes room for `size` more bytes and returns where in {@link bytes} they go. What is not handed over by {@link wrote} is forgotten. */
  reserve(size: number): number;
  /** The first `length` of the reserved bytes are whole frames. */
  wrote(length: number): void;
  /** Copies a whole frame. */
  frame(bytes: Uint8Array): void;
}
