/** A broker for a program or for the command line: checks the settings and starts its threads. Exported by index.ts. */
import { availableParallelism } from 'node:os';
import { addressText } from '../base/address-text.ts';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import { assignmentsOfObject } from '../config/assignment.ts';
import type { BrokerOptions } from '../config/broker-schema.ts';
import { type Resolved, resolveBroker } from '../config/resolve.ts';
import type { Log } from '../observe/log.ts';
import { quietLog } from '../observe/quiet-log.ts';
import { type BrokerStats, startBrokerNode } from '../threads/broker-node.ts';
import type { NodeFailure } from '../threads/node-events.ts';
import { readConfigFile } from './config-file.ts';
import { logSettings } from './log-settings.ts';

/** Settings by upstream's names; what is left out has its default (docs/operations.md). They win over `configFile`. */
export interface BrokerConfig extends Partial<BrokerOptions> {
  /** A broker.conf as Apache's broker reads it. */
  readonly configFile?: string;
  /** Takes the log lines. Without it warnings and errors go to stderr. */
  readonly log?: Log;
}

export interface BrokerHandle {
  readonly host: string;
  readonly port: number;
  /** `host:port` that it listens on. */
  readonly address: string;
  /** Figures out of the memory that the broker's threads share: nobody is asked, so it may be called often. */
  stats(): BrokerStats;
  /** Answers what was accepted, flushes, and ends the threads. */
  close(): Promise<void>;
  /** Resolves when it has ended: with null after {@link close}, else with what failed (the broker has stopped answering then). */
  readonly ended: Promise<NodeFailure | null>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Below so many cores one thread for sockets, append and dispatch is faster than three (docs/benchmarks.md). */
export const CORES_FOR_FULL = 4;

/**
 * Starts a broker. It serves from threads of its own, so it goes on while the program is busy (except in the placement `inline`). Rejects
 * when the port is taken, the store belongs to another process or cannot be read.
 *
 * @example
 * await using broker = await startBroker({ storePathRootDir: './store', listenPort: 0, flushDiskType: 'SYNC_FLUSH' });
 * console.log(broker.address, broker.stats().counters);
 *
 * @throws ConfigurationError with every setting that is wrong
 */
export async function startBroker(config: BrokerConfig = {}): Promise<BrokerHandle> {
  const { configFile, log = quietLog(), ...options } = config;
  const assignments = [...readConfigFile(configFile), ...assignmentsOfObject(options, 'startBroker')];
  return launchBroker(resolveBroker(assignments), log);
}

/** The same with settings that are checked already; `nameServers` takes the place of `namesrvAddr` (see NodeOptions). */
export async function launchBroker(
  resolved: Resolved<BrokerSettings>,
  log: Log,
  nameServers?: Promise<string>,
): Promise<BrokerHandle> {
  const { settings } = resolved;
  logSettings(log, 'main', resolved);
  const cores = availableParallelism();
  if (settings.placement === 'full' && cores < CORES_FOR_FULL) {
    log('info', 'main', `${cores} cores: the placement compact is usually faster here than full`);
  }
  const node = await startBrokerNode(settings, nameServers === undefined ? { log } : { log, nameServers });
  void node.ended.then((failure) => {
    if (failure !== null) log('error', failure.thread, failure.message);
  });
  const close = (): Promise<void> => node.close();
  return {
    host: node.host,
    port: node.port,
    address: addressText(node.host, node.port),
    stats: () => node.stats(),
    close,
    ended: node.ended,
    [Symbol.asyncDispose]: close,
  };
}
