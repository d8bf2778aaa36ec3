import { describe, expect, it } from 'vitest';
import { isTopicName, topicText } from '../../src/layout/topic-names.ts';

const isName = (topic: string | number[]): boolean => {
  const bytes = Buffer.from(topic as string);
  return isTopicName(Buffer.concat([Buffer.from('/'), bytes, Buffer.from('/')]), 1, 1 + bytes.length);
};

describe('the name of a topic in a file', () => {
  it.each(['T', '%RETRY%group+topic', 'my.cluster_REPLY_TOPIC', '...', '.T', 'ünï', 'x'.repeat(255)])(
    'may be %s',
    (topic) => {
      expect(isName(topic)).toBe(true);
    },
  );

  it.each<[what: string, topic: string | number[]]>([
    ['nothing', ''],
    ['longer than a topic can be', 'x'.repeat(256)],
    ['zero', '\0\0\0'],
    ['with a zero in it', 'Pla\0n'],
    ['the folder itself', '.'],
    ['the folder above', '..'],
    ['a path', '../config'],
    ['with what a terminal would act on', '\x1b[2J'],
    ['with a line end', 'T\n'],
    ['with a DEL', 'T\x7f'],
    ['no text', [0x54, 0xff]],
  ])('is not %s', (_what, topic) => {
    expect(isName(topic)).toBe(false);
  });

  it('is shown as it is, and quoted when it is none', () => {
    expect(topicText(Buffer.from('at T'), 3, 4)).toBe('T');
    expect(topicText(Buffer.from('at \x1b[2J'), 3, 7)).toBe('"\\u001b[2J"');
  });
});
