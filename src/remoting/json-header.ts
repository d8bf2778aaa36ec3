/**
 * The JSON header, default of every official client (spec/remoting.md 2): one object, members in any order, unknown ones ignored.
 * Called by frame-codec only.
 */
import { SERIALIZE_JSON } from '../layout/remoting-frame.ts';
import { type ExtFields, FrameError, type RemotingCommand } from './command.ts';

/** Reads the header in `bytes[start, end)`. */
export function readJsonHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  body: Uint8Array | null,
): RemotingCommand {
  const header = parseObject(bytes, start, end);
  return {
    code: intOf(header, 'code'),
    language: textOf(header, 'language') ?? 'JAVA',
    version: intOf(header, 'version'),
    opaque: intOf(header, 'opaque'),
    flag: intOf(header, 'flag'),
    remark: textOf(header, 'remark'),
    extFields: extFieldsOf(header.extFields),
    body,
    serializeType: SERIALIZE_JSON,
  };
}

/** The header's bytes, members in upstream's order. */
export function jsonHeader(command: RemotingCommand): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      code: command.code,
      extFields: command.extFields === null ? undefined : Object.fromEntries(command.extFields),
      flag: command.flag,
      language: command.language,
      opaque: command.opaque,
      remark: command.remark ?? undefined,
      serializeTypeCurrentRPC: 'JSON',
      version: command.version,
    }),
  );
}

type JsonObject = Readonly<Record<string, unknown>>;

function parseObject(bytes: Uint8Array, start: number, end: number): JsonObject {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FrameError(`header is no JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) throw new FrameError('header is no JSON object');
  return value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An int32, also one in quotes, as fastjson reads it; 0 when absent. */
function intOf(header: JsonObject, name: string): number {
  const value = header[name];
  if (value === undefined || value === null) return 0;
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number !== 'number' || (number | 0) !== number) throw new FrameError(`header member ${name} is no int32`);
  // `-0` is 0.
  return number | 0;
}

function textOf(header: JsonObject, name: string): string | null {
  const value = header[name];
  if (value === undefined || value === null) return null;
  return asText(value, name);
}

function extFieldsOf(value: unknown): ExtFields | null {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) throw new FrameError('header member extFields is no object');
  const fields: ExtFields = new Map();
  for (const name of Object.keys(value)) {
    const field = value[name];
    if (field !== null) fields.set(name, asText(field, name));
  }
  return fields;
}

/** Some clients send numbers and booleans without quotes (spec/remoting.md 2). */
function asText(value: unknown, name: string): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      throw new FrameError(`header member ${name} is no text`);
  }
}
