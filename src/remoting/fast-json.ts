/**
 * Bodies in upstream's dialect of JSON (spec/remoting.md 13). A placeholder by the NameServer's author with what registrations and routes need,
 * until the real one comes: bare integer keys are read and printed, object keys and integers beyond 2^53 are not.
 */

export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** What can be printed: a Map with number keys gets bare keys, a null or undefined member is left out. */
export type Printable =
  | JsonValue
  | undefined
  | readonly Printable[]
  | ReadonlyMap<string | number, Printable>
  | { readonly [name: string]: Printable };

export function parseFastJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    // Only a text that is not standard is touched: a string in it may look like a bare key.
    if (!/[{,]\s*-?\d+\s*:/.test(text)) throw error;
    return JSON.parse(text.replace(/([{,]\s*)(-?\d+)\s*:/g, '$1"$2":')) as JsonValue;
  }
}

/** Members sorted by name. */
export function printFastJson(value: Printable): string {
  if (Array.isArray(value)) return `[${value.map((item: Printable) => printFastJson(item)).join(',')}]`;
  if (value instanceof Map) return printMembers([...(value as ReadonlyMap<string | number, Printable>)]);
  if (typeof value === 'object' && value !== null) return printMembers(Object.entries(value));
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value ?? null);
}

function printMembers(members: [string | number, Printable][]): string {
  const printed = members
    .filter(([, value]) => value !== null && value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
    .map(([key, value]) => `${typeof key === 'number' ? key : JSON.stringify(key)}:${printFastJson(value)}`);
  return `{${printed.join(',')}}`;
}
