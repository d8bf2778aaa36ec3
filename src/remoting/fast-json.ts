/**
 * Bodies and settings files in fastjson's dialect of JSON (spec/remoting.md 13): maps may have bare integers and whole objects as keys,
 * int64 keeps all its digits. Called by control, the NameServer and clients; json-fields has typed access to what is parsed. Headers
 * are standard JSON (json-header).
 */
import { FastJsonParser, type ParsedJson, type ParsedJsonObject } from './fast-json-parser.ts';

/** What parsing yields. */
export type JsonValue = ParsedJson;
export type JsonObject = ParsedJsonObject;

/** What can be printed. A key of a Map is written bare when it is an integer, or an object such as a MessageQueue. */
export type Printable =
  | JsonValue
  | undefined
  | Uint8Array
  | readonly Printable[]
  | ReadonlySet<Printable>
  | ReadonlyMap<PrintableKey, Printable>
  | PrintableObject;
export type PrintableKey = string | number | bigint | PrintableObject;
export interface PrintableObject {
  readonly [name: string]: Printable;
}

/**
 * Parses one value. A bare key becomes its text, an object key its compact JSON with sorted members; `$ref` objects stay as they are.
 * @throws SyntaxError as JSON.parse does.
 */
export function parseFastJson(text: string): JsonValue {
  return new FastJsonParser(text, printObject).parse();
}

/** Members of objects are sorted, entries of maps stay in their order; both leave out null and undefined. Bytes become Base64. */
export function printFastJson(value: Printable): string {
  if (typeof value === 'string') return printText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (value === undefined || value === null) return 'null';
  if (typeof value !== 'object') return String(value);
  if (value instanceof Uint8Array) return printText(Buffer.from(value).toString('base64'));
  if (value instanceof Map) return printMap(value as ReadonlyMap<PrintableKey, Printable>);
  if (value instanceof Set || Array.isArray(value)) {
    return `[${Array.from(value as Iterable<Printable>, printFastJson).join(',')}]`;
  }
  return printObject(value as PrintableObject);
}

function printObject(object: PrintableObject): string {
  const members = Object.keys(object)
    .filter((name) => isPresent(object[name]))
    .sort()
    .map((name) => `${printText(name)}:${printFastJson(object[name])}`);
  return `{${members.join(',')}}`;
}

function printMap(map: ReadonlyMap<PrintableKey, Printable>): string {
  const entries = [...map]
    .filter(([, value]) => isPresent(value))
    .map(([key, value]) => `${printFastJson(key)}:${printFastJson(value)}`);
  return `{${entries.join(',')}}`;
}

function isPresent(value: Printable): boolean {
  return value !== undefined && value !== null;
}

/** What fastjson escapes beside JSON's own: DEL and the C1 controls, and two line ends that JavaScript once stumbled over. */
const UNUSUAL = /[\u007f-\u009f\u2028\u2029]/g;

function printText(text: string): string {
  return JSON.stringify(text).replace(
    UNUSUAL,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
}
