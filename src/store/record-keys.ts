/**
 * The hashes under which a record is in the key index, in the order in which they are put there (spec/store.md 9.3): the unique key, then
 * each of its keys. Used by verify and repair; one object per thread.
 */

import { ByteKeyedMap } from '../base/byte-keyed-map.ts';
import { javaHashCode, javaHashOfUtf8 } from '../base/java-hash.ts';
import { indexKeyHash, TOPIC_KEY_SEPARATOR } from '../layout/index-file.ts';
import type { IndexedProperties } from '../layout/message-properties.ts';
import { SysFlag } from '../layout/message-record.ts';
import { KEY_SEPARATOR } from '../layout/property-names.ts';
import type { LogScanner } from './log-scanner.ts';

const SEPARATOR = KEY_SEPARATOR.charCodeAt(0);

export class RecordKeys {
  /** Hash of `topic#`, which those of all its keys go on from. */
  readonly #topics = new ByteKeyedMap<number>();
  /** The hashes of the last record. */
  readonly hashes: number[] = [];

  /** The scanner is on a record, which has these properties. */
  load({ bytes, cursor }: LogScanner, { uniqKeyStart, uniqKeyEnd, keysStart, keysEnd }: IndexedProperties): void {
    this.hashes.length = 0;
    if ((cursor.sysFlag & SysFlag.transactionRollback) === SysFlag.transactionRollback) return;
    if (uniqKeyEnd === 0 && keysEnd === 0) return;
    const seed = this.#seed(bytes, cursor.topicStart, cursor.topicStart + cursor.topicLength);
    if (uniqKeyEnd > 0) this.#add(bytes, uniqKeyStart, uniqKeyEnd, seed);
    for (let at = keysStart; at < keysEnd; ) {
      let end = at;
      while (end < keysEnd && bytes[end] !== SEPARATOR) end++;
      if (end > at) this.#add(bytes, at, end, seed);
      at = end + 1;
    }
  }

  #add(bytes: Uint8Array, start: number, end: number, seed: number): void {
    this.hashes.push(indexKeyHash(javaHashOfUtf8(bytes, start, end, seed)));
  }

  #seed(bytes: Buffer, start: number, end: number): number {
    const known = this.#topics.get(bytes, start, end);
    if (known !== undefined) return known;
    const seed = javaHashCode(bytes.toString('utf8', start, end) + TOPIC_KEY_SEPARATOR);
    this.#topics.set(bytes.subarray(start, end), seed);
    return seed;
  }
}
