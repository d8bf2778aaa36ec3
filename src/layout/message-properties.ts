/**
 * The properties of a message as they are stored and sent (spec/store.md 3.4):
 *
 * ```
 *  name 0x01 value 0x02 name 0x01 value 0x02 ...
 * ```
 *
 * The last 0x02 may be missing; an entry without a name or a value does not count; of equal names the last wins. {@link scanProperties}
 * finds what the broker must know about each message without making a string (net, dispatch); the rest is for everything else.
 */
import { decimalInt32 } from './ascii.ts';
import { NameTable } from './name-table.ts';
import { PropertyName } from './property-names.ts';
import { firstMarked, ONES, TOP_BITS, WORD_BYTES, wordsOf } from './words.ts';

const NAME_END = 0x01;
/** Ends every entry but perhaps the last. */
export const PROPERTY_ENTRY_END = 0x02;
const NAME_END_TEXT = '\u0001';
const ENTRY_END_TEXT = '\u0002';

export type MessageProperties = Map<string, string>;

/** Reads a property string as Java does. A value may hold further 0x01. */
export function parseProperties(text: string): MessageProperties {
  const properties: MessageProperties = new Map();
  for (const entry of text.split(ENTRY_END_TEXT)) {
    const nameEnd = entry.indexOf(NAME_END_TEXT);
    if (nameEnd > 0 && nameEnd < entry.length - 1) properties.set(entry.slice(0, nameEnd), entry.slice(nameEnd + 1));
  }
  return properties;
}

/** {@link parseProperties} of the UTF-8 in `bytes[start, end)`. */
export function parsePropertiesAt(bytes: Uint8Array, start: number, end: number): MessageProperties {
  return parseProperties(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString());
}

/** The string of the properties, in the map's order. Names and values must not hold the separators: see {@link isSeparable}. */
export function encodeProperties(properties: ReadonlyMap<string, string>): string {
  let text = '';
  for (const [name, value] of properties) text += name + NAME_END_TEXT + value + ENTRY_END_TEXT;
  return text;
}

/** Whether properties that end at `end`, and are not empty, have the mark that further ones need before them. */
export function endsEntry(bytes: Uint8Array, end: number): boolean {
  return bytes[end - 1] === PROPERTY_ENTRY_END;
}

/** The properties of `bytes[start, end)` without those called `name`; the others as they are. */
export function stripProperty(bytes: Uint8Array, start: number, end: number, name: string): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
  const kept = text.split(ENTRY_END_TEXT).filter((entry) => !entry.startsWith(name + NAME_END_TEXT));
  return Buffer.from(kept.join(ENTRY_END_TEXT), 'latin1');
}

/** True for text that can be a name or a value and is read again as it was written. */
export function isSeparable(text: string): boolean {
  return text !== '' && !text.includes(NAME_END_TEXT) && !text.includes(ENTRY_END_TEXT);
}

/** What {@link scanProperties} finds. Ranges are of the scanned bytes; an absent property has the empty range [0, 0). */
export class ScannedProperties {
  uniqKeyStart = 0;
  uniqKeyEnd = 0;
  tagsStart = 0;
  tagsEnd = 0;
  /** The keys with the separators between them. */
  keysStart = 0;
  keysEnd = 0;
  /** False when the sender does not want to wait for flush and replication. */
  wait = true;
  /** A half message. */
  transaction = false;
  /** 0 without a level; NaN for a value that is no int32, which Java refuses. */
  delayLevel = 0;
  /** One of the three ways to ask for a timer is there. */
  timer = false;
  /** Stripped from messages that clients send. */
  popCheckPoint = false;
  /** Number of messages in an inner batch; 0 without, NaN for a value that is no int32. */
  innerCount = 0;
}

const Property = {
  uniqKey: 0,
  tags: 1,
  keys: 2,
  wait: 3,
  transaction: 4,
  delay: 5,
  popCheckPoint: 6,
  innerCount: 7,
} as const;
/** In the order of {@link Property}; the names behind them are those of timers. */
const names = new NameTable([
  PropertyName.UNIQ_KEY,
  PropertyName.TAGS,
  PropertyName.KEYS,
  PropertyName.WAIT,
  PropertyName.TRAN_MSG,
  PropertyName.DELAY,
  PropertyName.POP_CK,
  PropertyName.INNER_NUM,
  PropertyName.TIMER_DELIVER_MS,
  PropertyName.TIMER_DELAY_SEC,
  PropertyName.TIMER_DELAY_MS,
]);

/** Finds the known properties of `bytes[start, end)` in one pass, with the rules of {@link parseProperties}. */
export function scanProperties(bytes: Uint8Array, start: number, end: number, into: ScannedProperties): void {
  into.uniqKeyStart = 0;
  into.uniqKeyEnd = 0;
  into.tagsStart = 0;
  into.tagsEnd = 0;
  into.keysStart = 0;
  into.keysEnd = 0;
  into.wait = true;
  into.transaction = false;
  into.delayLevel = 0;
  into.timer = false;
  into.popCheckPoint = false;
  into.innerCount = 0;
  const words = wordsOf(bytes);
  let at = start;
  while (at < end) {
    const nameEnd = separatorFrom(bytes, words, at, end);
    if (bytes[nameEnd] === PROPERTY_ENTRY_END || nameEnd >= end) {
      at = nameEnd + 1;
      continue;
    }
    const valueStart = nameEnd + 1;
    let valueEnd = separatorFrom(bytes, words, valueStart, end);
    while (valueEnd < end && bytes[valueEnd] === NAME_END) valueEnd = separatorFrom(bytes, words, valueEnd + 1, end);
    if (nameEnd > at && valueEnd > valueStart) {
      const property = names.find(bytes, words, at, nameEnd);
      if (property >= 0) take(into, property, bytes, valueStart, valueEnd);
    }
    at = valueEnd + 1;
  }
}

function take(into: ScannedProperties, property: number, bytes: Uint8Array, start: number, end: number): void {
  switch (property) {
    case Property.uniqKey:
      into.uniqKeyStart = start;
      into.uniqKeyEnd = end;
      break;
    case Property.tags:
      into.tagsStart = start;
      into.tagsEnd = end;
      break;
    case Property.keys:
      into.keysStart = start;
      into.keysEnd = end;
      break;
    case Property.wait:
      into.wait = isTrue(bytes, start, end);
      break;
    case Property.transaction:
      into.transaction = isTrue(bytes, start, end);
      break;
    case Property.delay:
      into.delayLevel = decimalInt32(bytes, start, end);
      break;
    case Property.popCheckPoint:
      into.popCheckPoint = true;
      break;
    case Property.innerCount:
      into.innerCount = decimalInt32(bytes, start, end);
      break;
    default:
      into.timer = true;
  }
}

/** A byte up to 0x02 in a word: the separators, and 0x00, which is none. */
const SEPARATORS_BELOW = 3 * ONES;

/** Position of the next separator, or `end`. */
function separatorFrom(bytes: Uint8Array, words: DataView, at: number, end: number): number {
  let i = at;
  while (i <= end - WORD_BYTES) {
    const word = words.getInt32(i, true);
    const marks = (word - SEPARATORS_BELOW) & ~word & TOP_BITS;
    if (marks === 0) {
      i += WORD_BYTES;
      continue;
    }
    i += firstMarked(marks);
    if (bytes[i] !== 0) return i;
    i++;
  }
  while (i < end && bytes[i] !== NAME_END && bytes[i] !== PROPERTY_ENTRY_END) i++;
  return i;
}

const LOWER_CASE = 0x20;
const TRUE = Buffer.from('true');

/** Java's Boolean.parseBoolean: `true` in any case. */
function isTrue(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== TRUE.length) return false;
  for (let i = 0; i < TRUE.length; i++) if ((bytes[start + i]! | LOWER_CASE) !== TRUE[i]) return false;
  return true;
}
