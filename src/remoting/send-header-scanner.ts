/**
 * Reads the header of a send (10, 310, 320) where it lies, in either serialization, without an allocation. Called by net for each send;
 * what it does not understand goes through decodeFrame and sendHeaderOf, which mean the same (test/remoting/send-header-scanner).
 */
import { decimalInt32, decimalLongHigh, decimalLongLow, LONG_UNIT, NOT_DECIMAL } from '../layout/ascii.ts';
import { NameTable } from '../layout/name-table.ts';
import { isAscii } from '../layout/words.ts';
import { RequestCode } from './codes.ts';
import { scanFrame } from './header-scanner.ts';
import { unescapeInto } from './json-unescape.ts';
import type { FieldFamily } from './scanned-header.ts';
import { SEND_FIELD_NAMES, SEND_FIELDS_REQUIRED, type SendHeader } from './send-header.ts';

/** Place of each field in SEND_FIELD_NAMES, which is its letter counted from `a`. */
const Field = {
  producerGroup: 0,
  topic: 1,
  defaultTopic: 2,
  defaultTopicQueueNums: 3,
  queueId: 4,
  sysFlag: 5,
  bornTimestamp: 6,
  flag: 7,
  properties: 8,
  reconsumeTimes: 9,
  unitMode: 10,
  maxReconsumeTimes: 11,
  batch: 12,
} as const;
const FIRST_LETTER = 0x61;
const longNames = new NameTable(SEND_FIELD_NAMES);
const booleans = new NameTable(['false', 'true']);

/**
 * Reads the frame in `bytes[start, end)` into `into`; the ranges in it hold until `bytes` changes or `into` is scanned into again. False
 * when this is not a send as official clients write it: then decodeFrame tells what it is. UTF-8 is passed on unchecked.
 */
export function scanSendHeader(bytes: Uint8Array, start: number, end: number, into: SendHeader): boolean {
  return scanFrame(bytes, start, end, into, sendFields);
}

const sendFields: FieldFamily<SendHeader> = {
  required: (1 << SEND_FIELDS_REQUIRED) - 1,

  begin(into) {
    into.scannedProperties = null;
    into.properties = into.names;
    into.propertiesStart = 0;
    into.propertiesEnd = 0;
    into.reconsumeTimes = 0;
    into.maxReconsumeTimes = -1;
    into.batch = false;
    const code = into.code;
    return (
      code === RequestCode.SEND_MESSAGE_V2 ||
      code === RequestCode.SEND_BATCH_MESSAGE ||
      code === RequestCode.SEND_MESSAGE
    );
  },

  fieldAt(bytes, words, start, end, into) {
    if (into.code === RequestCode.SEND_MESSAGE) return longNames.find(bytes, words, start, end);
    const field = bytes[start]! - FIRST_LETTER;
    return end - start === 1 && field <= Field.batch ? field : -1;
  },

  escapedField: Field.properties,

  takeEscaped(into, bytes, words, start, end) {
    const textEnd = unescapeInto(into.scratch, bytes, words, start, end);
    into.properties = into.scratch.bytes;
    into.propertiesEnd = into.scratch.length;
    return textEnd;
  },

  takeValue,
};

function takeValue(
  into: SendHeader,
  field: number,
  bytes: Uint8Array,
  words: DataView,
  start: number,
  end: number,
): boolean {
  switch (field) {
    case Field.topic:
      into.topicStart = start;
      into.topicEnd = end;
      return isAscii(bytes, words, start, end);
    case Field.defaultTopic:
      into.defaultTopicStart = start;
      into.defaultTopicEnd = end;
      return isAscii(bytes, words, start, end);
    case Field.bornTimestamp:
      into.bornTimestampStart = start;
      into.bornTimestampEnd = end;
      return takeBornTimestamp(into, decimalLongHigh(bytes, start, end), decimalLongLow(bytes, start, end));
    case Field.properties:
      into.properties = bytes;
      into.propertiesStart = start;
      into.propertiesEnd = end;
      return true;
    case Field.batch: {
      const value = booleans.find(bytes, words, start, end);
      into.batch = value === 1;
      return value >= 0;
    }
    case Field.queueId:
      into.queueIdStart = start;
      into.queueIdEnd = end;
      return takeInt(into, field, decimalInt32(bytes, start, end));
    case Field.producerGroup:
    case Field.unitMode:
      return true;
    default:
      return takeInt(into, field, decimalInt32(bytes, start, end));
  }
}

function takeBornTimestamp(into: SendHeader, high: number, low: number): boolean {
  if (high === NOT_DECIMAL || low === NOT_DECIMAL) return false;
  into.bornTimestamp = high * LONG_UNIT + low;
  return true;
}

function takeInt(into: SendHeader, field: number, value: number): boolean {
  if (Number.isNaN(value)) return false;
  switch (field) {
    case Field.defaultTopicQueueNums:
      into.defaultTopicQueueNums = value;
      return true;
    case Field.queueId:
      into.queueId = value;
      return true;
    case Field.sysFlag:
      into.sysFlag = value;
      return true;
    case Field.flag:
      into.messageFlag = value;
      return true;
    case Field.reconsumeTimes:
      into.reconsumeTimes = value;
      return true;
    case Field.maxReconsumeTimes:
      into.maxReconsumeTimes = value;
      return true;
    default:
      return false;
  }
}
