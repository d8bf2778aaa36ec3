import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { asQueueSlot } from '../../src/base/units.ts';
import { QueueDirectory } from '../../src/ring/queue-directory.ts';

describe('a queue directory', () => {
  it('gives rows in order, and another thread reads them in any order', () => {
    const memory = QueueDirectory.allocate(4);
    const control = new QueueDirectory(memory);
    const longest = `%RETRY%${'é'.repeat(124)}`;
    expect(Buffer.byteLength(longest)).toBe(255);
    const rows = [
      { topic: 'orders', queueId: 0 },
      { topic: 'orders', queueId: 4095 },
      { topic: longest, queueId: 2 ** 31 - 1 },
    ];
    for (const [slot, { topic, queueId }] of rows.entries()) expect(control.add(topic, queueId)).toBe(slot);
    const reader = new QueueDirectory(memory);
    expect(reader.count()).toBe(3);
    for (const slot of [2, 0, 1]) expect(reader.entry(asQueueSlot(slot))).toEqual(rows[slot]);
    expect(reader.isFull).toBe(false);
    control.add('last', 1);
    expect(reader.entry(asQueueSlot(3))).toEqual({ topic: 'last', queueId: 1 });
    expect([reader.isFull, reader.entry(asQueueSlot(3))]).toEqual([true, reader.entry(asQueueSlot(3))]);
  });

  it('refuses what it has no room for and rows that nobody gave out', () => {
    const directory = new QueueDirectory(QueueDirectory.allocate(1));
    expect(() => directory.entry(asQueueSlot(0))).toThrow(InvariantError);
    expect(() => directory.add('t'.repeat(256), 0)).toThrow(InvariantError);
    expect(directory.count()).toBe(0);
    directory.add('t', 0);
    expect(() => directory.add('u', 0)).toThrow(InvariantError);
  });
});
