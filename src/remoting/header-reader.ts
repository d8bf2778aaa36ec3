/**
 * Typed access to extFields, with Java's rules for numbers and booleans (spec/remoting.md 4). Called by every request handler of the
 * general path. All functions throw {@link HeaderError} on what Java answers with SYSTEM_ERROR.
 */
import { HeaderError, type RemotingCommand } from './command.ts';

type WithFields = Pick<RemotingCommand, 'extFields'>;

export function requiredString(command: WithFields, name: string): string {
  const value = command.extFields?.get(name);
  if (value === undefined) throw new HeaderError(`the header field ${name} is missing`);
  return value;
}

export function optionalString(command: WithFields, name: string): string | null {
  return command.extFields?.get(name) ?? null;
}

export function requiredInt(command: WithFields, name: string): number {
  return parseInt32(requiredString(command, name), name);
}

export function optionalInt<Fallback>(command: WithFields, name: string, fallback: Fallback): number | Fallback {
  const value = command.extFields?.get(name);
  return value === undefined ? fallback : parseInt32(value, name);
}

/** An int64; beyond ±(2^53 - 1) it is clamped: offsets and times that far away are all the same to a broker. */
export function requiredLong(command: WithFields, name: string): number {
  return parseInt64(requiredString(command, name), name);
}

/** As {@link requiredLong}. */
export function optionalLong<Fallback>(command: WithFields, name: string, fallback: Fallback): number | Fallback {
  const value = command.extFields?.get(name);
  return value === undefined ? fallback : parseInt64(value, name);
}

/** True for `true` in any case, false for any other text. */
export function optionalBoolean<Fallback>(command: WithFields, name: string, fallback: Fallback): boolean | Fallback {
  const value = command.extFields?.get(name);
  return value === undefined ? fallback : value.toLowerCase() === 'true';
}

const DECIMAL = /^[+-]?\d+$/;
/** A 20-digit number may still be an int64 with leading zeros, but no client writes those. */
const INT64_TEXT_MAX = 20;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

function parseInt32(text: string, name: string): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if ((value | 0) !== value) throw new HeaderError(`the header field ${name} is no int32: ${quoted(text)}`);
  return value | 0;
}

function parseInt64(text: string, name: string): number {
  const value = DECIMAL.test(text) && text.length <= INT64_TEXT_MAX ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  if (Number.isNaN(value) || BigInt(text) < INT64_MIN || BigInt(text) > INT64_MAX) {
    throw new HeaderError(`the header field ${name} is no int64: ${quoted(text)}`);
  }
  return value < 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
}

/** Foreign text as it goes into a remark: never long. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
