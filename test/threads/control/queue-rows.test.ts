import { describe, expect, it } from 'vitest';
import { asQueueOffset, asQueueSlot } from '../../../src/base/units.ts';
import { QueueDirectory } from '../../../src/ring/queue-directory.ts';
import { QueueTable } from '../../../src/ring/queue-table.ts';
import { NO_ROW, QueueRows } from '../../../src/threads/control/queue-rows.ts';

function rowsFor(slots: number) {
  const directory = new QueueDirectory(QueueDirectory.allocate(slots));
  const table = new QueueTable(QueueTable.allocate(slots));
  return { directory, table, rows: new QueueRows(directory, table) };
}

const recovered = (topic: string, queueId: number, min: number, max: number) => ({
  topic,
  queueId,
  min: asQueueOffset(min),
  max: asQueueOffset(max),
  next: asQueueOffset(max),
  filedTo: -1,
});

describe('the rows of the queues', () => {
  it('hold what recovery has found', () => {
    const { rows, table } = rowsFor(8);
    rows.recover([recovered('T', 1, 3, 9), recovered('T', 0, 0, 4)]);
    const slot = rows.find('T', 1)!;
    expect([table.min(slot), table.max(slot), table.filed(slot)]).toEqual([3, 9, 9]);
    expect([rows.min('T', 1), rows.max('T', 1), rows.max('T', 7)]).toEqual([3, 9, 0]);
    expect(rows.areFiled()).toBe(true);
  });

  it('are given out once', () => {
    const { rows, directory } = rowsFor(8);
    expect(rows.create('T', 2)).toBe(rows.create('T', 2));
    expect(directory.count()).toBe(1);
  });

  it('come to an end', () => {
    const { rows } = rowsFor(1);
    rows.create('T', 0);
    expect(rows.create('T', 1)).toBe(NO_ROW);
    expect(() => rows.recover([recovered('T', 1, 0, 0)])).toThrow('more queues');
  });

  it('tell when an entry is in no file: such a store was not stopped cleanly', () => {
    const { rows, table } = rowsFor(8);
    rows.recover([recovered('T', 0, 0, 4), recovered('T', 1, 0, 4)]);
    table.publishMax(asQueueSlot(1), asQueueOffset(5));
    expect(rows.areFiled()).toBe(false);
    table.setFiled(asQueueSlot(1), asQueueOffset(5));
    expect(rows.areFiled()).toBe(true);
  });
});
