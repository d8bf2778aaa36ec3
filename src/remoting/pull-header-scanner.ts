/**
 * Reads the header of a pull (11, 361) where it lies, in either serialization, without an allocation. Called by net for each pull; what
 * it does not understand goes through decodeFrame and pullHeaderOf, which mean the same (test/remoting/pull-header-scanner).
 */
import { decimalInt32, decimalLongHigh, decimalLongLow, LONG_UNIT, NOT_DECIMAL } from '../layout/ascii.ts';
import { NameTable } from '../layout/name-table.ts';
import { isAscii } from '../layout/words.ts';
import { RequestCode } from './codes.ts';
import { scanFrame } from './header-scanner.ts';
import { PULL_FIELD_NAMES, PULL_FIELDS_REQUIRED, type PullHeader } from './pull-header.ts';
import type { FieldFamily } from './scanned-header.ts';

/** Place of each field in PULL_FIELD_NAMES. */
const Field = {
  consumerGroup: 0,
  topic: 1,
  queueId: 2,
  queueOffset: 3,
  maxMsgNums: 4,
  sysFlag: 5,
  commitOffset: 6,
  suspendTimeoutMillis: 7,
  subVersion: 8,
  subscription: 9,
  expressionType: 10,
} as const;
const names = new NameTable(PULL_FIELD_NAMES);

/**
 * Reads the frame in `bytes[start, end)` into `into`, whose ranges hold until `bytes` changes. False when this is not a pull as official
 * clients write it: then decodeFrame tells what it is. A subscription's UTF-8 is passed on unchecked.
 */
export function scanPullHeader(bytes: Uint8Array, start: number, end: number, into: PullHeader): boolean {
  return scanFrame(bytes, start, end, into, pullFields);
}

const pullFields: FieldFamily<PullHeader> = {
  required: (1 << PULL_FIELDS_REQUIRED) - 1,

  begin(into) {
    into.hasSubscription = false;
    into.hasExpressionType = false;
    return into.code === RequestCode.PULL_MESSAGE || into.code === RequestCode.LITE_PULL_MESSAGE;
  },

  fieldAt(bytes, words, start, end) {
    return names.find(bytes, words, start, end);
  },

  escapedField: -1,

  takeEscaped() {
    return -1;
  },

  takeValue,
};

function takeValue(
  into: PullHeader,
  field: number,
  bytes: Uint8Array,
  words: DataView,
  start: number,
  end: number,
): boolean {
  switch (field) {
    case Field.consumerGroup:
      into.consumerGroupStart = start;
      into.consumerGroupEnd = end;
      return isAscii(bytes, words, start, end);
    case Field.topic:
      into.topicStart = start;
      into.topicEnd = end;
      return isAscii(bytes, words, start, end);
    case Field.queueId:
      into.queueId = decimalInt32(bytes, start, end);
      return !Number.isNaN(into.queueId);
    case Field.maxMsgNums:
      into.maxMsgNums = decimalInt32(bytes, start, end);
      return !Number.isNaN(into.maxMsgNums);
    case Field.sysFlag:
      into.sysFlag = decimalInt32(bytes, start, end);
      return !Number.isNaN(into.sysFlag);
    case Field.queueOffset:
    case Field.commitOffset:
    case Field.suspendTimeoutMillis:
    case Field.subVersion:
      return takeLong(into, field, decimalLongHigh(bytes, start, end), decimalLongLow(bytes, start, end));
    case Field.subscription:
      into.hasSubscription = true;
      into.subscriptionStart = start;
      into.subscriptionEnd = end;
      return true;
    default:
      into.hasExpressionType = true;
      into.expressionTypeStart = start;
      into.expressionTypeEnd = end;
      return true;
  }
}

function takeLong(into: PullHeader, field: number, high: number, low: number): boolean {
  if (high === NOT_DECIMAL || low === NOT_DECIMAL) return false;
  switch (field) {
    case Field.queueOffset:
      into.queueOffset = high * LONG_UNIT + low;
      return true;
    case Field.commitOffset:
      into.commitOffset = high * LONG_UNIT + low;
      return true;
    case Field.suspendTimeoutMillis:
      into.suspendTimeoutMillis = high * LONG_UNIT + low;
      return true;
    default:
      into.subVersion = high * LONG_UNIT + low;
      return true;
  }
}
