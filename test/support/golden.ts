/** Reads the bytes and answers of Apache RocketMQ 5.3.3 that test/golden holds (see its README). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../test/golden/', import.meta.url);

export function goldenPath(relative: string): string {
  return fileURLToPath(new URL(relative, root));
}

export function goldenBytes(relative: string): Buffer {
  return readFileSync(goldenPath(relative));
}

/** Parses an index file; an integer beyond 2^53 - 1, written `{"$long":"..."}` there, becomes a bigint. */
export function goldenJson<Shape>(relative: string): Shape {
  return JSON.parse(readFileSync(goldenPath(relative), 'utf8'), (_key, value: unknown) =>
    isLong(value) ? BigInt(value.$long) : value,
  ) as Shape;
}

function isLong(value: unknown): value is { $long: string } {
  return typeof value === 'object' && value !== null && typeof (value as { $long?: unknown }).$long === 'string';
}
