/**
 * What a request of control's is answered with, before it becomes a frame. Built by the request families, sent by the coordinator, which
 * adds the opaque and the serialization of the request.
 */
import { ResponseCode } from '../remoting/codes.ts';
import type { ExtFields } from '../remoting/command.ts';
import { printJson } from './print-json.ts';
import type { SettingsDocument } from './settings-document.ts';

export interface Answer {
  readonly code: number;
  readonly remark: string | null;
  readonly extFields: ExtFields | null;
  readonly body: Uint8Array | null;
}

export const SUCCESS: Answer = { code: ResponseCode.SUCCESS, remark: null, extFields: null, body: null };

/** A code other than success, with the reason for people to read. */
export function refusal(code: number, remark: string): Answer {
  return { code, remark, extFields: null, body: null };
}

export function withFields(fields: Readonly<Record<string, string | number | boolean>>): Answer {
  const extFields = new Map(Object.entries(fields).map(([name, value]) => [name, String(value)]));
  return { ...SUCCESS, extFields };
}

/** Success with a JSON body in upstream's dialect. */
export function withBody(value: object): Answer {
  return { ...SUCCESS, body: Buffer.from(printJson(value)) };
}

/** The answer to a change of a table: only what is on disk is promised. */
export function saved(document: SettingsDocument): Answer {
  if (document.save()) return SUCCESS;
  return refusal(ResponseCode.SYSTEM_ERROR, 'changed in memory, but the settings file could not be written');
}
