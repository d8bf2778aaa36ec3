/** A request that a net thread does not carry out: the response code and the reason for people to read. */
import { ResponseCode } from '../remoting/codes.ts';
import type { ExtFields } from '../remoting/command.ts';
import { encodeFrame, isOneWay, responseTo } from '../remoting/frame-codec.ts';
import type { ScannedHeader } from '../remoting/scanned-header.ts';
import type { ReplyPort } from './reply-port.ts';

export interface Refusal {
  readonly code: number;
  readonly remark: string;
}

export function refuse(
  request: Pick<ScannedHeader, 'opaque' | 'serializeType' | 'flag'>,
  { code, remark }: Refusal,
  reply: ReplyPort,
  extFields: ExtFields | null = null,
): void {
  if (isOneWay(request.flag)) return;
  reply.frame(encodeFrame(responseTo(request, code, remark, extFields)));
}

/** What is not there yet says so, instead of half of it being done. */
export function notBuilt(what: string): Refusal {
  return { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark: `${what} are not built yet in RingMQ` };
}
