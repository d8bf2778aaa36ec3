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

/** Bytes that several lists of waiting requests may hold together. */
export class ByteBudget {
  left: number;

  constructor(bytesMax: number) {
    this.left = bytesMax;
  }
}

export class WaitingRequests<Reply extends ReplyPort = ReplyPort> {
  readonly #budget: ByteBudget;
  #queue: WaitingRequest<Reply>[] = [];
  /** The first that is still waiting; the array is cut when half of it has gone. */
  #head = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get count(): number {
    return this.#queue.length - this.#head;
  }

  /** Copies the frame in `bytes[start, end)`. False when too much is waiting already. */
  add(reply: Reply, bytes: Uint8Array, start: number, end: number, nowUs: number): boolean {
    if (end - start > this.#budget.left) return false;
    this.#budget.left -= end - start;
    this.#queue.push({ reply, frame: Uint8Array.prototype.slice.call(bytes, start, end), sinceUs: nowUs });
    return true;
  }

  first(): WaitingRequest<Reply> | undefined {
    return this.#queue[this.#head];
  }

  removeFirst(): void {
    this.#budget.left += this.#queue[this.#head]!.frame.length;
    this.#head++;
    if (this.#head * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
