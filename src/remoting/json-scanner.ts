/**
 * Scans a JSON header of one request family, strictly: no blanks between its parts (no official client writes any), no member twice,
 * the code before the extFields. Whatever else JSON allows is left to the general path. Called by header-scanner on net.
 */
import { decimalInt32 } from '../layout/ascii.ts';
import { NameTable } from '../layout/name-table.ts';
import { equalWords, WORD_BYTES, wordsOfText } from '../layout/words.ts';
import { LANGUAGES } from './codes.ts';
import { plainTextEnd, QUOTE } from './json-text.ts';
import type { FieldFamily, ScannedHeader } from './scanned-header.ts';

const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const NEWLINE = 0x0a;

/** A member's name as it stands in a header. */
interface Member {
  /** `"name":` in words. */
  readonly text: Int32Array;
  readonly size: number;
  readonly bit: number;
}

const MEMBER_NAMES = [
  'code',
  'extFields',
  'flag',
  'language',
  'opaque',
  'remark',
  'serializeTypeCurrentRPC',
  'version',
];
const CODE = 0x1;
const EXT_FIELDS = 0x2;
const FLAG = 0x4;
const LANGUAGE = 0x8;
const OPAQUE = 0x10;
const VERSION = 0x80;
const NUMBERS = CODE | FLAG | OPAQUE | VERSION;

/** No two names begin with the same letter. */
const membersByLetter: (Member | undefined)[] = new Array(256);
MEMBER_NAMES.forEach((name, index) => {
  const text = `"${name}":`;
  membersByLetter[name.charCodeAt(0)] = { text: wordsOfText(text), size: text.length, bit: 1 << index };
});
const languages = new NameTable(LANGUAGES);

/** Reads the header in `bytes[start, end)`. */
export function scanJsonHeader<Header extends ScannedHeader>(
  bytes: Uint8Array,
  words: DataView,
  start: number,
  end: number,
  into: Header,
  family: FieldFamily<Header>,
): boolean {
  if (bytes[start] !== OPEN) return false;
  into.language = 0;
  into.version = 0;
  into.opaque = 0;
  into.opaqueStart = 0;
  into.opaqueEnd = 0;
  into.flag = 0;
  let seen = 0;
  let at = start + 1;
  for (;;) {
    const member = membersByLetter[bytes[at + 1]!];
    if (member === undefined || at + member.size > end) return false;
    if (!equalWords(member.text, words, at, at + member.size) || (seen & member.bit) !== 0) return false;
    seen |= member.bit;
    at += member.size;
    if (member.bit === EXT_FIELDS) {
      // Which fields these are depends on the code.
      if (bytes[at] !== OPEN || (seen & CODE) === 0 || !family.begin(into)) return false;
      at = scanFields(bytes, words, at + 1, end, into, family);
    } else if (bytes[at] === QUOTE) {
      at = scanText(bytes, words, at + 1, end, into, member.bit);
    } else {
      at = scanInteger(bytes, at, end, into, member.bit);
    }
    if (at < 0) return false;
    if (bytes[at] === COMMA) at++;
    else if (bytes[at] === CLOSE) break;
    else return false;
  }
  at++;
  // The C++ client ends its header with a newline.
  if (at < end && bytes[at] === NEWLINE) at++;
  return at === end && (seen & EXT_FIELDS) !== 0;
}

/** Reads the text that starts at `at`; returns the position behind its quote, or -1. Remark and serializeTypeCurrentRPC say nothing. */
function scanText(
  bytes: Uint8Array,
  words: DataView,
  at: number,
  end: number,
  into: ScannedHeader,
  member: number,
): number {
  const textEnd = plainTextEnd(bytes, words, at, end);
  if (textEnd < 0 || (member & NUMBERS) !== 0) return -1;
  if (member === LANGUAGE) {
    into.language = languages.find(bytes, words, at, textEnd);
    if (into.language < 0) return -1;
  }
  return textEnd + 1;
}

/** Reads the number at `at`; returns the position behind it, or -1. */
function scanInteger(bytes: Uint8Array, at: number, end: number, into: ScannedHeader, member: number): number {
  const first = bytes[at] === MINUS ? at + 1 : at;
  let numberEnd = first;
  while (numberEnd < end && bytes[numberEnd]! >= ZERO && bytes[numberEnd]! <= NINE) numberEnd++;
  // JSON has no leading zeros.
  if (bytes[first] === ZERO && numberEnd > first + 1) return -1;
  const value = decimalInt32(bytes, at, numberEnd);
  if (Number.isNaN(value)) return -1;
  if (member === CODE) into.code = value;
  else if (member === OPAQUE) {
    into.opaque = value;
    into.opaqueStart = at;
    into.opaqueEnd = numberEnd;
  } else if (member === FLAG) into.flag = value;
  else if (member === VERSION) into.version = value;
  else return -1;
  return numberEnd;
}

/** `"?":` as a word, and the three bytes of it that are not the letter. */
const LETTER_NAME = 0x3a220022;
const AROUND_LETTER = 0xffff00ff | 0;
const LETTER_A = 0x61;
const LETTER_Z = 0x7a;

/** Reads the extFields from behind `{`; returns the position behind `}`, or -1. */
function scanFields<Header extends ScannedHeader>(
  bytes: Uint8Array,
  words: DataView,
  start: number,
  end: number,
  into: Header,
  family: FieldFamily<Header>,
): number {
  let seen = 0;
  let at = start;
  while (at <= end - WORD_BYTES) {
    const nameEnd = fieldNameEnd(bytes, words, at, end);
    if (nameEnd < 0 || bytes[nameEnd + 2] !== QUOTE) return -1;
    const field = family.fieldAt(bytes, words, at + 1, nameEnd, into);
    const valueStart = nameEnd + 3;
    let valueEnd: number;
    const bit = field < 0 ? 0 : 1 << field;
    if ((seen & bit) !== 0) return -1;
    seen |= bit;
    if (field >= 0 && field === family.escapedField) {
      valueEnd = family.takeEscaped(into, bytes, words, valueStart, end);
    } else {
      valueEnd = plainTextEnd(bytes, words, valueStart, end);
      if (field >= 0 && valueEnd >= 0 && !family.takeValue(into, field, bytes, words, valueStart, valueEnd)) return -1;
    }
    if (valueEnd < 0) return -1;
    at = valueEnd + 1;
    if (bytes[at] === COMMA) at++;
    else if (bytes[at] === CLOSE) return (seen & family.required) === family.required ? at + 1 : -1;
    else return -1;
  }
  return -1;
}

/** Position of the quote behind the name at `at`, if a colon follows; -1 otherwise. Names of one letter are those of all sends. */
function fieldNameEnd(bytes: Uint8Array, words: DataView, at: number, end: number): number {
  const letter = bytes[at + 1]!;
  if ((words.getInt32(at, true) & AROUND_LETTER) === LETTER_NAME && letter >= LETTER_A && letter <= LETTER_Z) {
    return at + 2;
  }
  if (bytes[at] !== QUOTE) return -1;
  const nameEnd = plainTextEnd(bytes, words, at + 1, end);
  return bytes[nameEnd + 1] === COLON ? nameEnd : -1;
}
