/**
 * The live producers by group, and the connection of each client id, which transaction checks (39) and replies (326) are sent to
 * (spec/api.md 6.1). A pure table of control.
 */
import { type Channels, type ClientChannel, removeIdle } from './client-channel.ts';

export class ProducerRegistry {
  readonly #groups = new Map<string, Channels>();
  readonly #byClientId = new Map<string, ClientChannel>();

  /** Members of a group; undefined when it has none. */
  get(group: string): ReadonlyMap<number, ClientChannel> | undefined {
    return this.#groups.get(group);
  }

  all(): IterableIterator<[group: string, channels: ReadonlyMap<number, ClientChannel>]> {
    return this.#groups.entries();
  }

  clientChannel(clientId: string): ClientChannel | undefined {
    return this.#byClientId.get(clientId);
  }

  register(group: string, channel: ClientChannel): void {
    const channels = this.#groups.get(group) ?? new Map<number, ClientChannel>();
    this.#groups.set(group, channels.set(channel.connectionId, channel));
    this.#byClientId.set(channel.clientId, channel);
  }

  unregister(group: string, connectionId: number): void {
    const channels = this.#groups.get(group);
    const channel = channels?.get(connectionId);
    if (channels === undefined || channel === undefined) return;
    channels.delete(connectionId);
    if (channels.size === 0) this.#groups.delete(group);
    this.#forgetClient(channel);
  }

  closed(connectionId: number): void {
    for (const group of this.#groups.keys()) this.unregister(group, connectionId);
  }

  /** Takes off the members without a heartbeat since `deadlineMs` and returns them. */
  expire(deadlineMs: number): ClientChannel[] {
    const expired: ClientChannel[] = [];
    for (const [group, channels] of this.#groups) {
      for (const channel of removeIdle(channels, deadlineMs)) {
        expired.push(channel);
        this.#forgetClient(channel);
      }
      if (channels.size === 0) this.#groups.delete(group);
    }
    return expired;
  }

  /** A client that has come back on another connection keeps its entry, and so does one that is still in another group. */
  #forgetClient({ clientId, connectionId }: ClientChannel): void {
    if (this.#byClientId.get(clientId)?.connectionId !== connectionId) return;
    for (const channels of this.#groups.values()) if (channels.has(connectionId)) return;
    this.#byClientId.delete(clientId);
  }
}
