import { describe, expect, it } from 'vitest';
import { HeaderError } from '../../src/remoting/command.ts';
import {
  optionalBoolean,
  optionalInt,
  optionalLong,
  optionalString,
  requiredInt,
  requiredLong,
  requiredString,
} from '../../src/remoting/header-reader.ts';

const withFields = (fields: Record<string, string>) => ({ extFields: new Map(Object.entries(fields)) });

describe('header reader', () => {
  it.each([
    ['0', 0],
    ['-0', 0],
    ['+7', 7],
    ['-2147483648', -2_147_483_648],
    ['2147483647', 2_147_483_647],
    ['007', 7],
  ])('reads %s as int32', (text, value) => {
    expect(requiredInt(withFields({ n: text }), 'n')).toBe(value);
  });

  it.each(['', ' 1', '1 ', '1.0', '1e3', '0x10', '2147483648', '-2147483649', 'NaN', '९', '--1', '-'])(
    'refuses %j as int32',
    (text) => {
      expect(() => requiredInt(withFields({ n: text }), 'n')).toThrow(HeaderError);
    },
  );

  it.each([
    ['1700000000000', 1_700_000_000_000],
    ['-1', -1],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9223372036854775807', Number.MAX_SAFE_INTEGER],
    ['-9223372036854775808', Number.MIN_SAFE_INTEGER],
  ])('reads %s as int64', (text, value) => {
    expect(requiredLong(withFields({ n: text }), 'n')).toBe(value);
  });

  it.each(['', '9223372036854775808', '-9223372036854775809', '1n', '9'.repeat(1000)])(
    'refuses %j as int64',
    (text) => {
      expect(() => requiredLong(withFields({ n: text }), 'n')).toThrow(HeaderError);
      expect(() => optionalLong(withFields({ n: text }), 'n', 0)).toThrow(HeaderError);
    },
  );

  it('knows absent from present', () => {
    expect(() => requiredString({ extFields: null }, 'topic')).toThrow('topic is missing');
    expect(requiredString(withFields({ topic: '' }), 'topic')).toBe('');
    expect(optionalString({ extFields: null }, 's')).toBeNull();
    expect(optionalInt(withFields({}), 'n', -1)).toBe(-1);
    expect(optionalLong(withFields({ n: '5' }), 'n', null)).toBe(5);
    expect(optionalBoolean(withFields({ b: 'TRUE' }), 'b', false)).toBe(true);
    expect(optionalBoolean(withFields({ b: 'yes' }), 'b', true)).toBe(false);
    expect(optionalBoolean(withFields({}), 'b', null)).toBeNull();
  });

  it('does not repeat a long value in its message', () => {
    expect(() => requiredInt(withFields({ n: 'x'.repeat(10_000) }), 'n')).toThrow(/^.{0,100}$/);
  });
});
