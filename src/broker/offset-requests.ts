/** Requests about how far groups have consumed: query, commit, the whole table (14, 15, 43). Spec/api.md 7. */
import { ResponseCode } from '../remoting/codes.ts';
import { HeaderError, type RemotingCommand } from '../remoting/command.ts';
import { optionalBoolean, requiredInt, requiredLong, requiredString } from '../remoting/header-reader.ts';
import { type Answer, refusal, SUCCESS, withBody, withFields } from './answer.ts';
import type { ConsumerOffsets } from './consumer-offsets.ts';
import type { QueuePort } from './control-ports.ts';
import { groupNotExist } from './group-requests.ts';
import type { GroupTable } from './group-table.ts';
import type { TopicTable } from './topic-table.ts';

/** 14. A client takes QUERY_NOT_FOUND for "this group is new here" and any other error for a failure: the code matters. */
export function queryConsumerOffset(command: RemotingCommand, offsets: ConsumerOffsets, queues: QueuePort): Answer {
  const group = requiredString(command, 'consumerGroup');
  const topic = requiredString(command, 'topic');
  const queueId = requiredInt(command, 'queueId');
  const stored = offsets.get(group, topic, queueId);
  if (stored >= 0) return withFields({ offset: stored });
  if (optionalBoolean(command, 'setZeroIfNotFound', true) && startsResident(topic, queueId, queues)) {
    return withFields({ offset: 0 });
  }
  return refusal(ResponseCode.QUERY_NOT_FOUND, `group ${group} has no offset on queue ${queueId} of ${topic}`);
}

/** On a young queue a new group consumes all there is, whatever its `consumeFromWhere` says. */
function startsResident(topic: string, queueId: number, queues: QueuePort): boolean {
  return queues.min(topic, queueId) <= 0 && queues.max(topic, queueId) > 0 && queues.isResident(topic, queueId, 0);
}

/** 15. */
export function updateConsumerOffset(
  command: RemotingCommand,
  offsets: ConsumerOffsets,
  groups: GroupTable,
  topics: TopicTable,
): Answer {
  const group = requiredString(command, 'consumerGroup');
  const topic = requiredString(command, 'topic');
  if (!groups.has(group)) return groupNotExist(group);
  if (!topics.has(topic)) return refusal(ResponseCode.TOPIC_NOT_EXIST, `Topic ${topic} not exist!`);
  const target = commitTarget(command);
  if (typeof target === 'string') return refusal(ResponseCode.INVALID_PARAMETER, target);
  offsets.commit(group, topic, target.queueId, target.offset);
  return SUCCESS;
}

/** The queue and offset of a commit, or what is wrong with them. */
function commitTarget(command: RemotingCommand): { queueId: number; offset: number } | string {
  try {
    return { queueId: requiredInt(command, 'queueId'), offset: requiredLong(command, 'commitOffset') };
  } catch (cause) {
    if (cause instanceof HeaderError) return cause.message;
    throw cause;
  }
}

/** 43. */
export function allConsumerOffset(offsets: ConsumerOffsets): Answer {
  return withBody(offsets.contents());
}
