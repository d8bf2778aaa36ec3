/** What the request families of the NameServer share. */
import type { Clock } from '../base/clock.ts';
import type { KvConfig } from './kv-config.ts';
import type { RouteTable } from './route-table.ts';
import type { NameServerSettings } from './settings.ts';

/** The connection that a request came on. */
export interface Caller {
  readonly id: number;
  /** The host that the caller has dialled, as far as this machine can see. */
  readonly localAddress: string;
  readonly remoteAddress: string;
}

export interface HandlerContext {
  readonly routes: RouteTable;
  readonly kv: KvConfig;
  /** Changed by 318. */
  readonly settings: NameServerSettings;
  readonly clock: Clock;
  readonly startedMs: number;
  readonly log: (line: string) => void;
}
