/**
 * Bounds of a queue and offsets by time (29, 30, 31, 32), spec/api.md 7. Nothing checks that the topic exists: a queue that nobody has
 * written to has the bounds 0 and 0, as upstream answers.
 */
import type { RemotingCommand } from '../remoting/command.ts';
import { optionalString, requiredInt, requiredLong, requiredString } from '../remoting/header-reader.ts';
import { type Answer, withFields } from './answer.ts';
import type { Boundary, QueuePort } from './control-ports.ts';

/** 29. */
export function searchOffset(command: RemotingCommand, queues: QueuePort): Answer {
  const topic = requiredString(command, 'topic');
  const queueId = requiredInt(command, 'queueId');
  const timestamp = requiredLong(command, 'timestamp');
  const offset = queues.searchOffset(topic, queueId, timestamp, boundaryOf(optionalString(command, 'boundaryType')));
  const clamped = Math.max(queues.min(topic, queueId), Math.min(offset, queues.max(topic, queueId)));
  return withFields({ offset: clamped });
}

/** 30. */
export function maxOffset(command: RemotingCommand, queues: QueuePort): Answer {
  return withFields({ offset: queues.max(requiredString(command, 'topic'), requiredInt(command, 'queueId')) });
}

/** 31. */
export function minOffset(command: RemotingCommand, queues: QueuePort): Answer {
  return withFields({ offset: queues.min(requiredString(command, 'topic'), requiredInt(command, 'queueId')) });
}

/** 32. */
export function earliestStoreTime(command: RemotingCommand, queues: QueuePort): Answer {
  const topic = requiredString(command, 'topic');
  const queueId = requiredInt(command, 'queueId');
  return withFields({ timestamp: queues.storeTime(topic, queueId, queues.min(topic, queueId)) });
}

/** Java's reading: UPPER in any case, LOWER for everything else. */
function boundaryOf(text: string | null): Boundary {
  return text?.toUpperCase() === 'UPPER' ? 'UPPER' : 'LOWER';
}
