/** A NameServer and a broker that is registered there, in one process: all that a client needs. Exported by index.ts. */
import { addressText } from '../base/address-text.ts';
import { type Assignment, assignmentsOfObject } from '../config/assignment.ts';
import type { BrokerOptions } from '../config/broker-schema.ts';
import type { NameServerOptions } from '../config/name-server-schema.ts';
import { type ResolvedStandalone, resolveStandalone } from '../config/standalone.ts';
import type { Log } from '../observe/log.ts';
import { quietLog } from '../observe/quiet-log.ts';
import { reasonOf } from '../threads/node-events.ts';
import { readConfigFile } from './config-file.ts';
import { type BrokerHandle, launchBroker } from './start-broker.ts';
import type { NameServerHandle, NameServerPlace } from './start-name-server.ts';

/** The settings of both by upstream's names, with short names for what is always chosen. They win over `configFile`. */
export interface StandaloneConfig
  extends Partial<Omit<BrokerOptions, 'storePathRootDir' | 'bindAddress' | 'listenPort'>>,
    Partial<Omit<NameServerOptions, 'bindAddress' | 'listenPort'>> {
  /** Folder of the store; made when it is not there. It has no default, so that no program writes where it has not chosen to. */
  readonly storePath: string;
  /** Interface that both listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** The broker's port, 0 for a free one. Default: 10911. */
  readonly port?: number;
  /** The NameServer's port. Default: 9876, or a free one when `port` is 0. */
  readonly namesrvPort?: number;
  /** A broker.conf as Apache's broker reads it; the NameServer's settings may stand there too. */
  readonly configFile?: string;
  /** Takes the log lines. Without it warnings and errors go to stderr. */
  readonly log?: Log;
}

export interface StandaloneHandle {
  /** What clients are told as their NameServer: `host:port`. */
  readonly namesrvAddr: string;
  readonly broker: BrokerHandle;
  readonly nameServer: NameServerHandle;
  /** The broker's figures. */
  stats(): ReturnType<BrokerHandle['stats']>;
  /** Stops the broker, then the NameServer. */
  close(): Promise<void>;
  /** Resolves when either has ended: with null after {@link close}, else with the reason. */
  readonly ended: Promise<string | null>;
  [Symbol.asyncDispose](): Promise<void>;
}

const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ['storePath', 'storePathRootDir'],
  ['host', 'bindAddress'],
  ['port', 'listenPort'],
]);

/** Nothing can be stored there, so it is refused like any other wrong value when nobody has named a folder. */
const NO_STORE: Assignment = { name: 'storePathRootDir', given: 'storePath', value: '', origin: 'not given' };

/**
 * Starts both, in threads of their own: they go on while the program is busy.
 *
 * @example
 * await using ringmq = await startStandalone({ storePath: './store', port: 0 });
 * // any RocketMQ client: producer.setNamesrvAddr(ringmq.namesrvAddr)
 *
 * @throws ConfigurationError with every setting that is wrong
 */
export async function startStandalone(config: StandaloneConfig): Promise<StandaloneHandle> {
  const { configFile, log = quietLog(), ...options } = config;
  const assignments = [NO_STORE];
  if (options.port === 0) assignments.push({ name: 'namesrvPort', value: 0, origin: 'port is 0' });
  assignments.push(...readConfigFile(configFile));
  assignments.push(...assignmentsOfObject(options, 'startStandalone').map(withLongName));
  const resolved = resolveStandalone(assignments);
  return launchStandalone(resolved, log, resolved.broker.settings.placement === 'inline' ? 'caller' : 'own');
}

function withLongName(assignment: Assignment): Assignment {
  const name = SHORT_NAMES.get(assignment.name);
  return name === undefined ? assignment : { ...assignment, name, given: assignment.name };
}

/** The same with settings that are checked already. */
export async function launchStandalone(
  { broker, nameServer }: ResolvedStandalone,
  log: Log,
  place: NameServerPlace,
): Promise<StandaloneHandle> {
  const { storePathRootDir, namesrvAddr: others } = broker.settings;
  const kvConfigPath = nameServer.settings.kvConfigPath || `${storePathRootDir}/namesrv/kvConfig.json`;
  // The broker's threads begin to load their modules before this one loads the NameServer's: that is the shortest start.
  const routing = Promise.resolve().then(async () => {
    const { launchNameServer } = await import('./start-name-server.ts');
    return launchNameServer({ ...nameServer, settings: { ...nameServer.settings, kvConfigPath } }, log, place);
  });
  const addresses = routing.then(({ host, port }) => {
    const own = reachable(host, port);
    return others === '' ? own : `${own};${others}`;
  });
  // Whoever asks for them hears of a failure; a broker that fails first does not ask.
  addresses.catch(() => {});
  const [node, routes] = await Promise.allSettled([launchBroker(broker, log, addresses), routing]);
  if (node.status === 'rejected' || routes.status === 'rejected') {
    if (node.status === 'fulfilled') await node.value.close();
    if (routes.status === 'fulfilled') await routes.value.close();
    // Without a NameServer the broker does not start either; then that is the reason.
    throw routes.status === 'rejected' ? routes.reason : (node as PromiseRejectedResult).reason;
  }
  return handleOf(node.value, routes.value);
}

function handleOf(broker: BrokerHandle, nameServer: NameServerHandle): StandaloneHandle {
  const close = async (): Promise<void> => {
    try {
      await broker.close();
    } finally {
      await nameServer.close();
    }
  };
  return {
    namesrvAddr: reachable(nameServer.host, nameServer.port),
    broker,
    nameServer,
    stats: () => broker.stats(),
    close,
    ended: Promise.race([broker.ended.then((failure) => failure && reasonOf(failure)), nameServer.ended]),
    [Symbol.asyncDispose]: close,
  };
}

/** Where this machine reaches something that may listen on all of its interfaces. */
function reachable(host: string, port: number): string {
  return addressText(host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host, port);
}
