import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonObject, type JsonValue, parseFastJson, printFastJson } from '../../src/remoting/fast-json.ts';
import { decodeFrame } from '../../src/remoting/frame-codec.ts';
import { MODES, recordedBytes, recordedFrames } from '../support/recorded-frames.ts';

describe('recorded bodies', () => {
  const frames = MODES.flatMap((mode) =>
    recordedFrames(mode)
      .filter((frame) => frame.bodyJson !== undefined)
      .map((frame) => ({ frame, bytes: recordedBytes(mode, frame) })),
  );

  it('parse to what the recorder wrote down', () => {
    expect(frames.length).toBeGreaterThan(200);
    for (const { frame, bytes } of frames) {
      const text = Buffer.from(decodeFrame(bytes, 0, bytes.length).body!).toString();
      expect(parseFastJson(text), frame.file).toEqual(frame.bodyJson);
    }
  });

  it('print as they were, when maps are given as maps', () => {
    const stats = frames.find(({ frame }) => frame.file.startsWith('202-') && frame.code === 0)!;
    const text = Buffer.from(decodeFrame(stats.bytes, 0, stats.bytes.length).body!).toString();
    const parsed = parseFastJson(text) as { offsetTable: JsonObject };
    const offsetTable = new Map(
      Object.entries(parsed.offsetTable).map(([key, value]) => [parseFastJson(key) as JsonObject, value]),
    );
    expect(printFastJson({ ...parsed, offsetTable })).toBe(text);
  });
});

describe('printFastJson', () => {
  it('writes the dialect', () => {
    const queue = { topic: 't', brokerName: 'b', queueId: 0 };
    const value = {
      z: 1,
      a: null,
      gone: undefined,
      long: 2n ** 63n - 1n,
      addresses: new Map([
        [0, 'x'],
        [1, 'y'],
      ]),
      queues: new Map([[queue, new Set([queue])]]),
      bytes: Uint8Array.of(1, 2, 3),
      nan: Number.NaN,
      list: [null, true, 'é"\\\n\u007f\u2028'],
    };
    expect(printFastJson(value)).toBe(
      '{"addresses":{0:"x",1:"y"},"bytes":"AQID","list":[null,true,"é\\"\\\\\\n\\u007F\\u2028"],"long":9223372036854775807,"nan":null,' +
        '"queues":{{"brokerName":"b","queueId":0,"topic":"t"}:[{"brokerName":"b","queueId":0,"topic":"t"}]},"z":1}',
    );
  });
});

describe('parseFastJson', () => {
  it.each<[string, JsonValue]>([
    ['{0:"a",-1:"b"}', { 0: 'a', '-1': 'b' }],
    ['{{"b":1,"a":2}:3}', { '{"a":2,"b":1}': 3 }],
    ["{'a':'x\"y',b:[1,2,],}", { a: 'x"y', b: [1, 2] }],
    [' [ ] ', []],
    ['{"$ref":"$.x"}', { $ref: '$.x' }],
    ['9007199254740992', 9007199254740992n],
    ['-9223372036854775808', -(2n ** 63n)],
    ['[1.5,-0.25,1e3,0]', [1.5, -0.25, 1000, 0]],
    ['"\\u4e2d\\ud83d\\ude00\\/\\b"', '中😀/\b'],
    ['null', null],
  ])('reads %s', (text, value) => {
    expect(parseFastJson(text)).toEqual(value);
  });

  it('makes a member of any name', () => {
    const parsed = parseFastJson('{"__proto__":{"x":1}}') as object;
    expect(Object.keys(parsed)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
  });

  it.each([
    '',
    '{',
    '[',
    '{}{}',
    '{"a"}',
    '{"a":}',
    '{,}',
    '[,]',
    '"abc',
    '"\\u12"',
    '"\\q"',
    'tru',
    'x',
    '-',
    '{:1}',
    '\u0000',
    '['.repeat(100_000),
  ])('refuses %s', (text) => {
    expect(() => parseFastJson(text)).toThrow(SyntaxError);
  });

  it('reads all that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const standard = JSON.parse(text, (_, item: unknown) =>
          typeof item === 'number' &&
          Number.isInteger(item) &&
          !Number.isSafeInteger(item) &&
          !String(item).includes('e')
            ? BigInt(String(item))
            : item,
        ) as unknown;
        expect(parseFastJson(text)).toEqual(standard);
      }),
    );
  });

  it('throws nothing but SyntaxError', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      "'",
      '\\',
      'u00e9',
      'true',
      'null',
      '-',
      '1',
      '.5',
      'e9',
      'a',
      ' ',
      '$',
      'é',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces, { maxLength: 20 }).map((all) => all.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          try {
            parseFastJson(text);
          } catch (error) {
            expect(error).toBeInstanceOf(SyntaxError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
