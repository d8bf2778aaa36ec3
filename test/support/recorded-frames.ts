/** Requests and answers recorded from Apache 5.3.3 (golden remoting/). */
import { goldenBytes, goldenJson } from './golden.ts';
import { jsonFrame } from './json-frames.ts';

export interface RecordedFrame {
  readonly file: string;
  /** Who sends it to whom: `client -> broker`. */
  readonly direction: string;
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

export interface RecordedExchange {
  readonly code: number;
  readonly name: string;
  readonly scenario: string;
  readonly atMs: number;
  readonly request: RecordedFrame;
  /** Null: the request was one way. */
  readonly response: RecordedFrame | null;
}

export type Mode = 'json' | 'rocketmq';

export const MODES: readonly Mode[] = ['json', 'rocketmq'];

export function recordedExchanges(mode: Mode): RecordedExchange[] {
  return goldenJson<{ exchanges: RecordedExchange[] }>(`remoting/${mode}/index.json`).exchanges;
}

export function recordedFrames(mode: Mode): RecordedFrame[] {
  return recordedExchanges(mode).flatMap(({ request, response }) =>
    response === null ? [request] : [request, response],
  );
}

export function recordedBytes(mode: Mode, frame: Pick<RecordedFrame, 'file'>): Buffer {
  return goldenBytes(`remoting/${mode}/${frame.file}`);
}

/** ExtFields as the index lists them, without the nulls that Java keeps for empty values in ROCKETMQ headers. */
export function presentFields(fields: RecordedFrame['extFields']): Record<string, string> {
  const present = Object.entries(fields ?? {}).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(present);
}

/** A send as the Go client writes it: members in the order of its struct, HTML-safe escapes, no serializeTypeCurrentRPC. */
export function goClientSend(): Buffer {
  const properties = String.raw`KEYS\u0001\u003ca\u003e\u0026\"b\"\\\/\b\f\n\r\t\u2028中😀\u00e9\u0002WAIT\u0001true\u0002`;
  return jsonFrame(
    `{"code":310,"language":"GO","version":317,"opaque":42,"flag":0,"remark":"","extFields":{"a":"生产者","b":"T_Go","c":"TBW102",` +
      `"d":"4","e":"3","f":"0","g":"1795405852843","h":"0","i":"${properties}","j":"0","k":"false","l":"0","m":"false","n":"broker-a"}}`,
  );
}
