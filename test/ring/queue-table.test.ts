import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QUEUE_TAIL_ENTRIES } from '../../src/base/limits.ts';
import { asLogOffset, asQueueOffset, asQueueSlot, type QueueSlot } from '../../src/base/units.ts';
import { entryLogOffset, entrySize, entryTagsCode, QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import { QueueTable, STABLE_ENTRIES } from '../../src/ring/queue-table.ts';

const SLOT = asQueueSlot(2);

function filled(slot: QueueSlot, from: number, to: number): { table: QueueTable; memory: SharedArrayBuffer } {
  const memory = QueueTable.allocate(3);
  const table = new QueueTable(memory);
  for (let offset = from; offset < to; offset++) put(table, slot, offset);
  table.publishMax(slot, asQueueOffset(to));
  return { table, memory };
}

function put(table: QueueTable, slot: QueueSlot, offset: number): void {
  table.put(slot, asQueueOffset(offset), asLogOffset(offset * 1000), (offset % 5000) + 1, -offset);
}

/** The offsets of the entries that the tail gives, or the empty list. */
function tail(table: QueueTable, from: number, count: number): number[] {
  const into = Buffer.alloc(8 + QUEUE_TAIL_ENTRIES * QUEUE_ENTRY_BYTES);
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  const entries = table.readTail(SLOT, asQueueOffset(from), count, into, 8);
  return Array.from({ length: entries }, (_, i) => {
    const at = 8 + i * QUEUE_ENTRY_BYTES;
    const offset = entryLogOffset(view, at) / 1000;
    expect([entrySize(view, at), entryTagsCode(view, at)]).toEqual([(offset % 5000) + 1, BigInt(-offset)]);
    return offset;
  });
}

describe('a queue tail', () => {
  it('gives exactly the entries from `from` on that are published and stable, or none', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1000, 2 ** 31 - 100, 2 ** 40),
        fc.nat(300),
        fc.nat(300),
        fc.integer({ min: 0, max: QUEUE_TAIL_ENTRIES }),
        (base, length, back, count) => {
          const max = base + length;
          const from = max - back;
          const { table } = filled(SLOT, Math.max(base, max - QUEUE_TAIL_ENTRIES), max);
          const entries = from < base || back > STABLE_ENTRIES ? 0 : Math.min(count, back);
          expect(tail(table, from, count)).toEqual(Array.from({ length: entries }, (_, i) => from + i));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('shows nothing before it is published and nothing beyond the maximum', () => {
    const { table } = filled(SLOT, 0, 5);
    put(table, SLOT, 5);
    expect(tail(table, 0, 32)).toEqual([0, 1, 2, 3, 4]);
    expect(tail(table, 5, 32)).toEqual([]);
    expect(tail(table, 9, 32)).toEqual([]);
    table.publishMax(SLOT, asQueueOffset(6));
    expect(tail(table, 5, 32)).toEqual([5]);
  });

  it('is empty after a start, though the queue has a maximum', () => {
    const { table } = filled(SLOT, 0, 0);
    table.publishMax(SLOT, asQueueOffset(1000));
    expect(tail(table, 990, 32)).toEqual([]);
    put(table, SLOT, 1000);
    table.publishMax(SLOT, asQueueOffset(1001));
    expect(tail(table, 990, 32)).toEqual([]);
    expect(tail(table, 1000, 32)).toEqual([1000]);
  });

  it('is where entryPosition says, ready to be filed in pieces that do not wrap', () => {
    const { table } = filled(SLOT, 100, 200);
    const view = new DataView(table.bytes.buffer, table.bytes.byteOffset);
    for (let offset = 100; offset < 200; offset++) {
      expect(entryLogOffset(view, table.entryPosition(SLOT, asQueueOffset(offset)))).toBe(offset * 1000);
    }
    const position = (offset: number) => table.entryPosition(SLOT, asQueueOffset(offset));
    expect(position(127) - position(126)).toBe(QUEUE_ENTRY_BYTES);
    expect(position(128)).toBe(position(0));
  });

  it('has a row of bounds that the queues beside it do not touch', () => {
    const { memory } = filled(SLOT, 0, 40);
    const writer = new QueueTable(memory);
    writer.setMin(SLOT, asQueueOffset(2 ** 40));
    writer.setFiled(SLOT, asQueueOffset(32));
    expect([writer.nextGeneration(SLOT), writer.nextGeneration(SLOT)]).toEqual([1, 2]);
    const reader = new QueueTable(memory);
    expect([reader.min(SLOT), reader.filed(SLOT), reader.max(SLOT), reader.generation(SLOT)]).toEqual([
      2 ** 40,
      32,
      40,
      2,
    ]);
    for (const other of [asQueueSlot(0), asQueueSlot(1)]) {
      expect([reader.min(other), reader.filed(other), reader.max(other), reader.generation(other)]).toEqual([
        0, 0, 0, 0,
      ]);
    }
    expect(reader.slots).toBe(3);
  });
});
