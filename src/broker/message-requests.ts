/** Requests that look for single messages: by key (12) and by the offset that is in a message id (33). Spec/api.md 15.5. */
import { ResponseCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import { optionalString, requiredInt, requiredLong, requiredString } from '../remoting/header-reader.ts';
import { type Answer, refusal, withFields } from './answer.ts';
import type { MessagePort } from './control-ports.ts';

/** Of a query for a unique key (`defaultQueryMaxNum`), whatever the client asks for. */
const UNIQUE_KEY_MAX = 32;
/** Of any query (`maxMsgsNumBatch`). */
const QUERY_MAX = 64;

/** 12. The client looks at the keys again; what is sent has the key already. */
export function queryMessage(command: RemotingCommand, messages: MessagePort): Answer {
  const topic = requiredString(command, 'topic');
  const key = requiredString(command, 'key');
  const asked = requiredInt(command, 'maxNum');
  const begin = requiredLong(command, 'beginTimestamp');
  const end = requiredLong(command, 'endTimestamp');
  const isUniqueKey = optionalString(command, '_UNIQUE_KEY_QUERY')?.toLowerCase() === 'true';
  const max = Math.min(isUniqueKey ? UNIQUE_KEY_MAX : asked, QUERY_MAX);
  if (!messages.areIndexed) {
    return notFound('messages cannot be found by key: messageIndexEnable is false in this broker');
  }
  const found = messages.byKey({ topic, key, max, begin, end });
  if (found === null) return refusal(ResponseCode.SYSTEM_BUSY, 'the key index goes over to its next file, ask again');
  const { records, indexedAt, indexedTo } = found;
  if (records.length === 0) return notFound('can not find message, maybe time range not correct');
  return { ...lastUpdate(indexedAt, indexedTo), body: Buffer.concat(records) };
}

/** 33. */
export function viewMessage(command: RemotingCommand, messages: MessagePort): Answer {
  const offset = requiredLong(command, 'offset');
  const record = messages.at(offset);
  if (record === null) return refusal(ResponseCode.SYSTEM_ERROR, `can not find message by the offset, ${offset}`);
  return { ...withFields({}), extFields: null, body: record };
}

function notFound(remark: string): Answer {
  return { ...lastUpdate(0, 0), code: ResponseCode.QUERY_NOT_FOUND, remark };
}

function lastUpdate(indexLastUpdateTimestamp: number, indexLastUpdatePhyoffset: number): Answer {
  return withFields({ indexLastUpdateTimestamp, indexLastUpdatePhyoffset });
}
