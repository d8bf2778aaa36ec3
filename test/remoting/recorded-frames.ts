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
