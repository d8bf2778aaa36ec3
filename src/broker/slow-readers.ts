/**
 * Pulls of connections whose peer does not take what it has asked for. No more bodies are read for such a peer, so that a client that
 * sends pulls and reads no answers costs this broker a bound amount of memory. Used by pull-message on net.
 */
import { WAITING_PULLS_MAX_BYTES } from '../base/limits.ts';
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

interface HeldPulls {
  readonly pulls: HeldPull[];
  /** What their headers keep. */
  bytes: number;
}

export class SlowReaders {
  readonly #held = new Map<number, HeldPulls>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Must a pull of this connection wait? Those that came before it go first. */
  isSlow(reply: ReplyPort): boolean {
    return reply.backlogBytes > PULL_BACKLOG_MAX_BYTES || (this.#count > 0 && this.#held.has(reply.connectionId));
  }

  /** False when so many wait, or such long ones, that this one can't. */
  hold(pull: HeldPull): boolean {
    const { connectionId } = pull.reply;
    const held = this.#held.get(connectionId) ?? { pulls: [], bytes: 0 };
    const bytes = held.bytes + pull.header.names.length;
    if (held.pulls.length >= HELD_PULLS_MAX || bytes > WAITING_PULLS_MAX_BYTES) return false;
    held.pulls.push(pull);
    held.bytes = bytes;
    this.#held.set(connectionId, held);
    this.#count++;
    return true;
  }

  /** Takes out all pulls of a connection. */
  take(connectionId: number): readonly HeldPull[] {
    const held = this.#held.get(connectionId);
    if (held === undefined) return [];
    this.#held.delete(connectionId);
    this.#count -= held.pulls.length;
    return held.pulls;
  }
}
