/**
 * Where settings come from: each source is turned into a list of assignments that remember their origin, so that an error can say which
 * line of which place to change. Pure; used by the command line and by embed/.
 */
import { parseProperties } from '../remoting/properties-text.ts';
import { ConfigurationError } from './configuration-error.ts';
import { plainName, upstreamNameLike } from './upstream-names.ts';

export interface Assignment {
  readonly name: string;
  /** The word that was used for it, when that is not `name`: problems are told in the words of whoever made them. */
  readonly given?: string;
  /** Text from files, flags and the environment; typed values from a program. */
  readonly value: unknown;
  /** For people: `broker.conf`, `--set`, `RINGMQ_LISTEN_PORT`, `startBroker`. */
  readonly origin: string;
  /** Nobody but RingMQ reads this place, so a name that is none is refused. Files and the environment hold what others want to know. */
  readonly isStrict?: boolean;
}

const ENVIRONMENT_PREFIX = 'RINGMQ_';

/** `text` is Java properties text, as Apache's broker.conf is. */
export function assignmentsOfFile(text: string, path: string): Assignment[] {
  return [...parseProperties(text)].map(([name, value]) => ({ name, value: value.trim(), origin: path }));
}

/** `key=value` as `--set` takes it; `flag` is named in errors. Throws ConfigurationError. */
export function assignmentsOfFlags(pairs: readonly string[], flag: string): Assignment[] {
  const broken = pairs.filter((pair) => pair.indexOf('=') < 1);
  if (broken.length > 0) {
    throw new ConfigurationError(broken.map((pair) => `${flag} ${JSON.stringify(pair)}: must be key=value`));
  }
  return pairs.map((pair) => {
    const equals = pair.indexOf('=');
    const [name, value] = [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
    return { name, value, origin: `${flag} ${pair}`, isStrict: true };
  });
}

/**
 * RINGMQ_LISTEN_PORT, RINGMQ_LISTENPORT and RINGMQ_listenPort all mean `listenPort`. `names` are the settings there are; those of Apache's
 * that are not among them get Apache's spelling, so that they are refused or warned of as in a file. Any other variable is kept under its
 * own name, for the warning.
 */
export function assignmentsOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Assignment[] {
  const byPlainName = new Map(names.map((name) => [plainName(name), name]));
  const assignments: Assignment[] = [];
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || value === undefined) continue;
    const bare = variable.slice(ENVIRONMENT_PREFIX.length);
    const name = byPlainName.get(plainName(bare)) ?? upstreamNameLike(bare) ?? bare;
    assignments.push({ name, value: value.trim(), origin: variable });
  }
  return assignments;
}

/** Properties that are undefined say nothing. */
export function assignmentsOfObject(values: object, origin: string): Assignment[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ name, value, origin, isStrict: true }));
}
