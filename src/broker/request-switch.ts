/**
 * Which family answers which request: the one switch of control. What it does not name is refused by the request table, and a test holds
 * the two against each other. Called by the coordinator for each request that a net thread passes on.
 */
import { RequestCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import type { Answer } from './answer.ts';
import { brokerConfig, runtimeInfo } from './broker-info.ts';
import { cleanExpiredConsumeQueue, deleteExpiredCommitLog } from './cleaning-requests.ts';
import type { Requester } from './client-channel.ts';
import * as clients from './client-requests.ts';
import type { ClientSessions } from './client-sessions.ts';
import * as stats from './consume-stats.ts';
import type { ConsumerOffsets } from './consumer-offsets.ts';
import type { ConsumerRegistry } from './consumer-registry.ts';
import type { CleaningPort, MessagePort, QueuePort } from './control-ports.ts';
import type { ControlSettings } from './control-settings.ts';
import type { DataVersion } from './data-version.ts';
import * as groups from './group-requests.ts';
import type { GroupTable } from './group-table.ts';
import { lockBatch, unlockBatch } from './lock-requests.ts';
import { queryMessage, viewMessage } from './message-requests.ts';
import * as offsets from './offset-requests.ts';
import type { ProducerRegistry } from './producer-registry.ts';
import type { QueueLocks } from './queue-locks.ts';
import { earliestStoreTime, maxOffset, minOffset, searchOffset } from './queue-offsets.ts';
import { notSupported } from './request-table.ts';
import * as topics from './topic-requests.ts';
import type { TopicTable } from './topic-table.ts';

/** All that control knows and answers from. */
export interface ControlTables {
  readonly settings: ControlSettings;
  /** Names that 17 and 18 may not touch. */
  readonly systemTopics: ReadonlySet<string>;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly offsets: ConsumerOffsets;
  readonly consumers: ConsumerRegistry;
  readonly producers: ProducerRegistry;
  readonly sessions: ClientSessions;
  readonly locks: QueueLocks;
  readonly queues: QueuePort;
  readonly messages: MessagePort;
  readonly cleaning: CleaningPort;
  readonly configVersion: DataVersion;
  runtime(): Readonly<Record<string, string>>;
  configText(): string;
  monotonicMs(): number;
}

export function answerRequest(command: RemotingCommand, client: Requester, tables: ControlTables): Answer {
  const { settings, queues } = tables;
  switch (command.code) {
    case RequestCode.HEART_BEAT:
      return clients.heartbeat(command, client, tables.sessions);
    case RequestCode.UNREGISTER_CLIENT:
      return clients.unregisterClient(command, client, tables.sessions);
    case RequestCode.CHECK_CLIENT_CONFIG:
      return clients.checkClientConfig(command, settings.enablePropertyFilter);
    case RequestCode.GET_CONSUMER_LIST_BY_GROUP:
      return clients.consumerListByGroup(command, tables.consumers);
    case RequestCode.GET_CONSUMER_CONNECTION_LIST:
      return clients.consumerConnectionList(command, tables.consumers);
    case RequestCode.GET_PRODUCER_CONNECTION_LIST:
      return clients.producerConnectionList(command, tables.producers);
    case RequestCode.GET_ALL_PRODUCER_INFO:
      return clients.allProducerInfo(tables.producers);
    case RequestCode.QUERY_CONSUMER_OFFSET:
      return offsets.queryConsumerOffset(command, tables.offsets, queues);
    case RequestCode.UPDATE_CONSUMER_OFFSET:
      return offsets.updateConsumerOffset(command, tables.offsets, tables.groups, tables.topics);
    case RequestCode.GET_ALL_CONSUMER_OFFSET:
      return offsets.allConsumerOffset(tables.offsets);
    case RequestCode.SEARCH_OFFSET_BY_TIMESTAMP:
      return searchOffset(command, queues);
    case RequestCode.GET_MAX_OFFSET:
      return maxOffset(command, queues);
    case RequestCode.GET_MIN_OFFSET:
      return minOffset(command, queues);
    case RequestCode.GET_EARLIEST_MSG_STORETIME:
      return earliestStoreTime(command, queues);
    case RequestCode.QUERY_MESSAGE:
      return queryMessage(command, tables.messages);
    case RequestCode.VIEW_MESSAGE_BY_ID:
      return viewMessage(command, tables.messages);
    case RequestCode.LOCK_BATCH_MQ:
      return lockBatch(command, tables.locks, tables.monotonicMs());
    case RequestCode.UNLOCK_BATCH_MQ:
      return unlockBatch(command, tables.locks);
    case RequestCode.UPDATE_AND_CREATE_TOPIC:
      return topics.updateAndCreateTopic(command, tables.topics, tables);
    case RequestCode.UPDATE_AND_CREATE_TOPIC_LIST:
      return topics.updateAndCreateTopicList(command, tables.topics, tables);
    case RequestCode.GET_ALL_TOPIC_CONFIG:
      return topics.allTopicConfig(command, tables.topics, settings);
    case RequestCode.GET_TOPIC_CONFIG:
      return topics.topicConfig(command, tables.topics);
    case RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER:
      return topics.systemTopicList(tables);
    case RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP:
      return groups.updateAndCreateGroup(command, tables.groups);
    case RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST:
      return groups.updateAndCreateGroupList(command, tables.groups);
    case RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG:
      return groups.allGroupConfig(command, tables.groups, settings);
    case RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG:
      return groups.groupConfig(command, tables.groups);
    case RequestCode.GET_TOPIC_STATS_INFO:
      return stats.topicStats(command, tables);
    case RequestCode.GET_CONSUME_STATS:
      return stats.consumeStats(command, tables);
    case RequestCode.QUERY_TOPIC_CONSUME_BY_WHO:
      return stats.topicConsumers(command, tables);
    case RequestCode.QUERY_TOPICS_BY_CONSUMER:
      return stats.topicsOfConsumer(command, client, tables);
    case RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER:
      return stats.subscriptionOfConsumer(command, tables);
    case RequestCode.DELETE_EXPIRED_COMMITLOG:
      return deleteExpiredCommitLog(tables.cleaning);
    case RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE:
      return cleanExpiredConsumeQueue(tables.cleaning);
    case RequestCode.GET_BROKER_RUNTIME_INFO:
      return runtimeInfo(tables.runtime());
    case RequestCode.GET_BROKER_CONFIG:
      return brokerConfig(tables.configText(), tables.configVersion);
    default:
      return notSupported(command.code);
  }
}
