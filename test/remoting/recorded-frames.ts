/** The recorded frames of Apache 5.3.3 (golden remoting/), as the tests of this folder want them. */
import { goldenBytes, goldenJson } from '../support/golden.ts';

export interface RecordedFrame {
  readonly file: string;
  readonly serializeType: string;
  readonly code: number;
  readonly flag: number;
  readonly opaque: number;
  readonly language: string;
  readonly version: number;
  readonly remark: string | null;
  readonly extFields: Readonly<Record<string, string | null>> | null;
  readonly frameLength: number;
  readonly headerLength: number;
  readonly bodyLength: number;
  readonly bodySha256: string;
  readonly bodyJson?: unknown;
}

interface Exchange {
  readonly request: RecordedFrame;
  readonly response: RecordedFrame | null;
}

export type Mode = 'json' | 'rocketmq';

export function recordedFrames(mode: Mode): RecordedFrame[] {
  const { exchanges } = goldenJson<{ exchanges: Exchange[] }>(`remoting/${mode}/index.json`);
  return exchanges.flatMap(({ request, response }) => (response === null ? [request] : [request, response]));
}

export function recordedBytes(mode: Mode, frame: RecordedFrame): Buffer {
  return goldenBytes(`remoting/${mode}/${frame.file}`);
}

/** ExtFields as the index lists them, without the nulls that Java keeps for empty values in ROCKETMQ headers. */
export function presentFields(fields: RecordedFrame['extFields']): Record<string, string> {
  const present = Object.entries(fields ?? {}).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(present);
}

/** A frame with this text as its JSON header and no body. */
export function jsonFrame(header: string): Buffer {
  const length = Buffer.byteLength(header);
  const frame = Buffer.alloc(8 + length);
  frame.writeInt32BE(4 + length, 0);
  frame.writeInt32BE(length, 4);
  frame.write(header, 8);
  return frame;
}

/** A send as the Go client writes it: members in the order of its struct, HTML-safe escapes, no serializeTypeCurrentRPC. */
export function goClientSend(): Buffer {
  const properties = String.raw`KEYS\u0001\u003ca\u003e\u0026\"b\"\\\/\b\f\n\r\t\u2028中😀\u00e9\u0002WAIT\u0001true\u0002`;
  return jsonFrame(
    `{"code":310,"language":"GO","version":317,"opaque":42,"flag":0,"remark":"","extFields":{"a":"生产者","b":"T_Go","c":"TBW102",` +
      `"d":"4","e":"3","f":"0","g":"1795405852843","h":"0","i":"${properties}","j":"0","k":"false","l":"0","m":"false","n":"broker-a"}}`,
  );
}
