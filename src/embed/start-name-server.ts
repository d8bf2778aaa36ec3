/**
 * A NameServer for a program or for the command line: checks the settings and starts it on the caller's event loop. Exported by index.ts.
 */

import { assignmentsOfObject } from '../config/assignment.ts';
import type { NameServerOptions } from '../config/name-server-schema.ts';
import { type Resolved, resolveNameServer } from '../config/resolve.ts';
import { startNameServer as listenAsNameServer, type NameServerStats } from '../nameserver/nameserver.ts';
import type { Log } from '../observe/log.ts';
import { quietLog } from '../observe/quiet-log.ts';
import { addressOf } from './address.ts';

/** Settings by upstream's names; what is left out has its default (docs/operations.md). */
export interface NameServerConfig extends Partial<NameServerOptions> {
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
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a NameServer on the caller's event loop: it is light, but it answers only while that loop is free.
 *
 * @example
 * await using nameServer = await startNameServer({ listenPort: 0 });
 * console.log(nameServer.address); // 127.0.0.1:40123
 *
 * @throws ConfigurationError with every setting that is wrong
 */
export async function startNameServer(config: NameServerConfig = {}): Promise<NameServerHandle> {
  const { log = quietLog(), ...options } = config;
  return launchNameServer(resolveNameServer(assignmentsOfObject(options, 'startNameServer')), log);
}

/** The same with settings that are checked already. Rejects when the port is taken or the file of key-value settings is broken. */
export async function launchNameServer(resolved: Resolved<NameServerOptions>, log: Log): Promise<NameServerHandle> {
  for (const warning of resolved.warnings) log('warn', 'namesrv', warning);
  const { bindAddress, listenPort, scanNotActiveBrokerInterval, kvConfigPath, ...settings } = resolved.settings;
  const running = await listenAsNameServer({
    host: bindAddress,
    port: listenPort,
    scanMs: scanNotActiveBrokerInterval,
    settings,
    log: (line) => log('info', 'namesrv', line),
  });
  const { host, port } = running.address;
  const close = () => running.close();
  return {
    host,
    port,
    address: addressOf(host, port),
    stats: async () => running.stats(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
