/** The sub-command `ringmq bench`: the flags of bench/options.ts in commander's terms, and the exit code. */
import { type Command, Option } from 'commander';
import { BenchUsageError, benchOptions, type RawBenchOptions } from '../bench/options.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { ExitCode } from './exit-code.ts';

export function addBenchOptions(command: Command): Command {
  for (const { flags, description, default: initial, repeatable } of benchOptions) {
    const option = new Option(flags, description);
    if (initial !== undefined) option.default(initial);
    if (repeatable === true) option.argParser((value: string, previous?: string[]) => [...(previous ?? []), value]);
    command.addOption(option);
  }
  return command;
}

/** A run that did not verify itself has failed, whatever its figures. */
export async function runBenchmark(options: RawBenchOptions): Promise<number> {
  const { runBench } = await import('../bench/bench.ts');
  const command = ['ringmq', ...process.argv.slice(2)].join(' ');
  try {
    const result = await runBench(options, { stdout: process.stdout, stderr: process.stderr, command });
    return result.ok ? ExitCode.ok : ExitCode.failed;
  } catch (error) {
    if (error instanceof BenchUsageError) throw new ConfigurationError([error.message]);
    throw error;
  }
}
