/**
 * A hash map keyed by short runs of bytes (topic and group names as they lie in a frame or record), so that looking one up makes no
 * string. Grows by doubling; nothing is removed, a value may be replaced. Used by net for topics and groups, by dispatch for topics.
 */

interface Entry<Value> {
  readonly hash: number;
  readonly key: Uint8Array;
  value: Value;
}

export class ByteKeyedMap<Value> {
  #buckets: (Entry<Value> | undefined)[] = new Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(bytes: Uint8Array, start: number, end: number): Value | undefined {
    const entry = this.#buckets[this.#find(bytes, start, end, hashOf(bytes, start, end))];
    return entry?.value;
  }

  set(key: Uint8Array, value: Value): void {
    const hash = hashOf(key, 0, key.length);
    const at = this.#find(key, 0, key.length, hash);
    const present = this.#buckets[at];
    if (present !== undefined) {
      present.value = value;
      return;
    }
    this.#buckets[at] = { hash, key: Uint8Array.from(key), value };
    this.#size++;
    if (this.#size * 2 > this.#buckets.length) this.#grow();
  }

  /** The bucket that holds the key, or the empty one where it belongs. */
  #find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.#buckets.length - 1;
    let at = hash & mask;
    for (;;) {
      const entry = this.#buckets[at];
      if (entry === undefined || (entry.hash === hash && equals(entry.key, bytes, start, end))) return at;
      at = (at + 1) & mask;
    }
  }

  #grow(): void {
    const old = this.#buckets;
    this.#buckets = new Array(old.length * 2);
    for (const entry of old) {
      if (entry !== undefined) this.#buckets[this.#find(entry.key, 0, entry.key.length, entry.hash)] = entry;
    }
  }
}

/** FNV-1a: one multiplication a byte, good spread for names that differ in their last characters. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}

function equals(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let i = 0; i < key.length; i++) if (key[i] !== bytes[start + i]) return false;
  return true;
}
