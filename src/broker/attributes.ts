/**
 * Attributes of topics and groups: which exist, which values they take, and how a change list alters them (spec/api.md 3 and 15.1).
 * A change list has keys with a sign: `+key` sets, `-key` removes. Pure; called by the handlers of 17, 18, 200 and 225.
 */

export type Attributes = Readonly<Record<string, string>>;

/** A change list, or one entry of it, that cannot be applied: answered SYSTEM_ERROR, as upstream does. */
export class AttributeError extends Error {
  override readonly name = 'AttributeError';
}

interface AttributeRule {
  /** Whether it may be altered once the topic exists. */
  readonly changeable: boolean;
  accepts(value: string): boolean;
}

function oneOf(changeable: boolean, ...values: string[]): AttributeRule {
  return { changeable, accepts: (value) => values.includes(value) };
}

export type AttributeRules = ReadonlyMap<string, AttributeRule>;

export const TOPIC_ATTRIBUTES: AttributeRules = new Map([
  ['queue.type', oneOf(false, 'BatchCQ', 'SimpleCQ')],
  ['cleanup.policy', oneOf(false, 'DELETE', 'COMPACTION')],
  ['message.type', oneOf(true, 'UNSPECIFIED', 'NORMAL', 'FIFO', 'DELAY', 'TRANSACTION', 'MIXED')],
  ['reserve.time', { changeable: true, accepts: (value) => /^(-1|\d{1,18})$/.test(value) }],
]);

/** 5.3 knows none. */
export const GROUP_ATTRIBUTES: AttributeRules = new Map();

/** Reads the comma list of request 17: `+message.type=FIFO,-reserve.time`. */
export function parseChangeList(text: string): Attributes {
  const changes: [string, string][] = [];
  for (const item of text.split(',')) {
    if (item === '') continue;
    const equals = item.indexOf('=');
    const key = equals < 0 ? item : item.slice(0, equals);
    const value = equals < 0 ? '' : item.slice(equals + 1);
    if (key.startsWith('+') ? value === '' : equals >= 0) throw new AttributeError(`kv string format wrong: ${item}`);
    changes.push([key, value]);
  }
  return Object.fromEntries(changes);
}

/** The attributes after the change. `current` is null for something new, which can only be given attributes. */
export function alterAttributes(rules: AttributeRules, current: Attributes | null, changes: Attributes): Attributes {
  const altered = new Map(Object.entries(current ?? {}));
  const seen = new Set<string>();
  for (const [signedKey, value] of Object.entries(changes)) {
    const key = signedKey.slice(1);
    const isAddition = signedKey.startsWith('+');
    if (!isAddition && !signedKey.startsWith('-')) throw new AttributeError(`wrong format key: ${signedKey}`);
    if (seen.has(key)) throw new AttributeError(`alter duplication key. key: ${key}`);
    seen.add(key);
    const rule = rules.get(key);
    if (rule === undefined) throw new AttributeError(`unsupported key: ${key}`);
    if (current === null && !isAddition) throw new AttributeError(`a new one has nothing to remove. key: ${key}`);
    if (current !== null && !rule.changeable) throw new AttributeError(`unchangeable attribute. key: ${key}`);
    if (!isAddition) {
      altered.delete(key);
      continue;
    }
    if (!rule.accepts(value)) throw new AttributeError(`value is not allowed. key: ${key}, value: ${value}`);
    altered.set(key, value);
  }
  return Object.fromEntries(altered);
}
