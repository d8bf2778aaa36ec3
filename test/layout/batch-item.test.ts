import { describe, expect, it } from 'vitest';
import { type BatchItem, BatchItemCursor, encodeBatch } from '../../src/layout/batch-item.ts';
import { encodeProperties, parsePropertiesAt } from '../../src/layout/message-properties.ts';
import { goldenJson } from '../support/golden.ts';

interface Row {
  readonly hex: string;
  readonly items: readonly { flag: number; bodyBase64: string; properties: Record<string, string> }[];
}

const { rows } = goldenJson<{ rows: Row[] }>('answers/batch-body.json');

function itemsOf(bytes: Buffer): (BatchItem & { named: object })[] {
  const cursor = new BatchItemCursor();
  const items = [];
  for (let at = 0; at < bytes.length; at = cursor.next) {
    expect(cursor.load(bytes, at, bytes.length)).toBe(true);
    items.push({
      flag: cursor.flag,
      body: bytes.subarray(cursor.bodyStart, cursor.bodyEnd),
      properties: bytes.subarray(cursor.propertiesStart, cursor.propertiesEnd),
      named: Object.fromEntries(parsePropertiesAt(bytes, cursor.propertiesStart, cursor.propertiesEnd)),
    });
  }
  return items;
}

describe('answers/batch-body', () => {
  it.each(rows)('reads and writes $hex', ({ hex, items }) => {
    const read = itemsOf(Buffer.from(hex, 'hex'));
    expect(
      read.map(({ flag, body, named }) => ({
        flag,
        bodyBase64: Buffer.from(body).toString('base64'),
        properties: named,
      })),
    ).toEqual(items);
    expect(Buffer.from(encodeBatch(read)).toString('hex')).toBe(hex);
  });
});

describe('BatchItemCursor', () => {
  const item = Buffer.from(
    encodeBatch([
      { flag: -1, body: Buffer.from('body'), properties: Buffer.from(encodeProperties(new Map([['a', 'b']]))) },
    ]),
  );

  it('stops at every damage to the lengths', () => {
    const cursor = new BatchItemCursor();
    expect(cursor.load(item, 0, item.length)).toBe(true);
    for (let end = 0; end < item.length; end++) expect(cursor.load(item, 0, end)).toBe(false);
    for (const at of [0, 3, 16, 19, 24, 25]) {
      for (const change of [1, 0x80]) {
        const damaged = Buffer.from(item);
        damaged[at]! ^= change;
        expect(cursor.load(damaged, 0, damaged.length), `byte ${at}`).toBe(false);
      }
    }
  });

  it('refuses to write properties that do not fit', () => {
    expect(() => encodeBatch([{ flag: 0, body: item, properties: new Uint8Array(32_768) }])).toThrow();
  });
});
