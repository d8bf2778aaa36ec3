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
import { javaHashOfUtf8 } from '../base/java-hash.ts';
import { decimalInt32 } from './ascii.ts';
import { NameTable } from './name-table.ts';
import { PropertyName } from './property-names.ts';
import { firstMarked, ONES, TOP_BITS, WORD_BYTES, wordsOf, wordsOfText } from './words.ts';

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
const KNOWN_NAMES = [
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
];
const names = new NameTable(KNOWN_NAMES);
/** By first byte: 1 when a known name begins with it. */
const mayBeKnown = new Uint8Array(256);
for (const name of KNOWN_NAMES) mayBeKnown[name.charCodeAt(0)] = 1;

const NAME_WORD_BYTES = 4;
const TAGS_WORD = wordsOfText(PropertyName.TAGS)[0]!;
const KEYS_WORD = wordsOfText(PropertyName.KEYS)[0]!;
const UNIQ_WORD = wordsOfText(PropertyName.UNIQ_KEY)[0]!;
const KEY_WORD = wordsOfText(PropertyName.UNIQ_KEY)[1]!;
const BYTE_MASK = 0xff;

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
  for (let at = start; at < end; ) {
    const entryEnd = byteFrom(ENTRY_END_WORD, bytes, words, at, end);
    // Most properties are the application's or another broker's: their first letter tells.
    if (mayBeKnown[bytes[at]!] === 1) {
      const nameEnd = byteFrom(NAME_END_WORD, bytes, words, at, entryEnd);
      if (nameEnd > at && nameEnd + 1 < entryEnd) {
        const property = names.find(bytes, words, at, nameEnd);
        if (property >= 0) take(into, property, bytes, nameEnd + 1, entryEnd);
      }
    }
    at = entryEnd + 1;
  }
}

/** What {@link scanIndexed} finds. An absent property has the empty range [0, 0). */
export class IndexedProperties {
  /** Hash of the tag, 0 without one (spec/api.md 2.6). */
  tagsHash = 0;
  uniqKeyStart = 0;
  uniqKeyEnd = 0;
  keysStart = 0;
  keysEnd = 0;
}

/** What queues and index need of the properties `bytes[start, end)`: as {@link scanProperties} finds it, and no more. Dispatch asks for each record. */
export function scanIndexed(bytes: Uint8Array, start: number, end: number, into: IndexedProperties): void {
  const words = wordsOf(bytes);
  into.tagsHash = 0;
  into.uniqKeyStart = 0;
  into.uniqKeyEnd = 0;
  into.keysStart = 0;
  into.keysEnd = 0;
  for (let at = start; at < end; ) {
    const entryEnd = byteFrom(ENTRY_END_WORD, bytes, words, at, end);
    const nameEnd = at + NAME_WORD_BYTES;
    if (nameEnd + 1 < entryEnd) {
      const word = words.getInt32(at, true);
      if (bytes[nameEnd] === NAME_END) {
        if (word === TAGS_WORD) into.tagsHash = javaHashOfUtf8(bytes, nameEnd + 1, entryEnd);
        else if (word === KEYS_WORD) {
          into.keysStart = nameEnd + 1;
          into.keysEnd = entryEnd;
        }
      } else if (word === UNIQ_WORD) takeUniqKey(bytes, words, nameEnd, entryEnd, into);
    }
    at = entryEnd + 1;
  }
}

/** `at`: behind the first half of the name. */
function takeUniqKey(bytes: Uint8Array, words: DataView, at: number, entryEnd: number, into: IndexedProperties): void {
  const nameEnd = at + NAME_WORD_BYTES;
  if (nameEnd + 1 >= entryEnd || bytes[nameEnd] !== NAME_END || words.getInt32(at, true) !== KEY_WORD) return;
  into.uniqKeyStart = nameEnd + 1;
  into.uniqKeyEnd = entryEnd;
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

const NAME_END_WORD = NAME_END * ONES;
const ENTRY_END_WORD = PROPERTY_ENTRY_END * ONES;

/** Position of the next byte that is the one `word` is made of, or `end`. */
function byteFrom(word: number, bytes: Uint8Array, words: DataView, at: number, end: number): number {
  let i = at;
  for (; i <= end - WORD_BYTES; i += WORD_BYTES) {
    const zeroes = words.getInt32(i, true) ^ word;
    const marks = (zeroes - ONES) & ~zeroes & TOP_BITS;
    if (marks !== 0) return i + firstMarked(marks);
  }
  const byte = word & BYTE_MASK;
  while (i < end && bytes[i] !== byte) i++;
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
