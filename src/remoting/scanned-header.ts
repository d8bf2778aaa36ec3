/**
 * What the scanners of hot requests share. A scanner reads a header where it lies, into an object that is used again and again, and
 * allocates nothing. It understands what official clients send; for anything unusual it gives up, and the general path (decodeFrame and
 * sendHeaderOf or pullHeaderOf) decides what that means. Where a scanner does not give up it agrees with the general path: the property
 * tests of the two scanners hold them together.
 */
import { SERIALIZE_JSON, type SerializeType } from '../layout/remoting-frame.ts';
import { languageByte } from './codes.ts';
import type { RemotingCommand } from './command.ts';

export const NO_BYTES = new Uint8Array(0);

/** The members that every header has; numbers as in RemotingCommand, the language as its wire byte. */
export class ScannedHeader {
  code = 0;
  language = 0;
  version = 0;
  opaque = 0;
  /** Where its digits stand in a JSON header. */
  opaqueStart = 0;
  opaqueEnd = 0;
  flag = 0;
  serializeType: SerializeType = SERIALIZE_JSON;
  /** Holds the short texts of the header, topic and groups: the frame, when it was scanned. */
  names: Uint8Array = NO_BYTES;
  /** Holds the body: the frame, when it was scanned. */
  body: Uint8Array = NO_BYTES;
  bodyStart = 0;
  bodyEnd = 0;

  /** Fills these members from a command of the general path, whose `names` hold `texts` back to back. */
  take(command: RemotingCommand, texts: readonly Uint8Array[]): void {
    this.code = command.code;
    this.language = languageByte(command.language);
    this.version = command.version;
    this.opaque = command.opaque;
    this.flag = command.flag;
    this.serializeType = command.serializeType;
    this.names = Buffer.concat(texts);
    this.body = command.body ?? NO_BYTES;
    this.bodyStart = 0;
    this.bodyEnd = this.body.length;
  }
}

/**
 * The extFields of one request family. Fields have numbers from 0, of which a header may hold each once. `words` is the memory of
 * `bytes` (layout/words).
 */
export interface FieldFamily<Header extends ScannedHeader> {
  /** Bits of the fields that must be there and not empty. */
  readonly required: number;
  /** Sets what optional fields default to. False when `code` is not of this family. */
  begin(into: Header): boolean;
  /** Number of the field with the name in `bytes[start, end)`, or -1 for one that nobody needs. */
  fieldAt(bytes: Uint8Array, words: DataView, start: number, end: number, into: Header): number;
  /** The field whose text may be escaped in JSON, -1 for none. */
  readonly escapedField: number;
  /** Takes that text, from behind its quote; returns the position of the quote that ends it, or -1 to give up. */
  takeEscaped(into: Header, bytes: Uint8Array, words: DataView, start: number, end: number): number;
  /** Takes a value as it stands, empty only in JSON; false to give up. */
  takeValue(into: Header, field: number, bytes: Uint8Array, words: DataView, start: number, end: number): boolean;
}
