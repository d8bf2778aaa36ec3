/**
 * The kinds of values that settings have. Each takes the text of a file or flag as well as the typed value of a program, and has one
 * sentence that says what it must be. The two schemas are made of them.
 *
 * `zod/v3` on purpose: it ships inside zod 4 and loads in 12 ms, where `zod` loads all its locales in 55 (docs/decisions/0004).
 */
import { z } from 'zod/v3';

/** A value of the type `Value`, made of whatever was given. */
export type Kind<Value> = z.ZodType<Value, z.ZodTypeDef, unknown>;

/** In any case, as Java's parseBoolean reads it; what that takes for false without saying so is refused. */
export function flag(initial: boolean): Kind<boolean> {
  const must = 'must be true or false';
  const read = (value: unknown) => {
    const given = typeof value === 'string' ? value.toLowerCase() : value;
    return given === 'true' ? true : given === 'false' ? false : value;
  };
  return z.preprocess(read, z.boolean({ invalid_type_error: must })).default(initial);
}

/** A whole number from `min` to `max`, both included. */
export function count(
  initial: number,
  min: number,
  max: number,
  must = `must be a whole number from ${min} to ${max}`,
): Kind<number> {
  const read = (value: unknown) => (typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value);
  const number = z.number({ invalid_type_error: must }).int(must).min(min, must).max(max, must);
  return z.preprocess(read, number).default(initial);
}

export function text(initial: string, pattern = /^/, must = 'must be text'): Kind<string> {
  return z.string({ invalid_type_error: must }).regex(pattern, must).default(initial);
}

/** One of `values`, in any case; `aliases` are other words for some of them. */
export function choice<const Value extends string>(
  initial: Value,
  values: readonly Value[],
  aliases: Readonly<Record<string, Value>> = {},
): Kind<Value> {
  const must = `must be one of ${[...values, ...Object.keys(aliases)].join(', ')}`;
  const read = (value: unknown) => {
    if (typeof value !== 'string') return value;
    const given = value.toLowerCase();
    return values.find((one) => one.toLowerCase() === given) ?? aliases[given] ?? value;
  };
  const isOne = (value: unknown): value is Value => values.includes(value as Value);
  return z.preprocess(read, z.custom<Value>(isOne, must)).default(initial);
}
