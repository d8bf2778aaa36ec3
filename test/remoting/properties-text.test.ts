import { expect, test } from 'vitest';
import { parseProperties, printProperties } from '../../src/remoting/properties-text.ts';

test('lines, comments, separators, continuations and escapes', () => {
  const text = [
    '# a comment',
    '! another',
    '',
    'plain=1',
    '  spaced  =  two words ',
    'colon: 3',
    'space 4',
    'empty=',
    'alone',
    'long=one,\\',
    '    two',
    'path=C:\\\\data',
    'tab=a\\tb\\u00fc',
    'equals=a=b',
    'plain=last wins',
  ].join('\r\n');
  expect(Object.fromEntries(parseProperties(text))).toEqual({
    plain: 'last wins',
    spaced: 'two words ',
    colon: '3',
    space: '4',
    empty: '',
    alone: '',
    long: 'one,two',
    path: 'C:\\data',
    tab: 'a\tbü',
    equals: 'a=b',
  });
});

test('what is printed is read back, sorted by name', () => {
  const properties = new Map([
    ['b', 'C:\\x\nnext'],
    ['a', 'true'],
    ['c', '  = # two'],
  ]);
  const text = printProperties(properties);
  expect(text).toBe('a=true\nb=C:\\\\x\\nnext\nc=\\  = # two\n');
  expect(parseProperties(text)).toEqual(properties);
});
