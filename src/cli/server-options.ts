/** The options that all servers share, and how they and the other sources become assignments. Used by the sub-commands. */
import { type Command, Option } from 'commander';
import { type Assignment, assignmentsOfEnvironment, assignmentsOfFlags } from '../config/assignment.ts';
import { readConfigFile } from '../embed/config-file.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../observe/log.ts';

export interface ServerOptions {
  readonly config?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** Where settings come from: a file, single ones. */
export function addSettingsOptions(command: Command, fileName = 'broker.conf'): Command {
  return command
    .option('-c, --config <file>', `settings as a Java properties file, as Apache's ${fileName}`)
    .addOption(new Option('--set <key=value>', 'one setting; may be repeated').argParser(collect).default([], 'none'));
}

/** Adds the shared options to a sub-command. */
export function addServerOptions(command: Command, fileName: string): Command {
  return addSettingsOptions(command, fileName)
    .option('--json', 'print the ready line as JSON')
    .addOption(new Option('--log-level <level>', 'what is logged to stderr').choices(LOG_LEVELS).default('info'))
    .addOption(new Option('--log-format <format>', 'how it is logged').choices(LOG_FORMATS).default('text'));
}

/**
 * File, environment, flags: the later one wins. `flags` are the named ones (`--flush`), by setting; `names` are the settings there are.
 * Throws ConfigurationError.
 */
export function gather(
  options: Pick<ServerOptions, 'config' | 'set'>,
  flags: Readonly<Record<string, readonly [flag: string, value: string | undefined]>>,
  names: readonly string[],
): Assignment[] {
  const assignments = readConfigFile(options.config);
  assignments.push(...assignmentsOfEnvironment(process.env, names));
  for (const [name, [flag, value]] of Object.entries(flags)) {
    if (value !== undefined) assignments.push({ name, value, origin: flag });
  }
  assignments.push(...assignmentsOfFlags(options.set, '--set'));
  return assignments;
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
