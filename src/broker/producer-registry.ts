/** The live producers by group (spec/api.md 6.1). A pure table of control. */
import { type Channels, type ClientChannel, removeIdle } from './client-channel.ts';

export class ProducerRegistry {
  readonly #groups = new Map<string, Channels>();

  /** Members of a group; undefined when it has none. */
  get(group: string): ReadonlyMap<number, ClientChannel> | undefined {
    return this.#groups.get(group);
  }

  all(): IterableIterator<[group: string, channels: ReadonlyMap<number, ClientChannel>]> {
    return this.#groups.entries();
  }

  register(group: string, channel: ClientChannel): void {
    const channels = this.#groups.get(group) ?? new Map<number, ClientChannel>();
    this.#groups.set(group, channels.set(channel.connectionId, channel));
  }

  unregister(group: string, connectionId: number): void {
    const channels = this.#groups.get(group);
    channels?.delete(connectionId);
    if (channels?.size === 0) this.#groups.delete(group);
  }

  closed(connectionId: number): void {
    for (const group of this.#groups.keys()) this.unregister(group, connectionId);
  }

  /** Takes off the members without a heartbeat since `deadlineMs` and returns them. */
  expire(deadlineMs: number): ClientChannel[] {
    const expired: ClientChannel[] = [];
    for (const [group, channels] of this.#groups) {
      expired.push(...removeIdle(channels, deadlineMs));
      if (channels.size === 0) this.#groups.delete(group);
    }
    return expired;
  }
}
