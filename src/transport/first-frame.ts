/**
 * Looks at the first bytes of an accepted connection: what else than frames knocks at this port, and how long the first frame will be
 * (spec/remoting.md 11). A frame begins with 0x00 or 0x01, because no frame is longer than 16 MiB. Used by the listener.
 */

/** The length field counts what follows it. */
const LENGTH_FIELD_BYTES = 4;
const TLS_HANDSHAKE = 0x16;
const PROXY_V1 = Buffer.from('PROXY ');
const PROXY_V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n');

export class FirstFrame {
  readonly #head = Buffer.alloc(LENGTH_FIELD_BYTES);
  #length = 0;

  /** Bytes of the first frame; infinite while its length field has not come. */
  sizeBytes = Number.POSITIVE_INFINITY;

  get isKnown(): boolean {
    return this.#length === LENGTH_FIELD_BYTES;
  }

  /** Takes the next chunk. Returns why the connection cannot be served, or null. */
  take(bytes: Uint8Array): string | null {
    if (this.#length === 0) {
      const refusal = refusalOf(bytes);
      if (refusal !== null) return refusal;
    }
    const taken = Math.min(LENGTH_FIELD_BYTES - this.#length, bytes.length);
    this.#head.set(bytes.subarray(0, taken), this.#length);
    this.#length += taken;
    if (this.isKnown) this.sizeBytes = LENGTH_FIELD_BYTES + this.#head.readInt32BE();
    return null;
  }
}

function refusalOf(first: Uint8Array): string | null {
  if (first[0] === TLS_HANDSHAKE) return 'the peer speaks TLS, which this listener does not';
  if (beginsWith(first, PROXY_V1) || beginsWith(first, PROXY_V2)) {
    return 'the peer sends a PROXY protocol preamble (HAProxy), which this listener does not take';
  }
  return null;
}

function beginsWith(bytes: Uint8Array, prefix: Buffer): boolean {
  return bytes.length >= prefix.length && prefix.compare(bytes, 0, prefix.length) === 0;
}
