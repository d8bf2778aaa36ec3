/**
 * What a send must be like before it is encoded, in upstream's order and with its codes (spec/api.md 5.1). Pure; called by net for each
 * send. Null means that nothing is wrong.
 */
import { PROPERTIES_SIZE_MAX_BYTES, SECTOR_BYTES, TOPIC_LENGTH_MAX } from '../base/limits.ts';
import type { ScannedProperties } from '../layout/message-properties.ts';
import { SysFlag } from '../layout/message-record.ts';
import { ResponseCode } from '../remoting/codes.ts';
import { isRetryTopic, isSendForbidden, topicError } from '../remoting/names.ts';
import type { SendHeader } from '../remoting/send-header.ts';
import { Perm } from '../remoting/topic-config.ts';
import type { FullDisk } from '../ring/status-page.ts';
import type { BrokerSettings } from './broker-settings.ts';
import type { TopicView } from './control-protocol.ts';
import { notBuilt, type Refusal } from './refusal.ts';

/** Checks of the name alone, which come before the question whether the topic exists. */
export function refusedTopic(topic: string): Refusal | null {
  const error = topicError(topic);
  if (error !== null) return { code: ResponseCode.INVALID_PARAMETER, remark: error };
  if (isSendForbidden(topic)) {
    return { code: ResponseCode.NO_PERMISSION, remark: `Sending message to topic[${topic}] is forbidden.` };
  }
  return null;
}

/** An order topic on a broker that may not be written to; other topics are only hidden from producers by their route. */
export function refusedOrderTopic(
  { name, order }: TopicView,
  { brokerPermission, brokerName }: Pick<BrokerSettings, 'brokerPermission' | 'brokerName'>,
): Refusal | null {
  if (!order || (brokerPermission & Perm.write) !== 0) return null;
  return {
    code: ResponseCode.NO_PERMISSION,
    remark: `the broker[${brokerName}] sending message is forbidden, topic ${name} is an order topic`,
  };
}

/** The broker chooses among the write queues for a negative id; upstream divides by their number there, and answers the exception. */
export function refusedQueue(header: SendHeader, { name, readQueueNums, writeQueueNums }: TopicView): Refusal | null {
  if (header.queueId < 0) {
    if (writeQueueNums > 0) return null;
    return { code: ResponseCode.SYSTEM_ERROR, remark: `topic ${name} has no write queue for the broker to choose` };
  }
  if (header.queueId < Math.max(readQueueNums, writeQueueNums)) return null;
  return {
    code: ResponseCode.INVALID_PARAMETER,
    remark: `request queueId[${header.queueId}] is illegal, topic ${name} has ${writeQueueNums} write and ${readQueueNums} read queues`,
  };
}

export function refusedBatch(header: SendHeader, { name }: TopicView, properties: ScannedProperties): Refusal | null {
  if (name.length > TOPIC_LENGTH_MAX) return illegal(`message topic length over ${TOPIC_LENGTH_MAX}`);
  if (isRetryTopic(name)) return illegal('batch request does not support retry group');
  if ((header.sysFlag & SysFlag.transactionRollback) !== 0) return illegal('a batch cannot be part of a transaction');
  if ((header.sysFlag & SysFlag.innerBatch) !== 0) return NO_INNER_BATCH;
  if (properties.delayLevel > 0 || properties.timer) return illegal('a batch cannot be delayed');
  return null;
}

/** Kinds of messages that have an agent of their own upstream, which is not here yet. */
export function refusedKind(header: SendHeader, { name }: TopicView, properties: ScannedProperties): Refusal | null {
  if (properties.transaction || (header.sysFlag & SysFlag.transactionRollback) !== 0) {
    return notBuilt('transactional messages');
  }
  if (properties.delayLevel !== 0) return notBuilt('delayed messages');
  if (properties.timer) return notBuilt('timer messages');
  if (header.reconsumeTimes > 0 && isRetryTopic(name)) return notBuilt('retried messages');
  if ((header.sysFlag & SysFlag.innerBatch) !== 0) return NO_INNER_BATCH;
  if (properties.innerCount !== 0) return illegal('INNER_NUM without an inner batch');
  return null;
}

export function refusedSize(bodyLength: number, propertiesLength: number, bodyMax: number): Refusal | null {
  if (bodyLength === 0) return { code: ResponseCode.SYSTEM_ERROR, remark: 'message body is null' };
  if (bodyLength > bodyMax) return illegal(`message body is ${bodyLength} bytes long, the limit is ${bodyMax}`);
  if (propertiesLength > PROPERTIES_SIZE_MAX_BYTES) {
    return illegal(`message properties are ${propertiesLength} bytes long, the limit is ${PROPERTIES_SIZE_MAX_BYTES}`);
  }
  return null;
}

/** Recovery takes a sector of zeros for one that did not get to the disk. Nothing else has so many zero bytes in a row. */
const SECTOR_OF_ZEROS = Buffer.alloc(SECTOR_BYTES);

/** `properties[start, end)`: as the client has sent them. */
export function refusedProperties(properties: Uint8Array, start: number, end: number): Refusal | null {
  if (end - start < SECTOR_BYTES) return null;
  const bytes = Buffer.from(properties.buffer, properties.byteOffset + start, end - start);
  return bytes.includes(SECTOR_OF_ZEROS)
    ? illegal(`message properties hold ${SECTOR_BYTES} zero bytes in a row`)
    : null;
}

/** Percents used under the log and under the queues. The beginning is upstream's; tools and tests of users look for it. */
export function refusedFullDisk({ log, queues }: FullDisk): Refusal {
  const ratios = `CL: ${ratioText(log)} CQ: ${ratioText(queues)} INDEX: ${ratioText(log)}`;
  return {
    code: ResponseCode.SERVICE_NOT_AVAILABLE,
    remark:
      'service not available now. It may be caused by one of the following reasons: ' +
      `the broker's disk is full [${ratios}], messages are put to the slave, message store has been shut down, etc.`,
  };
}

/** As Java's %5.2f. */
function ratioText(percent: number): string {
  return (percent / 100).toFixed(2).padStart(5);
}

export function illegal(remark: string): Refusal {
  return { code: ResponseCode.MESSAGE_ILLEGAL, remark };
}

/** Only topics of the batch type have them, which there are none of yet; recovery would not count such a record (spec/store.md 4.3). */
const NO_INNER_BATCH = illegal('an inner batch in a topic that is not of the batch type');
