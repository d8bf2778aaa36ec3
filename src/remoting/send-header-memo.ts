/**
 * What a connection's sends look like. A producer writes the same JSON header again and again: only the opaque, the topic, the queue, the
 * time and the message's UNIQ_KEY change, each at its place and, for long runs, with as many characters. So a header that equals the last
 * one everywhere else is not scanned: it is compared, and five places are read. What does not equal it goes through the scanner, which means
 * the same (test/remoting/send-header-memo), and is remembered instead. Each connection has a few, for headers of different lengths, on net.
 */
import { assert } from '../base/assert.ts';
import { decimalInt32, decimalLongHigh, decimalLongLow, LONG_UNIT, NOT_DECIMAL } from '../layout/ascii.ts';
import { ScannedProperties, scanProperties } from '../layout/message-properties.ts';
import { PropertyName } from '../layout/property-names.ts';
import { FRAME_LENGTH_BYTES, FrameAt, int32At, SERIALIZE_JSON } from '../layout/remoting-frame.ts';
import { WORD_BYTES, wordsOf } from '../layout/words.ts';
import { BACKSLASH, PRINTABLE_MIN, QUOTE, specialsOf } from './json-text.ts';
import type { SendHeader } from './send-header.ts';

/** Longer headers are scanned. */
const HEADER_MAX_BYTES = 2048;
const LONG_WORD_BYTES = Float64Array.BYTES_PER_ELEMENT;
/** Remembering costs as much as scanning a few headers: it should serve as many. */
const RECALLS_WORTH_IT = 8;
/** A producer whose headers are never alike has only one in so many of them remembered. */
const PASSED_OVER_MAX = 1023;
const ZERO = 0x30;
const MINUS = 0x2d;
const ASCII_END = 0x80;
const KEY_NAME = Buffer.from(`${PropertyName.UNIQ_KEY}\\u0001`);
/** What stands before a property's name, unless it is the first: the end of the one before. */
const PROPERTY_END = Buffer.from('\\u0002');

/** A place that may differ from header to header, from the header's first byte. */
interface Hole {
  readonly start: number;
  readonly end: number;
}

export class SendHeaderMemo {
  /** Bytes of header; 0 when nothing is remembered. */
  #length = 0;
  /** What must be equal: eight bytes from each of these places, and single bytes of what is shorter. */
  #wordsAt = new Int32Array(0);
  #words = new Float64Array(0);
  #bytesAt = new Int32Array(0);
  #bytes = new Uint8Array(0);
  #opaque: Hole = NO_HOLE;
  #topic: Hole = NO_HOLE;
  #queueId: Hole = NO_HOLE;
  #born: Hole = NO_HOLE;
  #key: Hole = NO_HOLE;
  /** The properties of the header that was recalled last; its key is at `#keyAt`. */
  #properties = Buffer.alloc(0);
  #propertyWords = viewOf(this.#properties);
  #keyAt = 0;
  readonly #scanned = new ScannedProperties();
  /** How often what is remembered has served. */
  #recalls = 0;
  /** So many headers are passed over before the next is remembered, and so many have been. */
  #toPassOver = 0;
  #passedOver = 0;

  // Members of the remembered header that are the same in all of these.
  #code = 0;
  #language = 0;
  #version = 0;
  #flag = 0;
  #defaultTopicStart = 0;
  #defaultTopicEnd = 0;
  #defaultTopicQueueNums = 0;
  #sysFlag = 0;
  #messageFlag = 0;
  #reconsumeTimes = 0;
  #maxReconsumeTimes = 0;
  #batch = false;

  /** Fills `into` from the frame in `bytes[start, end)` when its header is like the remembered one; false says: scan it. */
  recall(bytes: Uint8Array, start: number, end: number, into: SendHeader): boolean {
    const length = this.#length;
    const headerStart = start + FrameAt.header;
    const headerEnd = headerStart + length;
    if (length === 0 || headerEnd > end || int32At(bytes, start) !== end - start - FRAME_LENGTH_BYTES) return false;
    // In JSON the type byte is 0, so these four bytes are the header's length.
    if (int32At(bytes, start + FrameAt.serializeType) !== length) return false;
    const words = wordsOf(bytes);
    if (!this.#isLike(bytes, words, headerStart)) return false;
    if (!this.#readHoles(bytes, words, headerStart, into)) return false;
    into.serializeType = SERIALIZE_JSON;
    into.code = this.#code;
    into.language = this.#language;
    into.version = this.#version;
    into.flag = this.#flag;
    // Writing what is there already is not free: the collector hears of every young object in an old one.
    if (into.names !== bytes) into.names = bytes;
    into.topicStart = headerStart + this.#topic.start;
    into.topicEnd = headerStart + this.#topic.end;
    into.defaultTopicStart = headerStart + this.#defaultTopicStart;
    into.defaultTopicEnd = headerStart + this.#defaultTopicEnd;
    into.defaultTopicQueueNums = this.#defaultTopicQueueNums;
    into.sysFlag = this.#sysFlag;
    into.messageFlag = this.#messageFlag;
    into.reconsumeTimes = this.#reconsumeTimes;
    into.maxReconsumeTimes = this.#maxReconsumeTimes;
    into.batch = this.#batch;
    into.properties = this.#properties;
    into.propertiesStart = 0;
    into.propertiesEnd = this.#properties.length;
    into.scannedProperties = this.#scanned;
    if (into.body !== bytes) into.body = bytes;
    into.bodyStart = headerEnd;
    into.bodyEnd = end;
    this.#recalls++;
    return true;
  }

  /** Remembers the JSON header of the frame at `start`, which the scanner has just read into `header`. */
  learn(bytes: Uint8Array, start: number, header: SendHeader): void {
    if (!this.#isWorthIt()) return;
    const headerStart = start + FrameAt.header;
    const length = header.bodyStart - headerStart;
    this.#length = 0;
    if (length > HEADER_MAX_BYTES) return;
    const copy = Buffer.from(bytes.subarray(headerStart, headerStart + length));
    const hole = (from: number, to: number): Hole => ({ start: from - headerStart, end: to - headerStart });
    this.#opaque = hole(header.opaqueStart, header.opaqueEnd);
    this.#topic = hole(header.topicStart, header.topicEnd);
    this.#queueId = hole(header.queueIdStart, header.queueIdEnd);
    this.#born = hole(header.bornTimestampStart, header.bornTimestampEnd);
    this.#key = NO_HOLE;
    this.#properties = Buffer.from(header.properties.subarray(header.propertiesStart, header.propertiesEnd));
    this.#propertyWords = viewOf(this.#properties);
    scanProperties(this.#properties, 0, this.#properties.length, this.#scanned);
    // A send may be without an opaque, but not like one that is.
    if (this.#opaque.start === this.#opaque.end || !this.#findKey(copy)) return;
    this.#rememberAllBut(copy, [this.#opaque, this.#topic, this.#queueId, this.#born, this.#key]);
    this.#code = header.code;
    this.#language = header.language;
    this.#version = header.version;
    this.#flag = header.flag;
    this.#defaultTopicStart = header.defaultTopicStart - headerStart;
    this.#defaultTopicEnd = header.defaultTopicEnd - headerStart;
    this.#defaultTopicQueueNums = header.defaultTopicQueueNums;
    this.#sysFlag = header.sysFlag;
    this.#messageFlag = header.messageFlag;
    this.#reconsumeTimes = header.reconsumeTimes;
    this.#maxReconsumeTimes = header.maxReconsumeTimes;
    this.#batch = header.batch;
    this.#length = length;
  }

  /** Doubles the headers that are passed over as long as what was remembered does not serve. */
  #isWorthIt(): boolean {
    if (this.#recalls >= RECALLS_WORTH_IT) this.#toPassOver = 0;
    else if (this.#passedOver < this.#toPassOver) {
      this.#passedOver++;
      return false;
    } else this.#toPassOver = Math.min(PASSED_OVER_MAX, this.#toPassOver * 2 + 1);
    this.#passedOver = 0;
    this.#recalls = 0;
    return true;
  }

  /**
   * Where the key stands in the header, and where in the properties. False when the two do not fit: a key with escapes, or a second one
   * that counts.
   */
  #findKey(header: Buffer): boolean {
    const { uniqKeyStart, uniqKeyEnd } = this.#scanned;
    if (uniqKeyStart === uniqKeyEnd) return true;
    const nameAt = header.indexOf(KEY_NAME);
    const keyLength = uniqKeyEnd - uniqKeyStart;
    const keyStart = nameAt + KEY_NAME.length;
    if (nameAt < 0 || header.indexOf(KEY_NAME, keyStart) >= 0 || !startsProperty(header, nameAt)) return false;
    if (header.compare(this.#properties, uniqKeyStart, uniqKeyEnd, keyStart, keyStart + keyLength) !== 0) return false;
    this.#key = { start: keyStart, end: keyStart + keyLength };
    this.#keyAt = uniqKeyStart;
    return this.#takeKey(header, viewOf(header), keyStart, keyStart + keyLength);
  }

  /** Notes what stands between the holes. */
  #rememberAllBut(header: Buffer, holes: readonly Hole[]): void {
    const wordsAt: number[] = [];
    const bytesAt: number[] = [];
    let at = 0;
    for (const { start, end } of [...holes, { start: header.length, end: header.length }].sort(byStart)) {
      assert(start === end || start >= at, 'the places of a header lie in it, apart from each other');
      if (start - at >= LONG_WORD_BYTES) {
        for (; at < start - LONG_WORD_BYTES; at += LONG_WORD_BYTES) wordsAt.push(at);
        wordsAt.push(start - LONG_WORD_BYTES);
      } else {
        for (; at < start; at++) bytesAt.push(at);
      }
      at = end;
    }
    this.#wordsAt = Int32Array.from(wordsAt);
    this.#words = Float64Array.from(wordsAt, (place) => header.readDoubleLE(place));
    this.#bytesAt = Int32Array.from(bytesAt);
    this.#bytes = Uint8Array.from(bytesAt, (place) => header[place]!);
  }

  /**
   * Is everything between the holes as remembered? Eight bytes are compared as a double. Equal and not the same are only the two zeros,
   * which would be NUL bytes in a header; the same and not equal is only what is no number, and such a header is scanned.
   */
  #isLike(bytes: Uint8Array, words: DataView, headerStart: number): boolean {
    const wordsAt = this.#wordsAt;
    const expected = this.#words;
    for (let i = 0; i < wordsAt.length; i++) {
      if (words.getFloat64(headerStart + wordsAt[i]!, true) !== expected[i]) return false;
    }
    for (let i = 0; i < this.#bytesAt.length; i++) {
      if (bytes[headerStart + this.#bytesAt[i]!] !== this.#bytes[i]) return false;
    }
    return true;
  }

  #readHoles(bytes: Uint8Array, words: DataView, headerStart: number, into: SendHeader): boolean {
    const { start, end } = this.#opaque;
    const first = bytes[headerStart + start]!;
    // JSON has no leading zeros, and a minus is for the scanner.
    if (first === MINUS || (first === ZERO && end - start > 1)) return false;
    const opaque = decimalInt32(bytes, headerStart + start, headerStart + end);
    const queueId = decimalInt32(bytes, headerStart + this.#queueId.start, headerStart + this.#queueId.end);
    const bornStart = headerStart + this.#born.start;
    const bornEnd = headerStart + this.#born.end;
    const bornHigh = decimalLongHigh(bytes, bornStart, bornEnd);
    const bornLow = decimalLongLow(bytes, bornStart, bornEnd);
    if (Number.isNaN(opaque) || Number.isNaN(queueId) || bornHigh === NOT_DECIMAL || bornLow === NOT_DECIMAL)
      return false;
    for (let i = headerStart + this.#topic.start; i < headerStart + this.#topic.end; i++) {
      if (!isPlainAscii(bytes[i]!)) return false;
    }
    const keyStart = headerStart + this.#key.start;
    const keyEnd = headerStart + this.#key.end;
    if (!this.#takeKey(bytes, words, keyStart, keyEnd)) return false;
    into.opaque = opaque;
    into.queueId = queueId;
    into.bornTimestamp = bornHigh * LONG_UNIT + bornLow;
    return true;
  }

  /** Puts a key into the properties; false when something in it ends a JSON text or is escaped in it. */
  #takeKey(bytes: Uint8Array, words: DataView, start: number, end: number): boolean {
    const offset = this.#keyAt - start;
    let at = start;
    for (; at <= end - WORD_BYTES; at += WORD_BYTES) {
      const word = words.getInt32(at, true);
      if (specialsOf(word) !== 0) return false;
      this.#propertyWords.setInt32(at + offset, word, true);
    }
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE || byte === BACKSLASH || byte < PRINTABLE_MIN) return false;
      this.#properties[at + offset] = byte;
    }
    return true;
  }
}

const NO_HOLE: Hole = { start: 0, end: 0 };

function startsProperty(header: Buffer, at: number): boolean {
  const isFirst = header[at - 1] === QUOTE;
  const before = at - (isFirst ? 1 : PROPERTY_END.length);
  // Behind a backslash both would be text.
  if (header[before - 1] === BACKSLASH) return false;
  return isFirst || header.subarray(before, at).equals(PROPERTY_END);
}

function isPlainAscii(byte: number): boolean {
  return byte >= PRINTABLE_MIN && byte < ASCII_END && byte !== QUOTE && byte !== BACKSLASH;
}

function byStart(a: Hole, b: Hole): number {
  return a.start - b.start;
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** Topics, opaques and keys of different lengths make headers of several lengths in turn. Those that are this far apart share a memo. */
const LENGTHS = 8;

/** The memos of one connection. */
export class SendHeaderMemos {
  readonly #byLength: (SendHeaderMemo | null)[] = new Array(LENGTHS).fill(null);

  /** See {@link SendHeaderMemo.recall}. */
  recall(bytes: Uint8Array, start: number, end: number, into: SendHeader): boolean {
    const memo = this.#byLength[int32At(bytes, start + FrameAt.serializeType) % LENGTHS] ?? null;
    return memo?.recall(bytes, start, end, into) ?? false;
  }

  /** See {@link SendHeaderMemo.learn}. */
  learn(bytes: Uint8Array, start: number, header: SendHeader): void {
    if (header.serializeType !== SERIALIZE_JSON) return;
    const length = header.bodyStart - start - FrameAt.header;
    this.#byLength[length % LENGTHS] ??= new SendHeaderMemo();
    this.#byLength[length % LENGTHS]!.learn(bytes, start, header);
  }
}
