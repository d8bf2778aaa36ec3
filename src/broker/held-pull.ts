/** A pull that is answered later: it waits for messages, for control, for the disk or for its own connection. Lives on its net thread. */
import type { PullHeader } from '../remoting/pull-header.ts';
import type { ReplyPort } from './reply-port.ts';

export interface HeldPull {
  /** A copy, because the frame's memory is used again. */
  readonly header: PullHeader;
  readonly reply: ReplyPort;
  /** Monotonic; what its own timeout counts from. */
  readonly arrivedMs: number;
  /** It has not got as far as the store yet: it may still be parked, and commit its offset if its flags say so. */
  readonly isFirst: boolean;
}
