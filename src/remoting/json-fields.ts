/**
 * Typed access to the members of a parsed body or settings document. A member of the wrong type is a HeaderError, which is answered
 * SYSTEM_ERROR; an absent or null one takes the default, as Java's reader leaves a field alone. Called by control and the NameServer.
 */
import { HeaderError } from './command.ts';
import { type JsonObject, type JsonValue, parseFastJson } from './fast-json.ts';

const utf8 = new TextDecoder();

/** The JSON object in a request's body, or null when there is no body. */
export function bodyObject(body: Uint8Array | null): JsonObject | null {
  return body === null ? null : parseObject(utf8.decode(body), 'the body');
}

/** As {@link bodyObject}, for requests that mean nothing without one. */
export function requiredBody(body: Uint8Array | null): JsonObject {
  const object = bodyObject(body);
  if (object === null) throw new HeaderError('the body is missing');
  return object;
}

/** `what` names the text in errors. */
export function parseObject(text: string, what: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseFastJson(text);
  } catch (cause) {
    throw new HeaderError(`${what} is not JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
  return asObject(value, what);
}

export function asObject(value: JsonValue | undefined, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new HeaderError(`${what} is no object`);
  return value;
}

export function numberMember(object: JsonObject, name: string, absent: number): number {
  const value = object[name];
  if (value === undefined || value === null) return absent;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'bigint') return Number(number);
  if (typeof number !== 'number' || !Number.isFinite(number)) throw new HeaderError(`the member ${name} is no number`);
  return number;
}

export function stringMember(object: JsonObject, name: string, absent: string): string {
  const value = object[name];
  if (value === undefined || value === null) return absent;
  if (typeof value !== 'string') throw new HeaderError(`the member ${name} is no string`);
  return value;
}

export function booleanMember(object: JsonObject, name: string, absent: boolean): boolean {
  const value = object[name];
  if (value === undefined || value === null) return absent;
  if (value === 'true' || value === 'false') return value === 'true';
  if (typeof value !== 'boolean') throw new HeaderError(`the member ${name} is neither true nor false`);
  return value;
}

/** An empty object when absent. */
export function objectMember(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return value === undefined || value === null ? {} : asObject(value, `the member ${name}`);
}

/** An empty list when absent. */
export function listMember(object: JsonObject, name: string): readonly JsonValue[] {
  const value = object[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new HeaderError(`the member ${name} is no list`);
  return value;
}

/** Members of an object whose values are all strings. */
export function stringMap(object: JsonObject, name: string): Record<string, string> {
  // fromEntries, because a member may be called __proto__.
  return Object.fromEntries(Object.entries(objectMember(object, name)).map(([key, value]) => [key, String(value)]));
}
