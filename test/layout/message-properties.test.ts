import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeProperties,
  isSeparable,
  parseProperties,
  parsePropertiesAt,
  ScannedProperties,
  scanProperties,
} from '../../src/layout/message-properties.ts';
import { goldenBytes, goldenJson } from '../support/golden.ts';

interface Golden {
  readonly encode: readonly { map: Record<string, string | null>; string: string }[];
  readonly decode: readonly { string: string | null; map: Record<string, string> }[];
}

const { encode, decode } = goldenJson<Golden>('answers/properties.json');

describe('answers/properties', () => {
  it.each(encode)('encodes to $string', ({ map, string }) => {
    const present = Object.entries(map).filter((entry): entry is [string, string] => entry[1] !== null);
    expect(encodeProperties(new Map(present))).toBe(string);
  });

  it.each(decode)('decodes $string', ({ string, map }) => {
    expect(Object.fromEntries(parseProperties(string ?? ''))).toEqual(map);
  });
});

/** What the scanner ought to find, by the general reading. */
function expected(text: string): object {
  const properties = parseProperties(text);
  const isTrue = (name: string): boolean | undefined => {
    const value = properties.get(name);
    return value === undefined ? undefined : value.toLowerCase() === 'true';
  };
  const int = (name: string): number => {
    const value = properties.get(name);
    if (value === undefined) return 0;
    return /^-?\d{1,10}$/.test(value) && (Number(value) | 0) === Number(value) ? Number(value) + 0 : Number.NaN;
  };
  return {
    uniqKey: properties.get('UNIQ_KEY') ?? '',
    tags: properties.get('TAGS') ?? '',
    keys: properties.get('KEYS') ?? '',
    wait: isTrue('WAIT') ?? true,
    transaction: isTrue('TRAN_MSG') ?? false,
    delayLevel: int('DELAY'),
    timer: ['TIMER_DELIVER_MS', 'TIMER_DELAY_SEC', 'TIMER_DELAY_MS'].some((name) => properties.has(name)),
    popCheckPoint: properties.has('POP_CK'),
    innerCount: int('INNER_NUM'),
  };
}

const into = new ScannedProperties();

function scanned(text: string): object {
  const encoded = Buffer.from(text);
  const bytes = Buffer.concat([Buffer.from('TAGS\u0001before\u0002'), encoded, Buffer.from('TAGS\u0001behind\u0002')]);
  const start = 12;
  scanProperties(bytes, start, start + encoded.length, into);
  const { uniqKeyStart, uniqKeyEnd, tagsStart, tagsEnd, keysStart, keysEnd, ...rest } = into;
  return {
    ...rest,
    uniqKey: bytes.toString('utf8', uniqKeyStart, uniqKeyEnd),
    tags: bytes.toString('utf8', tagsStart, tagsEnd),
    keys: bytes.toString('utf8', keysStart, keysEnd),
  };
}

describe('scanProperties', () => {
  it.each(decode.map(({ string }) => string ?? ''))('reads %j as the parser does', (text) => {
    expect(scanned(text)).toEqual(expected(text));
  });

  it('reads the properties of recorded messages as the parser does', () => {
    const { records } = goldenJson<{ records: { propertiesRaw: string }[] }>('messages/index.json');
    expect(records.length).toBeGreaterThan(40);
    for (const { propertiesRaw } of records) expect(scanned(propertiesRaw)).toEqual(expected(propertiesRaw));
    expect(goldenBytes('messages/004-several-keys.bin').includes('KEYS')).toBe(true);
  });

  it('agrees with the parser on random properties', () => {
    const name = fc.constantFrom(
      'UNIQ_KEY',
      'TAGS',
      'KEYS',
      'WAIT',
      'TRAN_MSG',
      'DELAY',
      'POP_CK',
      'INNER_NUM',
      'TIMER_DELAY_MS',
      'TAGZ',
      'a',
      '',
    );
    const value = fc.oneof(
      fc.constantFrom('true', 'TRUE', 'false', '3', '-1', '', 'x\u0001y', '\u0000', '99999999999'),
      fc.string({ unit: 'binary', maxLength: 9 }),
    );
    const separator = fc.constantFrom('\u0001', '\u0001', '\u0001', '\u0002', '', '\u0000');
    const entry = fc
      .tuple(name, separator, value, fc.constantFrom('\u0002', '\u0002', ''))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), (entries) => {
        // Lone surrogates do not survive UTF-8.
        const text = Buffer.from(entries.join('')).toString();
        expect(scanned(text)).toEqual(expected(text));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('properties', () => {
  it('survive their encoding when they are separable', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string().filter(isSeparable), fc.string({ unit: 'grapheme' }).filter(isSeparable)),
        (object) => {
          const properties = new Map(Object.entries(object));
          const bytes = Buffer.from(encodeProperties(properties));
          expect(parsePropertiesAt(bytes, 0, bytes.length)).toEqual(properties);
        },
      ),
    );
    expect(isSeparable('a\u0001')).toBe(false);
    expect(isSeparable('a\u0002')).toBe(false);
    expect(isSeparable('')).toBe(false);
  });
});
