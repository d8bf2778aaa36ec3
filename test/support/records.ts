/** Encoded records for tests of the store: small, with a topic, a queue and a body of their own. */
import {
  completeRecord,
  RecordHead,
  recordSizeOf,
  writePropertiesLength,
  writeRecordHead,
  writeTopicLength,
} from '../../src/layout/message-record.ts';

export interface TestRecord {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly logOffset: number;
  readonly storeTimestamp: number;
  readonly body?: string | Uint8Array;
  readonly properties?: string;
  readonly sysFlag?: number;
}

export function testRecordSize(record: Pick<TestRecord, 'topic' | 'body' | 'properties'>): number {
  const { body = 'body', properties = '' } = record;
  const length = (text: string | Uint8Array): number => Buffer.byteLength(text);
  return recordSizeOf(length(body), length(record.topic), length(properties), false, false);
}

/** The bytes of one record as append leaves them in the log. */
export function encodeTestRecord(record: TestRecord): Buffer {
  const body = Buffer.from(record.body ?? 'body');
  const topic = Buffer.from(record.topic);
  const properties = Buffer.from(record.properties ?? '');
  const bytes = Buffer.alloc(testRecordSize(record));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const head = new RecordHead();
  head.totalSize = bytes.length;
  head.queueId = record.queueId;
  head.sysFlag = record.sysFlag ?? 0;
  head.bornTimestamp = record.storeTimestamp;
  head.topicLength = topic.length;
  head.bodyLength = body.length;
  const bodyAt = writeRecordHead(view, bytes, 0, head);
  body.copy(bytes, bodyAt);
  const topicAt = writeTopicLength(view, bodyAt + body.length, topic.length);
  topic.copy(bytes, topicAt);
  properties.copy(bytes, writePropertiesLength(view, topicAt + topic.length, properties.length));
  completeRecord(view, bytes, 0, record.queueOffset, record.logOffset, record.storeTimestamp);
  return bytes;
}
