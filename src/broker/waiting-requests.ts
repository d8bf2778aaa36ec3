/**
 * Requests that cannot be carried out yet, as copies of their frames: sends that wait for room in the ring, and requests that wait until
 * control has made their topic. Bounded in bytes over all connections; part of the net thread.
 */
import type { ReplyPort } from './reply-port.ts';

export interface WaitingRequest<Reply extends ReplyPort = ReplyPort> {
  readonly reply: Reply;
  /** A whole frame. */
  readonly frame: Uint8Array;
  readonly sinceUs: number;
}

export class WaitingRequests<Reply extends ReplyPort = ReplyPort> {
  readonly #bytesMax: number;
  #queue: WaitingRequest<Reply>[] = [];
  /** The first that is still waiting; the array is cut when half of it has gone. */
  #head = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#queue.length - this.#head;
  }

  /** Copies the frame in `bytes[start, end)`. False when too much is waiting already. */
  add(reply: Reply, bytes: Uint8Array, start: number, end: number, nowUs: number): boolean {
    if (this.#bytes + end - start > this.#bytesMax) return false;
    this.#bytes += end - start;
    this.#queue.push({ reply, frame: Uint8Array.prototype.slice.call(bytes, start, end), sinceUs: nowUs });
    return true;
  }

  first(): WaitingRequest<Reply> | undefined {
    return this.#queue[this.#head];
  }

  removeFirst(): void {
    this.#bytes -= this.#queue[this.#head]!.frame.length;
    this.#head++;
    if (this.#head * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
