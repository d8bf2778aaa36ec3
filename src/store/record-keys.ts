/**
 * The hashes under which a record is in the key index, in the order in which they are put there (spec/store.md 9.3): the unique key, then
 * each of its keys. Used by dispatch, by verify and repair; one object per thread.
 */
import { javaHashOfUtf8 } from '../base/java-hash.ts';
import { indexKeyHash, TOPIC_KEY_SEPARATOR } from '../layout/index-file.ts';
import type { IndexedProperties } from '../layout/message-properties.ts';
import { type RecordCursor, SysFlag } from '../layout/message-record.ts';
import { KEY_SEPARATOR } from '../layout/property-names.ts';

/** Most records have one or two. */
const FIRST_ROOM = 16;
const BETWEEN_KEYS = KEY_SEPARATOR.charCodeAt(0);
const BEHIND_TOPIC = TOPIC_KEY_SEPARATOR.charCodeAt(0);
/** Java's hash goes on over the separator as over any character. */
const HASH_FACTOR = 31;

export class RecordKeys {
  /** The first {@link count} are those of the last record. */
  hashes = new Int32Array(FIRST_ROOM);
  count = 0;

  /** The cursor is on a record in `bytes`, which has these properties. One that was rolled back has no keys, a prepared one has. */
  load(bytes: Uint8Array, { sysFlag, topicStart, topicLength }: RecordCursor, keys: IndexedProperties): void {
    const { uniqKeyStart, uniqKeyEnd, keysStart, keysEnd } = keys;
    this.count = 0;
    if ((uniqKeyEnd === 0 && keysEnd === 0) || isRolledBack(sysFlag)) return;
    const topicHash = javaHashOfUtf8(bytes, topicStart, topicStart + topicLength);
    const seed = (Math.imul(topicHash, HASH_FACTOR) + BEHIND_TOPIC) | 0;
    if (uniqKeyEnd > 0) this.#add(javaHashOfUtf8(bytes, uniqKeyStart, uniqKeyEnd, seed));
    for (let at = keysStart; at < keysEnd; ) {
      let end = at;
      while (end < keysEnd && bytes[end] !== BETWEEN_KEYS) end++;
      if (end > at) this.#add(javaHashOfUtf8(bytes, at, end, seed));
      at = end + 1;
    }
  }

  #add(javaHash: number): void {
    if (this.count === this.hashes.length) {
      const more = new Int32Array(this.count * 2);
      more.set(this.hashes);
      this.hashes = more;
    }
    this.hashes[this.count++] = indexKeyHash(javaHash);
  }
}

function isRolledBack(sysFlag: number): boolean {
  return (sysFlag & SysFlag.transactionRollback) === SysFlag.transactionRollback;
}
