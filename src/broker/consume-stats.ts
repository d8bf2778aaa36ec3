/**
 * Progress as tools show it: bounds of a topic's queues (202), how far a group has come (208), who consumes what (300, 343, 345). Read
 * from the tables of control and the queue bounds. Spec/api.md 15.3.
 */
import { ResponseCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import { optionalString, requiredString } from '../remoting/header-reader.ts';
import { type Answer, refusal, withBody } from './answer.ts';
import type { Requester } from './client-channel.ts';
import type { ConsumerOffsets } from './consumer-offsets.ts';
import type { ConsumerRegistry } from './consumer-registry.ts';
import type { QueuePort } from './control-ports.ts';
import type { ControlSettings } from './control-settings.ts';
import type { MessageQueue } from './queue-locks.ts';
import { queuesOf } from './topic-config.ts';
import type { TopicTable } from './topic-table.ts';

export interface StatsTables {
  readonly settings: ControlSettings;
  readonly topics: TopicTable;
  readonly offsets: ConsumerOffsets;
  readonly consumers: ConsumerRegistry;
  readonly queues: QueuePort;
}

/** 202. */
export function topicStats(command: RemotingCommand, { settings, topics, queues }: StatsTables): Answer {
  const topic = requiredString(command, 'topic');
  const config = topics.get(topic);
  if (config === undefined) return refusal(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist`);
  const offsetTable = new Map<MessageQueue, object>();
  for (let queueId = 0; queueId < queuesOf(config); queueId++) {
    const maxOffset = queues.max(topic, queueId);
    offsetTable.set(
      { brokerName: settings.brokerName, queueId, topic },
      {
        lastUpdateTimestamp: storeTimeBefore(topic, queueId, maxOffset, queues),
        maxOffset,
        minOffset: queues.min(topic, queueId),
      },
    );
  }
  return withBody({ offsetTable, topicPutTps: 0 });
}

/** 208. */
export function consumeStats(command: RemotingCommand, tables: StatsTables): Answer {
  const group = requiredString(command, 'consumerGroup');
  const offsetTable = new Map<MessageQueue, object>();
  for (const topic of statsTopics(command, group, tables)) {
    const readQueues = tables.topics.get(topic)?.readQueueNums ?? 0;
    for (let queueId = 0; queueId < readQueues; queueId++) {
      const consumerOffset = Math.max(0, tables.offsets.get(group, topic, queueId));
      offsetTable.set(
        { brokerName: tables.settings.brokerName, queueId, topic },
        {
          brokerOffset: tables.queues.max(topic, queueId),
          consumerOffset,
          lastTimestamp: storeTimeBefore(topic, queueId, consumerOffset, tables.queues),
          pullOffset: consumerOffset,
        },
      );
    }
  }
  return withBody({ consumeTps: 0, offsetTable });
}

/** An explicit list as it is; else one topic or all that the group has offsets on, as far as its live members subscribe to them. */
function statsTopics(command: RemotingCommand, group: string, { offsets, consumers }: StatsTables): string[] {
  const list = optionalString(command, 'topicList');
  if (list !== null && list !== '') return list.split(';').filter((name) => name !== '');
  const topic = optionalString(command, 'topic');
  const asked = topic === null || topic === '' ? offsets.topicsOf(group) : [topic];
  const subscriptions = consumers.get(group)?.subscriptions;
  if (subscriptions === undefined || subscriptions.size === 0) return asked;
  return asked.filter((name) => subscriptions.has(name));
}

/** Store time of the message before `offset`; 0 when there is none. */
function storeTimeBefore(topic: string, queueId: number, offset: number, queues: QueuePort): number {
  return offset > 0 ? Math.max(0, queues.storeTime(topic, queueId, offset - 1)) : 0;
}

/** 300: groups that are online on the topic or have offsets on it. */
export function topicConsumers(command: RemotingCommand, { offsets, consumers }: StatsTables): Answer {
  const topic = requiredString(command, 'topic');
  const groups = new Set(offsets.groupsOf(topic));
  for (const group of consumers.all()) if (group.subscriptions.has(topic)) groups.add(group.name);
  return withBody({ groupList: [...groups] });
}

/** 343. A broker without an address of its own is where the client has found it. */
export function topicsOfConsumer(
  command: RemotingCommand,
  client: Requester,
  { settings, offsets }: StatsTables,
): Answer {
  const topicList = offsets.topicsOf(requiredString(command, 'group'));
  return withBody({ brokerAddr: settings.brokerAddress || client.local, topicList });
}

/** 345. */
export function subscriptionOfConsumer(command: RemotingCommand, { consumers }: StatsTables): Answer {
  const group = requiredString(command, 'group');
  const topic = optionalString(command, 'topic') ?? '';
  return withBody({ group, subscriptionData: consumers.get(group)?.subscriptions.get(topic) ?? null, topic });
}
