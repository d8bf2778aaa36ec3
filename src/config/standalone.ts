/**
 * One list of settings for a NameServer and a broker that start together: `namesrvPort` is the NameServer's port, `bindAddress` holds for
 * both, and every other name belongs to the one that knows it. Called by embed/ and the command line.
 */
import type { BrokerSettings } from '../broker/broker-settings.ts';
import type { Assignment } from './assignment.ts';
import { ConfigurationError } from './configuration-error.ts';
import type { NameServerOptions } from './name-server-schema.ts';
import { BROKER_NAMES, NAME_SERVER_NAMES, type Resolved, resolveBroker, resolveNameServer } from './resolve.ts';

const NAME_SERVER_PORT = 'namesrvPort';

/** Names that only the NameServer has. */
const NAME_SERVER_ONLY: ReadonlySet<string> = new Set(NAME_SERVER_NAMES.filter((name) => !BROKER_NAMES.includes(name)));

export const STANDALONE_NAMES: readonly string[] = [...BROKER_NAMES, ...NAME_SERVER_ONLY, NAME_SERVER_PORT];

export interface ResolvedStandalone {
  readonly broker: Resolved<BrokerSettings>;
  readonly nameServer: Resolved<NameServerOptions>;
}

/** Throws ConfigurationError with the problems of both. */
export function resolveStandalone(assignments: readonly Assignment[]): ResolvedStandalone {
  const forBroker: Assignment[] = [];
  const forNameServer: Assignment[] = [];
  for (const assignment of assignments) {
    if (assignment.name === NAME_SERVER_PORT) {
      forNameServer.push({ ...assignment, name: 'listenPort', given: NAME_SERVER_PORT });
    } else if (NAME_SERVER_ONLY.has(assignment.name)) forNameServer.push(assignment);
    else forBroker.push(assignment);
  }
  // The broker says what is wrong with the interface, for both.
  const problems: string[] = [];
  const broker = attempt(problems, () => resolveBroker(forBroker));
  const bindAddress = lastOf('bindAddress', forBroker);
  if (broker !== null && bindAddress !== undefined) forNameServer.push(bindAddress);
  const nameServer = attempt(problems, () => resolveNameServer(forNameServer));
  if (broker === null || nameServer === null) throw new ConfigurationError(problems);
  const { listenPort } = broker.settings;
  if (listenPort !== 0 && listenPort === nameServer.settings.listenPort) {
    const given = lastOf('listenPort', forBroker)?.given ?? 'listenPort';
    throw new ConfigurationError([`${given} = ${listenPort}: ${NAME_SERVER_PORT} is the same, each needs its own`]);
  }
  return { broker, nameServer };
}

function lastOf(name: string, assignments: readonly Assignment[]): Assignment | undefined {
  return assignments.findLast((assignment) => assignment.name === name);
}

function attempt<Result>(problems: string[], resolve: () => Result): Result | null {
  try {
    return resolve();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems.push(...error.problems);
    return null;
  }
}
