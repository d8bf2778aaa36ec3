/** Dispatch writes entries to a queue's tail as fast as it can; readers take the oldest that the tail still gives and look at every field. */
import { seededRandom } from '../../src/base/random.ts';
import { asLogOffset, asQueueOffset, asQueueSlot } from '../../src/base/units.ts';
import { entryLogOffset, entrySize, entryTagsHash, QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import type { Counts, RoleContext } from './scenario.ts';

const SLOT = asQueueSlot(0);
const LOG_STEP = 1200;

const sizeOf = (offset: number) => (offset % 100_000) + 1;

export function dispatch({ ring, memories, isOver, isBroken, finished }: RoleContext): Counts {
  const table = new ring.QueueTable(memories.table!);
  const random = seededRandom(1);
  let next = 0;
  while (!isOver() && !isBroken()) {
    for (let left = 1 + random.below(ring.QUEUE_TAIL_UNPUBLISHED_MAX); left > 0; left--) {
      table.put(SLOT, asQueueOffset(next), asLogOffset(next * LOG_STEP), sizeOf(next), next | 0);
      next++;
    }
    table.publishMax(SLOT, asQueueOffset(next));
  }
  finished();
  return { put: next };
}

export function tailReader({ ring, memories, index, isBroken, finishedRoles }: RoleContext): Counts {
  const table = new ring.QueueTable(memories.table!);
  const random = seededRandom(index + 2);
  const into = Buffer.alloc(ring.QUEUE_TAIL_ENTRIES * QUEUE_ENTRY_BYTES);
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  let readEntries = 0;
  let lapped = 0;
  while (finishedRoles() === 0 && !isBroken()) {
    const from = table.max(SLOT) - ring.STABLE_ENTRIES + random.below(ring.STABLE_ENTRIES);
    if (from < 0) continue;
    const count = table.readTail(SLOT, asQueueOffset(from), 1 + random.below(ring.STABLE_ENTRIES), into, 0);
    if (count === 0) lapped++;
    readEntries += count;
    for (let i = 0; i < count; i++) {
      const offset = from + i;
      const at = i * QUEUE_ENTRY_BYTES;
      const isRight =
        entryLogOffset(view, at) === offset * LOG_STEP &&
        entrySize(view, at) === sizeOf(offset) &&
        entryTagsHash(view, at) === (offset | 0);
      if (!isRight) throw new Error('an entry is torn or another one');
    }
  }
  return { readEntries, lapped };
}
