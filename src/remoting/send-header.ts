/**
 * The header of a send (codes 10, 310, 320; 324 and 325 have the same fields), as the broker needs it (spec/api.md 5). Filled by
 * send-header-scanner for each send on net, or by {@link sendHeaderOf} from a decoded command.
 */
import type { ScannedProperties } from '../layout/message-properties.ts';
import { RequestCode } from './codes.ts';
import { HeaderError, type RemotingCommand } from './command.ts';
import {
  optionalBoolean,
  optionalInt,
  optionalString,
  requiredInt,
  requiredLong,
  requiredString,
} from './header-reader.ts';
import { Scratch } from './json-unescape.ts';
import { NO_BYTES, ScannedHeader } from './scanned-header.ts';

/** Text is ranges of bytes: of the frame, or of memory that the next scan into the same object overwrites. */
export class SendHeader extends ScannedHeader {
  topicStart = 0;
  topicEnd = 0;
  /** The template for auto-creation. */
  defaultTopicStart = 0;
  defaultTopicEnd = 0;
  defaultTopicQueueNums = 0;
  /** Negative: the broker picks. */
  queueId = 0;
  queueIdStart = 0;
  queueIdEnd = 0;
  sysFlag = 0;
  /** Clamped to a safe integer. */
  bornTimestamp = 0;
  bornTimestampStart = 0;
  bornTimestampEnd = 0;
  /** The application's flag; `flag` is the frame's. */
  messageFlag = 0;
  reconsumeTimes = 0;
  /** -1: not given. */
  maxReconsumeTimes = -1;
  batch = false;
  /** The stored form of layout/message-properties, as the client sent it. */
  properties: Uint8Array = NO_BYTES;
  propertiesStart = 0;
  propertiesEnd = 0;
  /** What is in the properties, where that is known already (send-header-memo). */
  scannedProperties: ScannedProperties | null = null;
  /** Where the scanner unescapes properties to. */
  readonly scratch = new Scratch();
}

/** Long name of each field; its place in this list is the letter that stands for it in 310, 320 and 325 (a, b, c ...). */
export const SEND_FIELD_NAMES = [
  'producerGroup',
  'topic',
  'defaultTopic',
  'defaultTopicQueueNums',
  'queueId',
  'sysFlag',
  'bornTimestamp',
  'flag',
  'properties',
  'reconsumeTimes',
  'unitMode',
  'maxReconsumeTimes',
  'batch',
] as const;
/** So many of them, the first, are required. */
export const SEND_FIELDS_REQUIRED = 8;
type SendFieldName = (typeof SEND_FIELD_NAMES)[number];

const FIRST_LETTER = 'a'.charCodeAt(0);

function hasLongNames(code: number): boolean {
  return code === RequestCode.SEND_MESSAGE || code === RequestCode.SEND_REPLY_MESSAGE;
}

/**
 * Fills `into` from a command of the general path.
 * @throws HeaderError for a required field that is missing and for text that is no number.
 */
export function sendHeaderOf(command: RemotingCommand, into: SendHeader): void {
  const long = hasLongNames(command.code);
  const name = (field: SendFieldName): string =>
    long ? field : String.fromCharCode(FIRST_LETTER + SEND_FIELD_NAMES.indexOf(field));
  if (command.extFields === null) throw new HeaderError('a send without extFields');
  requiredString(command, name('producerGroup'));
  const topic = Buffer.from(requiredString(command, name('topic')));
  const defaultTopic = Buffer.from(requiredString(command, name('defaultTopic')));
  into.take(command, [topic, defaultTopic]);
  into.topicStart = 0;
  into.topicEnd = topic.length;
  into.defaultTopicStart = topic.length;
  into.defaultTopicEnd = topic.length + defaultTopic.length;
  into.defaultTopicQueueNums = requiredInt(command, name('defaultTopicQueueNums'));
  into.queueId = requiredInt(command, name('queueId'));
  into.sysFlag = requiredInt(command, name('sysFlag'));
  into.bornTimestamp = requiredLong(command, name('bornTimestamp'));
  into.messageFlag = requiredInt(command, name('flag'));
  into.reconsumeTimes = optionalInt(command, name('reconsumeTimes'), 0);
  into.maxReconsumeTimes = optionalInt(command, name('maxReconsumeTimes'), -1);
  into.batch = optionalBoolean(command, name('batch'), false);
  into.scannedProperties = null;
  into.properties = Buffer.from(optionalString(command, name('properties')) ?? '');
  into.propertiesStart = 0;
  into.propertiesEnd = into.properties.length;
}
