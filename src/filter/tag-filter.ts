/**
 * Subscriptions by tag (spec/api.md 8.5). The broker matches hash codes, which the ConsumeQueue holds; the client then compares the
 * tags themselves. Called by control for heartbeats, by net for pulls with their own subscription, by the client.
 */
import { javaHashCode } from '../base/java-hash.ts';

export interface TagFilter {
  /** The expression as given; `*` for all. */
  readonly subString: string;
  readonly tags: ReadonlySet<string>;
  /** Hash code of each tag. */
  readonly codes: ReadonlySet<number>;
}

const ALL = '*';
const SEPARATOR = '||';

/**
 * Parses `TagA || TagB`, `*` or nothing (all). A tag `*` among others is a tag of that name.
 * @returns null for an expression of separators only, which upstream refuses.
 */
export function parseTagExpression(expression: string | null): TagFilter | null {
  if (expression === null || expression === '' || expression === ALL) {
    return { subString: ALL, tags: new Set(), codes: new Set() };
  }
  const parts = expression.split(SEPARATOR);
  if (parts.every((part) => part === '')) return null;
  const tags = new Set(parts.map(trim).filter((tag) => tag !== ''));
  return { subString: expression, tags, codes: new Set([...tags].map(javaHashCode)) };
}

/** Does a message with this tags code (0 without a tag) pass? The client may still drop it, when two tags have one code. */
export function tagsMatch(filter: TagFilter, tagsCode: number): boolean {
  return filter.subString === ALL || filter.codes.has(tagsCode);
}

/** Java's trim: everything up to and including the blank. */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start]! <= ' ') start++;
  while (start < end && text[end - 1]! <= ' ') end--;
  return text.slice(start, end);
}
