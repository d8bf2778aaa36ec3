/**
 * From assignments out of several places to checked settings: the later assignment wins, every value keeps its origin, all problems are
 * reported at once, and a name that is not understood is a warning with the nearest known one, or a problem where nobody but RingMQ
 * reads. Called once per start by embed/ and the command line.
 */
import { z } from 'zod/v3';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import type { Assignment } from './assignment.ts';
import { adviseBroker, BROKER_SCHEMA, checkBroker, completeBroker } from './broker-schema.ts';
import { ConfigurationError } from './configuration-error.ts';
import type { Kind } from './kinds.ts';
import { NAME_SERVER_SCHEMA, type NameServerOptions } from './name-server-schema.ts';
import { nearestName } from './nearest-name.ts';
import { isUpstreamName, ONLY_VALUE } from './upstream-names.ts';

export interface Resolved<Settings> {
  readonly settings: Settings;
  /** Where each setting that is not at its default comes from. */
  readonly origins: ReadonlyMap<string, string>;
  /** One line each: what was given but has no effect, or hardly the one that was meant. */
  readonly warnings: readonly string[];
}

export const BROKER_NAMES: readonly string[] = Object.keys(BROKER_SCHEMA);
export const NAME_SERVER_NAMES: readonly string[] = Object.keys(NAME_SERVER_SCHEMA);

/** Throws ConfigurationError. */
export function resolveBroker(assignments: readonly Assignment[]): Resolved<BrokerSettings> {
  const { settings, origins, warnings } = resolve(BROKER_SCHEMA, assignments);
  const problems = checkBroker(settings);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { settings: completeBroker(settings), origins, warnings: [...warnings, ...adviseBroker(settings)] };
}

/** Throws ConfigurationError. */
export function resolveNameServer(assignments: readonly Assignment[]): Resolved<NameServerOptions> {
  return resolve(NAME_SERVER_SCHEMA, assignments);
}

type Shape = Readonly<Record<string, Kind<unknown>>>;
type SettingsOf<Given extends Shape> = { -readonly [Name in keyof Given]: z.output<Given[Name]> };

function resolve<Given extends Shape>(shape: Given, assignments: readonly Assignment[]): Resolved<SettingsOf<Given>> {
  const chosen = new Map<string, Assignment>();
  const warnings: string[] = [];
  const problems: string[] = [];
  const last = new Map(assignments.map((assignment) => [assignment.name, assignment]));
  for (const [name, assignment] of last) {
    if (Object.hasOwn(shape, name)) chosen.set(name, assignment);
    else judgeStranger(assignment, Object.keys(shape), problems, warnings);
  }
  const given = Object.fromEntries([...chosen].map(([name, { value }]) => [name, value]));
  const parsed = z.object(shape).safeParse(given);
  if (!parsed.success) problems.push(...problemsOf(parsed.error, chosen));
  if (!parsed.success || problems.length > 0) throw new ConfigurationError(problems);
  return {
    settings: parsed.data as SettingsOf<Given>,
    origins: new Map([...chosen].map(([name, { origin }]) => [name, origin])),
    warnings,
  };
}

/** A name that is not among the settings is a problem, a warning, or one of those whose only value does no harm. */
function judgeStranger(
  { name, value, origin, isStrict }: Assignment,
  known: readonly string[],
  problems: string[],
  warnings: string[],
): void {
  const only = ONLY_VALUE.get(name);
  if (only !== undefined) {
    if (String(value).toLowerCase() === only.toLowerCase()) return;
    problems.push(`${name} = ${String(value)} (${origin}): not built yet, RingMQ knows only ${only || 'an empty one'}`);
  } else if (isUpstreamName(name)) {
    warnings.push(`${name} (${origin}) is a setting of Apache RocketMQ that RingMQ does not follow: ignored`);
  } else {
    const nearest = nearestName(name, known);
    const hint = nearest === null ? '' : `, is ${nearest} meant?`;
    if (isStrict === true) problems.push(`${name} (${origin}) is not a setting${hint}`);
    else warnings.push(`${name} (${origin}) is not a setting: ignored${hint}`);
  }
}

/** One line for each setting that is wrong, in the order of the schema. */
function problemsOf(error: z.ZodError, chosen: ReadonlyMap<string, Assignment>): string[] {
  const lines = new Map<string, string>();
  for (const { path, message } of error.issues) {
    const name = String(path[0]);
    const assignment = chosen.get(name);
    if (lines.has(name) || assignment === undefined) continue;
    lines.set(
      name,
      `${assignment.given ?? name} = ${JSON.stringify(assignment.value)} (${assignment.origin}): ${message}`,
    );
  }
  return [...lines.values()];
}
