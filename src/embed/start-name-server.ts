/**
 * A NameServer for a program or for the command line: checks the settings and starts it, on the caller's event loop or in a thread of its
 * own. Exported by index.ts.
 */
import { addressText } from '../base/address-text.ts';
import { assignmentsOfObject } from '../config/assignment.ts';
import type { NameServerOptions } from '../config/name-server-schema.ts';
import { type Resolved, resolveNameServer } from '../config/resolve.ts';
import type { NameServerStats } from '../nameserver/nameserver.ts';
import type { Log } from '../observe/log.ts';
import { quietLog } from '../observe/quiet-log.ts';
import { startNameServerThread } from '../threads/nameserver/nameserver-thread.ts';
import { openNameServer } from '../threads/nameserver/open-name-server.ts';
import { readConfigFile } from './config-file.ts';
import { logSettings } from './log-settings.ts';

/** `own` keeps answering while the program is busy; `caller` is 40 ms sooner there and needs no memory of its own. */
export type NameServerPlace = 'own' | 'caller';

/** Settings by upstream's names; what is left out has its default (docs/operations.md). They win over `configFile`. */
export interface NameServerConfig extends Partial<NameServerOptions> {
  /** A namesrv.conf as Apache's NameServer reads it. */
  readonly configFile?: string;
  /** Which thread serves. Default: `own`. */
  readonly thread?: NameServerPlace;
  /** Takes the log lines. Without it warnings and errors go to stderr. */
  readonly log?: Log;
}

export interface NameServerHandle {
  readonly host: string;
  readonly port: number;
  /** `host:port`, as clients and brokers take it. */
  readonly address: string;
  stats(): Promise<NameServerStats>;
  /** Drops all connections and frees the port. */
  close(): Promise<void>;
  /** Resolves when it has ended: with null after {@link close}, else with the reason. */
  readonly ended: Promise<string | null>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a NameServer. Rejects when the port is taken or the file of key-value settings is broken.
 *
 * @example
 * await using nameServer = await startNameServer({ listenPort: 0 });
 * console.log(nameServer.address); // 127.0.0.1:40123
 *
 * @throws ConfigurationError with every setting that is wrong
 */
export async function startNameServer(config: NameServerConfig = {}): Promise<NameServerHandle> {
  const { configFile, log = quietLog(), thread = 'own', ...options } = config;
  const assignments = [...readConfigFile(configFile), ...assignmentsOfObject(options, 'startNameServer')];
  return launchNameServer(resolveNameServer(assignments), log, thread);
}

/** The same with settings that are checked already. */
export async function launchNameServer(
  resolved: Resolved<NameServerOptions>,
  log: Log,
  place: NameServerPlace,
): Promise<NameServerHandle> {
  const { settings } = resolved;
  logSettings(log, 'namesrv', resolved);
  const say = (line: string): void => log('info', 'namesrv', line);
  const running = place === 'own' ? await startNameServerThread(settings, say) : await openHere(settings, say);
  void running.ended.then((reason) => {
    if (reason !== null) log('error', 'namesrv', reason);
  });
  const close = (): Promise<void> => running.close();
  return { ...running, address: addressText(running.host, running.port), close, [Symbol.asyncDispose]: close };
}

async function openHere(options: NameServerOptions, say: (line: string) => void) {
  const nameServer = await openNameServer(options, say);
  let closed = (): void => {};
  return {
    ...nameServer.address,
    stats: async () => nameServer.stats(),
    ended: new Promise<null>((resolve) => {
      closed = () => resolve(null);
    }),
    async close() {
      await nameServer.close();
      closed();
    },
  };
}
