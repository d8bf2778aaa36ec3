/**
 * Locks of queues for consumption in order (41, 42), spec/api.md 11. `onlyThisBroker` asks a replica not to ask further ones; this broker
 * never does, so both values mean the same here.
 */
import type { RemotingCommand } from '../remoting/command.ts';
import type { JsonObject } from '../remoting/fast-json.ts';
import { asObject, listMember, numberMember, requiredBody, stringMember } from '../remoting/json-fields.ts';
import { type Answer, SUCCESS, withBody } from './answer.ts';
import type { MessageQueue, QueueLocks } from './queue-locks.ts';

/** 41: what could not be locked is missing in the answer. */
export function lockBatch(command: RemotingCommand, locks: QueueLocks, nowMs: number): Answer {
  const { group, clientId, queues } = readLockBody(requiredBody(command.body));
  return withBody({ lockOKMQSet: locks.lock(group, clientId, queues, nowMs) });
}

/** 42. */
export function unlockBatch(command: RemotingCommand, locks: QueueLocks): Answer {
  const { group, clientId, queues } = readLockBody(requiredBody(command.body));
  locks.unlock(group, clientId, queues);
  return SUCCESS;
}

function readLockBody(body: JsonObject): { group: string; clientId: string; queues: MessageQueue[] } {
  return {
    group: stringMember(body, 'consumerGroup', ''),
    clientId: stringMember(body, 'clientId', ''),
    queues: listMember(body, 'mqSet').map((entry) => readQueue(asObject(entry, 'a queue'))),
  };
}

function readQueue(entry: JsonObject): MessageQueue {
  return {
    brokerName: stringMember(entry, 'brokerName', ''),
    queueId: numberMember(entry, 'queueId', 0),
    topic: stringMember(entry, 'topic', ''),
  };
}
