/**
 * A request or response as an object: what the general path decodes to and encodes from. Used by everything but sends and pulls, which
 * have scanners and templates of their own. Also the two errors of this folder.
 */
import type { SerializeType } from '../layout/remoting-frame.ts';

/** The header's own fields of a request code; absent and null are the same (spec/remoting.md 4). */
export type ExtFields = Map<string, string>;

export interface RemotingCommand {
  /** Request code, or response code when {@link FrameFlag.response} is set. */
  code: number;
  /** Upstream's name of the sender's language, `OTHER` when the wire byte is unknown. */
  language: string;
  version: number;
  /** The requester's correlation id. */
  opaque: number;
  flag: number;
  remark: string | null;
  extFields: ExtFields | null;
  /** Null when the frame has none. A view of the frame: copy it to keep it. */
  body: Uint8Array | null;
  serializeType: SerializeType;
}

/** Bits of `flag` (spec/remoting.md 5). */
export const FrameFlag = { response: 1, oneWay: 2 } as const;

/** Bytes that are no frame. Java closes the connection then, without an answer, and so does this project. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** A well-formed frame whose header fields are missing or no numbers: answered SYSTEM_ERROR, and the connection goes on (spec/api.md 25). */
export class HeaderError extends Error {
  override readonly name = 'HeaderError';
}
