import { describe, expect, it } from 'vitest';
import { asQueueSlot } from '../../src/base/units.ts';
import { RingHead } from '../../src/layout/shared-page.ts';
import { allocateSlotRing, SlotRing } from '../../src/ring/slot-ring.ts';

const CAPACITY = (allocateSlotRing().byteLength - RingHead.sizeBytes) / Int32Array.BYTES_PER_ELEMENT;

function ends(): { writer: SlotRing; reader: SlotRing; drained: () => number[] } {
  const memory = allocateSlotRing();
  const reader = new SlotRing(memory);
  const drained = (): number[] => {
    const slots: number[] = [];
    expect(reader.drain((slot) => slots.push(slot))).toBe(slots.length);
    return slots;
  };
  return { writer: new SlotRing(memory), reader, drained };
}

describe('a slot ring', () => {
  it('shows names after publish, in order, once', () => {
    const { writer, drained } = ends();
    writer.push(asQueueSlot(7));
    writer.push(asQueueSlot(3));
    expect(drained()).toEqual([]);
    writer.publish();
    expect(drained()).toEqual([7, 3]);
    expect(drained()).toEqual([]);
  });

  it('goes round many times without losing a name', () => {
    const { writer, reader, drained } = ends();
    let next = 0;
    let expected = 0;
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 1000; i++) writer.push(asQueueSlot(next++ % 65_536));
      writer.publish();
      for (const slot of drained()) expect(slot).toBe(expected++ % 65_536);
    }
    expect(expected).toBe(40_000);
    expect(reader.takeOverflow()).toBe(false);
  });

  it('says once that names were lost, keeps the older ones and takes new ones after a drain', () => {
    const { writer, reader, drained } = ends();
    for (let i = 0; i <= CAPACITY; i++) writer.push(asQueueSlot(i));
    writer.publish();
    expect([reader.takeOverflow(), reader.takeOverflow()]).toEqual([true, false]);
    const all = drained();
    expect([all.length, all[0], all.at(-1)]).toEqual([CAPACITY, 0, CAPACITY - 1]);
    writer.push(asQueueSlot(9));
    writer.publish();
    expect(drained()).toEqual([9]);
  });
});
