/**
 * The live consumers by group: members, subscriptions, model (spec/api.md 6). A pure table: it says what has changed, the caller tells the
 * members (40) and the net threads.
 */
import { type Channels, type ClientChannel, removeIdle } from './client-channel.ts';
import type { ConsumerGroupView } from './control-protocol.ts';
import type { ConsumerData, MessageModel, Subscription } from './heartbeat-data.ts';

export interface ConsumerGroup {
  readonly name: string;
  consumeType: string;
  messageModel: MessageModel;
  consumeFromWhere: string;
  readonly channels: Channels;
  /** By topic. */
  readonly subscriptions: Map<string, Subscription>;
}

export interface Registration {
  /** A member or a subscribed topic is new or gone: the members must be told (40). */
  readonly membershipChanged: boolean;
  /** Pulls have to see another subscription or model than before. */
  readonly viewChanged: boolean;
}

/** A member that was taken off, with its group as it is without it. */
export interface Departure {
  readonly group: ConsumerGroup;
  readonly channel: ClientChannel;
}

export class ConsumerRegistry {
  readonly #groups = new Map<string, ConsumerGroup>();

  get(group: string): ConsumerGroup | undefined {
    return this.#groups.get(group);
  }

  all(): IterableIterator<ConsumerGroup> {
    return this.#groups.values();
  }

  /** Takes one consumer entry of a heartbeat. Without subscriptions the stored ones stay as they are. */
  register(data: ConsumerData, channel: ClientChannel, withoutSubscriptions: boolean): Registration {
    const present = this.get(data.groupName);
    const group = present ?? newGroup(data);
    this.#groups.set(group.name, group);
    const modelChanged = present === undefined || group.messageModel !== data.messageModel;
    group.consumeType = data.consumeType;
    group.messageModel = data.messageModel;
    group.consumeFromWhere = data.consumeFromWhere;
    const isNewMember = !group.channels.has(channel.connectionId);
    group.channels.set(channel.connectionId, channel);
    if (withoutSubscriptions) return { membershipChanged: isNewMember, viewChanged: modelChanged };
    const { topicsChanged, replaced } = updateSubscriptions(group.subscriptions, data.subscriptions);
    return {
      membershipChanged: isNewMember || topicsChanged,
      viewChanged: modelChanged || topicsChanged || replaced,
    };
  }

  /** The client leaves a group in order (35). */
  unregister(groupName: string, connectionId: number): Departure | null {
    const group = this.get(groupName);
    const channel = group?.channels.get(connectionId);
    if (group === undefined || channel === undefined) return null;
    group.channels.delete(connectionId);
    this.#dropWhenEmpty(group);
    return { group, channel };
  }

  /** The connection is gone, and with it its membership in all groups. */
  closed(connectionId: number): Departure[] {
    const departures: Departure[] = [];
    for (const { name } of this.#groups.values()) {
      const departure = this.unregister(name, connectionId);
      if (departure !== null) departures.push(departure);
    }
    return departures;
  }

  /** Takes off the members without a heartbeat since `deadlineMs`. */
  expire(deadlineMs: number): Departure[] {
    const departures: Departure[] = [];
    for (const group of this.#groups.values()) {
      for (const channel of removeIdle(group.channels, deadlineMs)) departures.push({ group, channel });
      this.#dropWhenEmpty(group);
    }
    return departures;
  }

  /** What pulls need to know of a group; null when nobody is there. */
  view(groupName: string): ConsumerGroupView | null {
    const group = this.get(groupName);
    if (group === undefined) return null;
    const subscriptions = [...group.subscriptions.values()].map((subscription) => ({
      topic: subscription.topic,
      expressionType: subscription.expressionType,
      expression: subscription.subString,
      codeSet: subscription.codeSet,
      subVersion: subscription.subVersion,
    }));
    return { messageModel: group.messageModel, subscriptions };
  }

  #dropWhenEmpty(group: ConsumerGroup): void {
    if (group.channels.size === 0) this.#groups.delete(group.name);
  }
}

function newGroup({ groupName, consumeType, messageModel, consumeFromWhere }: ConsumerData): ConsumerGroup {
  const channels: Channels = new Map();
  return { name: groupName, consumeType, messageModel, consumeFromWhere, channels, subscriptions: new Map() };
}

/** New topics and topics no longer sent count as a change of the group; a newer version of a subscription just replaces the older. */
function updateSubscriptions(
  stored: Map<string, Subscription>,
  sent: readonly Subscription[],
): { topicsChanged: boolean; replaced: boolean } {
  let topicsChanged = false;
  let replaced = false;
  for (const subscription of sent) {
    const present = stored.get(subscription.topic);
    if (present !== undefined && subscription.subVersion <= present.subVersion) continue;
    if (present === undefined) topicsChanged = true;
    else replaced = true;
    stored.set(subscription.topic, subscription);
  }
  const topics = new Set(sent.map((subscription) => subscription.topic));
  for (const topic of stored.keys()) {
    if (topics.has(topic)) continue;
    stored.delete(topic);
    topicsChanged = true;
  }
  return { topicsChanged, replaced };
}
