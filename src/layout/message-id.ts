/**
 * The offset message id: where a record lies, as text (spec/api.md 2.6). Upper-case hex of
 *
 * ```
 *  | store host: address 4|16, port i32 | log offset i64 |        32 or 56 characters
 * ```
 *
 * Made by net for each answered send (as a template, see {@link hostIdPrefix}), read by control for requests that name a record.
 */
import { HEX_INT64_BYTES } from './ascii.ts';
import { HOST_V4_BYTES, HOST_V6_BYTES } from './message-record.ts';

export interface MessageId {
  /** The record's host field: address and port (8 or 20 bytes). */
  readonly storeHost: Uint8Array;
  readonly logOffset: bigint;
}

/** The part that all ids of one broker share. */
export function hostIdPrefix(storeHost: Uint8Array): string {
  return Buffer.from(storeHost).toString('hex').toUpperCase();
}

export function messageIdOf(storeHost: Uint8Array, logOffset: number | bigint): string {
  const offset = BigInt.asUintN(64, BigInt(logOffset));
  return hostIdPrefix(storeHost) + offset.toString(16).toUpperCase().padStart(HEX_INT64_BYTES, '0');
}

/** Null when the text is no message id; a client's unique key of the same length reads as one. */
export function parseMessageId(text: string): MessageId | null {
  const hostDigits = text.length - HEX_INT64_BYTES;
  if (hostDigits !== 2 * HOST_V4_BYTES && hostDigits !== 2 * HOST_V6_BYTES) return null;
  if (!/^[\dA-Fa-f]+$/.test(text)) return null;
  return {
    storeHost: Buffer.from(text.slice(0, hostDigits), 'hex'),
    logOffset: BigInt.asIntN(64, BigInt(`0x${text.slice(hostDigits)}`)),
  };
}
