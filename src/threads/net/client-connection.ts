/**
 * A client's connection as the net thread keeps it: the reader of its frames and the answers that wait for the end of the turn, when they
 * go to the socket in one write.
 */
import { addressText } from '../../base/address-text.ts';
import type { ReplyPort } from '../../broker/reply-port.ts';
import { FrameReader } from '../../remoting/frame-reader.ts';
import { SendHeaderMemos } from '../../remoting/send-header-memo.ts';
import type { Connection } from '../../transport/connection.ts';
import type { Commit } from './commit-batch.ts';
import { SLAB_SIZE_MAX_BYTES, type SlabPool } from './slab-pool.ts';

const NO_SLAB = Buffer.alloc(0);

/** Why a connection's chunks are held back: it has not taken its answers, control has not caught up with its requests, the broker stops. */
export const Hold = { backlog: 1, control: 2, farewell: 4 } as const;
type Hold = (typeof Hold)[keyof typeof Hold];

export class ClientConnection implements ReplyPort {
  readonly connection: Connection;
  readonly reader = new FrameReader();
  readonly sendsBefore = new SendHeaderMemos();
  readonly remoteHost: Uint8Array;
  readonly remote: string;
  readonly local: string;
  readonly #pool: SlabPool;
  readonly #answered: (client: ClientConnection) => void;
  bytes: Buffer = NO_SLAB;
  #length = 0;
  isOpen = true;
  /** What it has asked of control and control has not carried out, wherever it is; of no meaning once it is closed. */
  ahead = 0;
  /** Of its frames. */
  aheadBytes = 0;
  /** What may not go to control yet: frames, and offsets that came behind them (control-share.ts). */
  readonly notAtControl: (Uint8Array | Commit)[] = [];
  #holds = 0;
  /** What it sent last, which is what it probably sends next. */
  pullsLast = false;

  /** `answered` is called with the first bytes since {@link flush}, and once more when a slab was full: the same flush may be asked for twice. */
  constructor(connection: Connection, pool: SlabPool, answered: (client: ClientConnection) => void) {
    this.connection = connection;
    this.remoteHost = connection.remoteHost;
    this.remote = addressText(connection.remoteAddress, connection.remotePort);
    this.local = addressText(connection.localAddress, connection.localPort);
    this.#pool = pool;
    this.#answered = answered;
  }

  get connectionId(): number {
    return this.connection.id;
  }

  get backlogBytes(): number {
    return this.connection.bufferedBytes + this.#length;
  }

  isHeld(reason: Hold): boolean {
    return (this.#holds & reason) !== 0;
  }

  hold(reason: Hold): void {
    if (this.#holds === 0) this.connection.pause();
    this.#holds |= reason;
  }

  /** Its chunks come again when there is no other reason. */
  letGo(reason: Hold): void {
    if (!this.isHeld(reason)) return;
    this.#holds &= ~reason;
    if (this.#holds === 0) this.connection.resume();
  }

  reserve(size: number): number {
    if (this.#length + size > this.bytes.length) this.#makeRoom(size);
    return this.#length;
  }

  wrote(length: number): void {
    if (this.#length === 0) this.#answered(this);
    this.#length += length;
  }

  frame(bytes: Uint8Array): void {
    if (!this.isOpen) return;
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
    this.wrote(bytes.length);
  }

  /** Gives everything to the socket. */
  flush(): void {
    const slab = this.bytes;
    const length = this.#length;
    this.bytes = NO_SLAB;
    this.#length = 0;
    if (length === 0) this.#pool.give(slab);
    else this.connection.write(slab.subarray(0, length), () => this.#pool.give(slab));
  }

  closed(): void {
    this.isOpen = false;
    this.#length = 0;
  }

  /** Moves to a larger slab, or, when there is none, writes what is there. */
  #makeRoom(size: number): void {
    const needed = this.#length + size;
    if (this.#length > 0 && needed > SLAB_SIZE_MAX_BYTES) {
      this.flush();
      this.bytes = this.#pool.take(size);
      // Should nothing be written to it after all, the flush that this asks for gives it back.
      this.#answered(this);
      return;
    }
    const larger = this.#pool.take(needed);
    this.bytes.copy(larger, 0, 0, this.#length);
    this.#pool.give(this.bytes);
    this.bytes = larger;
  }
}
