/** What a NameServer's thread and the thread that started it say to each other. Plain data. */
import type { NameServerOptions } from '../../config/name-server-schema.ts';
import type { NameServerStats } from '../../nameserver/nameserver.ts';

/** Given to the worker at its start. */
export interface NameServerWorkerData {
  readonly options: NameServerOptions;
}

export type ToNameServer = { readonly kind: 'stats' } | { readonly kind: 'close' };

export type FromNameServer =
  | { readonly kind: 'open'; readonly host: string; readonly port: number }
  /** It could not start; the thread ends. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'stats'; readonly stats: NameServerStats };
