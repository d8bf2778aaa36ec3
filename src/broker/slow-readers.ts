/**
 * Pulls of connections whose peer does not take what it has asked for. No more bodies are read for such a peer, so that a client that
 * sends pulls and reads no answers costs this broker a bound amount of memory. Used by pull-message on net.
 */
import type { HeldPull } from './held-pull.ts';
import type { ReplyPort } from './reply-port.ts';

/**
 * Sixteen full batches of 256 KiB: far more than a client that keeps up ever has waiting, and 4 GiB for 1000 that do not. Well below
 * what stops a connection altogether (CONNECTION_BACKLOG_MAX_BYTES in threads/net/net-agent.ts): a slow consumer's heartbeats and offsets
 * are still heard while its pulls wait.
 */
export const PULL_BACKLOG_MAX_BYTES = 4 * 1024 * 1024;
/** Pulls that are kept for a connection: a client has one under way for each queue of each of its groups. */
export const HELD_PULLS_MAX = 16_384;

export class SlowReaders {
  readonly #held = new Map<number, HeldPull[]>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Must a pull of this connection wait? Those that came before it go first. */
  isSlow(reply: ReplyPort): boolean {
    return reply.backlogBytes > PULL_BACKLOG_MAX_BYTES || (this.#count > 0 && this.#held.has(reply.connectionId));
  }

  /** False when so many wait that this one can't. */
  hold(pull: HeldPull): boolean {
    const waiting = this.#held.get(pull.reply.connectionId);
    if (waiting === undefined) this.#held.set(pull.reply.connectionId, [pull]);
    else if (waiting.length < HELD_PULLS_MAX) waiting.push(pull);
    else return false;
    this.#count++;
    return true;
  }

  /** Takes out all pulls of a connection. */
  take(connectionId: number): readonly HeldPull[] {
    const waiting = this.#held.get(connectionId);
    if (waiting === undefined) return [];
    this.#held.delete(connectionId);
    this.#count -= waiting.length;
    return waiting;
  }
}
