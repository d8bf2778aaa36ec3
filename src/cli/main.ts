#!/usr/bin/env node
/**
 * The command line. What a sub-command needs is loaded when it is called, because the time to the first message counts (docs/operations.md):
 * only commander is loaded for all of them.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { ConfigurationError } from '../config/configuration-error.ts';
import { ExitCode } from './exit-code.ts';
import { addServerOptions } from './server-options.ts';

const program = new Command('ringmq')
  .description('A message broker that speaks the protocol of Apache RocketMQ')
  .version(version())
  .exitOverride()
  .showHelpAfterError('(ringmq --help shows how it is used)')
  .addHelpText(
    'after',
    `
Examples:
  ringmq standalone --store ./store                    a NameServer and a broker in one process
  ringmq bench --quick                                 a benchmark of this machine
Exit codes: 0 done, 1 failed, 2 the command line or a setting cannot be used`,
  );

let exitCode: number = ExitCode.ok;
const ends = async (run: Promise<number>): Promise<void> => {
  exitCode = await run;
};

addServerOptions(program.command('namesrv'), 'namesrv.conf')
  .description('a NameServer')
  .option('--port <number>', 'port to listen on, 0 for a free one (default: 9876)')
  .option('--host <address>', 'interface to listen on (default: 127.0.0.1)')
  .option('--kv-file <file>', 'keep the key-value settings in this file')
  .addHelpText(
    'after',
    '\nExamples:\n  ringmq namesrv --port 9876 --host 0.0.0.0\n  ringmq namesrv -c namesrv.conf --json',
  )
  .action((options) => ends(import('./namesrv.ts').then(({ runNameServer }) => runNameServer(options))));

// A reader that went away (`ringmq ... | head -1`) is no reason to stop serving.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  exitCode = explain(error);
}
process.exit(exitCode);

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** One clear message for whoever typed the command; the exit code. */
function explain(error: unknown): number {
  // Commander has printed its own already; `--help` and `--version` come here with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  const message = error instanceof Error ? error.message : String(error);
  // The address is at the end of Node's text: `listen EADDRINUSE: address already in use 127.0.0.1:9876`.
  const taken = /EADDRINUSE.* (\S+)$/.exec(message);
  process.stderr.write(`ringmq: ${taken === null ? message : `${taken[1]} is in use by another program`}\n`);
  return error instanceof ConfigurationError ? ExitCode.usage : ExitCode.failed;
}
