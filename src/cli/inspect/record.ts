/** One record of the log with all its fields. Part of `ringmq inspect`. */
import { counted } from '../../base/counted.ts';
import { bodyCrc32 } from '../../base/crc32.ts';
import { javaHashCode } from '../../base/java-hash.ts';
import { messageIdOf } from '../../layout/message-id.ts';
import { parsePropertiesAt } from '../../layout/message-properties.ts';
import { hostText, type MessageRecord, RECORD_MAGIC_V2, SysFlag } from '../../layout/message-record.ts';
import { PropertyName } from '../../layout/property-names.ts';
import { timeText } from '../tool-output.ts';
import type { Inspection, Shown } from './inspection.ts';

const BODY_SHOWN_BYTES = 1024;

/** `position`: where it was read, which it ought to say itself. */
export function inspectRecord(path: string, position: number, record: MessageRecord): Inspection {
  const properties = parsePropertiesAt(record.properties, 0, record.properties.length);
  const crc = bodyCrc32(record.body);
  const notes: string[] = [];
  if (crc !== record.bodyCrc)
    notes.push(`the body's checksum is ${crc}, the record says ${record.bodyCrc}: the body is damaged`);
  if (record.physicalOffset !== position)
    notes.push(`the record says that it lies at ${record.physicalOffset}: it was copied here`);
  return {
    kind: 'record',
    path,
    facts: {
      'log offset': position,
      size: record.totalSize,
      magic: record.magic === RECORD_MAGIC_V2 ? 'V2' : 'V1',
      topic: record.topic,
      queue: record.queueId,
      'queue offset': record.queueOffset,
      'offset message id': messageIdOf(record.storeHost, position),
      'stored at': timeText(record.storeTimestamp),
      'store host': hostText(record.storeHost),
      'born at': timeText(Number(record.bornTimestamp)),
      'born host': hostText(record.bornHost),
      flag: record.flag,
      'system flag': flagsText(record.sysFlag),
      'consumed again': record.reconsumeTimes,
      'prepared transaction at': record.preparedTransactionOffset,
      'tags code': javaHashCode(properties.get(PropertyName.TAGS) ?? ''),
      ...propertyFacts(properties),
      body: `${counted(record.body.length, 'byte')}, checksum ${record.bodyCrc}`,
      ...bodyFacts(record.body),
    },
    notes,
    value: { ...record, properties: Object.fromEntries(properties), isBodyWhole: crc === record.bodyCrc },
  };
}

function propertyFacts(properties: ReadonlyMap<string, string>): Record<string, Shown> {
  return Object.fromEntries([...properties].map(([name, value]) => [`property ${name}`, value]));
}

function bodyFacts(body: Uint8Array): Record<string, Shown> {
  if (body.length === 0) return {};
  const shown = Buffer.from(body.subarray(0, BODY_SHOWN_BYTES));
  const rest = body.length > BODY_SHOWN_BYTES ? ` ... and ${counted(body.length - BODY_SHOWN_BYTES, 'byte')} more` : '';
  const asText = shown.toString('utf8');
  return isPrintable(asText) ? { 'body as text': asText + rest } : { 'body as hex': shown.toString('hex') + rest };
}

const BLANK = 0x20;
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
/** Stands for bytes that are no UTF-8. */
const REPLACEMENT = 0xfffd;

function isPrintable(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === REPLACEMENT || (unit < BLANK && (unit < TAB || unit > CARRIAGE_RETURN))) return false;
  }
  return true;
}

function flagsText(sysFlag: number): string {
  const kind = sysFlag & SysFlag.transactionRollback;
  const names = Object.entries(SysFlag)
    .filter(([name]) => !name.startsWith('transaction'))
    .filter(([, bit]) => (sysFlag & bit) !== 0)
    .map(([name]) => name);
  if (kind === SysFlag.transactionPrepared) names.push('transaction prepared');
  if (kind === SysFlag.transactionCommit) names.push('transaction committed');
  if (kind === SysFlag.transactionRollback) names.push('transaction rolled back');
  return `0x${sysFlag.toString(16)}${names.length > 0 ? ` (${names.join(', ')})` : ''}`;
}
