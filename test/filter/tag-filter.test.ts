import { describe, expect, it } from 'vitest';
import { javaHashCode } from '../../src/base/java-hash.ts';
import { parseTagExpression, tagsMatch } from '../../src/filter/tag-filter.ts';
import { goldenJson } from '../support/golden.ts';

interface Row {
  readonly expression: string | null;
  readonly subString?: string;
  readonly tagsSet?: readonly string[];
  readonly codeSet?: readonly number[];
  readonly matchesTag?: Readonly<Record<string, boolean>>;
  readonly error?: string;
}

const { rows } = goldenJson<{ rows: Row[] }>('answers/tag-filter.json');

describe('answers/tag-filter', () => {
  it.each(rows)('$expression', ({ expression, subString, tagsSet, codeSet, matchesTag, error }) => {
    const filter = parseTagExpression(expression);
    if (error !== undefined) {
      expect(filter).toBeNull();
      return;
    }
    expect(filter!.subString).toBe(subString);
    expect([...filter!.tags].sort()).toEqual([...tagsSet!].sort());
    expect([...filter!.codes].sort()).toEqual([...codeSet!].sort());
    for (const [tag, matches] of Object.entries(matchesTag!)) {
      expect(tagsMatch(filter!, javaHashCode(tag)), tag).toBe(matches);
    }
  });
});
