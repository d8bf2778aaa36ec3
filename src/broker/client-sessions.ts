/**
 * Clients coming, staying and going: heartbeats, farewells, closed connections, silence. Puts each into the registries and tells those
 * who have to know: the net threads (which subscriptions a group has) and the other members (40, so that they rebalance). Spec/api.md 6.
 */
import type { Clock } from '../base/clock.ts';
import { RequestCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import { retryTopicOf } from '../remoting/names.ts';
import { Perm, TopicSysFlag } from '../remoting/topic-config.ts';
import type { ClientChannel, Requester } from './client-channel.ts';
import type { ConsumerGroup, ConsumerRegistry, Departure } from './consumer-registry.ts';
import type { ControlLog } from './control-ports.ts';
import type { ControlSettings } from './control-settings.ts';
import type { GroupConfig } from './group-config.ts';
import type { GroupTable } from './group-table.ts';
import type { ConsumerData, HeartbeatData } from './heartbeat-data.ts';
import type { NetLinks } from './net-links.ts';
import type { ProducerRegistry } from './producer-registry.ts';
import { newTopicConfig } from './topic-config.ts';
import { TopicLimitError, type TopicTable } from './topic-table.ts';

export interface SessionTables {
  readonly settings: ControlSettings;
  readonly clock: Clock;
  readonly log: ControlLog;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly consumers: ConsumerRegistry;
  readonly producers: ProducerRegistry;
  readonly links: NetLinks;
}

export class ClientSessions {
  readonly #tables: SessionTables;
  /** Group -> fingerprint of the last heartbeat of the second version, to tell clients that another one has changed the group. */
  readonly #fingerprints = new Map<string, number>();

  constructor(tables: SessionTables) {
    this.#tables = tables;
  }

  /** Takes a heartbeat. Returns whether the client has to send its subscriptions again (`IS_SUB_CHANGE`). */
  heartbeat(data: HeartbeatData, client: Requester, { language, version }: RemotingCommand): boolean {
    const { clock, consumers, producers } = this.#tables;
    const channel: ClientChannel = {
      connectionId: client.connectionId,
      remote: client.remote,
      clientId: data.clientId,
      language,
      version,
      lastUpdateMs: clock.nowMs(),
      heardAtMs: this.#monotonicMs(),
    };
    let isChanged = data.fingerprint === 0;
    for (const consumer of data.consumers) {
      const { groupName } = consumer;
      if (data.fingerprint !== 0) {
        const known = this.#fingerprints.get(groupName);
        if (known !== undefined && known !== data.fingerprint) isChanged = true;
        this.#fingerprints.set(groupName, data.fingerprint);
      }
      // After a restart of the broker light heartbeats would leave the group without subscriptions: ask for a full one.
      if (data.withoutSubscriptions && !consumers.get(groupName)?.subscriptions.size) isChanged = true;
      this.#registerConsumer(consumer, channel, data.withoutSubscriptions);
    }
    for (const group of data.producerGroups) producers.register(group, channel);
    return isChanged;
  }

  /** Request 35: the client leaves these groups; null stands for none. */
  unregister(connectionId: number, producerGroup: string | null, consumerGroup: string | null): void {
    if (producerGroup !== null) this.#tables.producers.unregister(producerGroup, connectionId);
    if (consumerGroup === null) return;
    const departure = this.#tables.consumers.unregister(consumerGroup, connectionId);
    if (departure !== null) this.#depart(departure);
  }

  closed(connectionId: number): void {
    this.#tables.producers.closed(connectionId);
    for (const departure of this.#tables.consumers.closed(connectionId)) this.#depart(departure);
  }

  /** Takes off the clients that have been silent for too long and closes their connections. Returns how many. */
  expire(): number {
    const { settings, consumers, producers, links, log } = this.#tables;
    const deadlineMs = this.#monotonicMs() - settings.channelExpiredTimeout;
    const departures = consumers.expire(deadlineMs);
    for (const departure of departures) this.#depart(departure);
    const silent = [...departures.map(({ channel }) => channel), ...producers.expire(deadlineMs)];
    const connections = new Map(silent.map((channel) => [channel.connectionId, channel]));
    for (const [connectionId, { clientId, remote }] of connections) {
      log.warn(`client ${clientId} at ${remote} has sent no heartbeat for ${settings.channelExpiredTimeout} ms`);
      links.close(connectionId, 'no heartbeat');
    }
    return connections.size;
  }

  #registerConsumer(data: ConsumerData, channel: ClientChannel, withoutSubscriptions: boolean): void {
    const { groups, consumers, log } = this.#tables;
    const group = groups.ensure(data.groupName);
    if (group === null) {
      log.warn(`consumer ${channel.clientId} of group ${data.groupName} is not registered: there is no such group`);
      return;
    }
    this.#ensureRetryTopic(group, data, withoutSubscriptions);
    const { membershipChanged, viewChanged } = consumers.register(data, channel, withoutSubscriptions);
    if (viewChanged) this.#publish(data.groupName);
    if (membershipChanged) this.#notifyMembers(consumers.get(data.groupName)!);
  }

  /** The group's retry topic, with the group's number of queues; an order topic among the subscriptions makes it one as well. */
  #ensureRetryTopic(group: GroupConfig, data: ConsumerData, withoutSubscriptions: boolean): void {
    const { topics, log } = this.#tables;
    const name = retryTopicOf(group.groupName);
    const present = topics.get(name);
    const order = withoutSubscriptions
      ? (present?.order ?? false)
      : data.subscriptions.some((subscription) => topics.get(subscription.topic)?.order === true);
    const topicSysFlag = data.unitMode ? TopicSysFlag.unitSubscription : 0;
    const created = { ...newTopicConfig(name, group.retryQueueNums, Perm.readWrite), topicSysFlag };
    try {
      topics.put({ ...(present ?? created), order });
    } catch (cause) {
      // The group can consume without it; only failed messages will find no place.
      if (!(cause instanceof TopicLimitError)) throw cause;
      log.error(`group ${group.groupName} has no retry topic`, cause);
    }
  }

  #depart({ group }: Departure): void {
    if (group.channels.size === 0) {
      this.#fingerprints.delete(group.name);
      this.#publish(group.name);
    } else {
      this.#notifyMembers(group);
    }
  }

  #publish(group: string): void {
    this.#tables.links.toAll({ kind: 'consumers', group, consumers: this.#tables.consumers.view(group) });
  }

  /** Tells all members, a newcomer too, that the group has changed. Members of a broadcast group share nothing, so they need not know. */
  #notifyMembers(group: ConsumerGroup): void {
    const { settings, groups, links } = this.#tables;
    if (group.messageModel === 'BROADCASTING' || !settings.notifyConsumerIdsChangedEnable) return;
    if (groups.get(group.name)?.notifyConsumerIdsChangedEnable === false) return;
    const fields = new Map([['consumerGroup', group.name]]);
    links.push(group.channels.keys(), RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, fields);
  }

  #monotonicMs(): number {
    return Math.floor(this.#tables.clock.monotonicUs() / 1000);
  }
}
