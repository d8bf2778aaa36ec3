#!/usr/bin/env node
/**
 * The command line. What a sub-command needs is loaded when it is called, because the time to the first message counts (docs/operations.md):
 * only commander is loaded for all of them.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { PLACEMENTS } from '../broker/broker-settings.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { addBenchOptions, runBenchmark } from './bench.ts';
import { ExitCode } from './exit-code.ts';
import { addServerOptions, addSettingsOptions } from './server-options.ts';

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

const placement = new Option('--placement <placement>', 'which agents share a thread').choices(PLACEMENTS);
const flush = new Option('--flush <when>', 'answer before or after fdatasync').choices(['async', 'sync']);

addServerOptions(program.command('standalone'), 'broker.conf')
  .description('a NameServer and a broker in one process')
  .option('--store <dir>', 'folder of the store (default: ./ringmq-store)')
  .option('--namesrv-port <number>', 'port of the NameServer, 0 for a free one (default: 9876)')
  .option('--broker-port <number>', 'port of the broker, 0 for a free one (default: 10911)')
  .option('--host <address>', 'interface to listen on (default: 127.0.0.1)')
  .addOption(flush)
  .addOption(placement)
  .addHelpText(
    'after',
    `
Examples:
  ringmq standalone --store ./store
  ringmq standalone --store ./store --flush sync --placement compact
  ringmq standalone --store /data/mq --host 0.0.0.0 --set brokerIP1=mq.example.org --set autoCreateTopicEnable=false
  ringmq standalone --store /tmp/mq --namesrv-port 0 --broker-port 0 --json
The settings are those of Apache's broker.conf and namesrv.conf, and RingMQ's own (docs/operations.md). The environment gives them as well:
RINGMQ_FLUSH_DISK_TYPE=SYNC_FLUSH. Flags win over the environment, the environment over the file.`,
  )
  .action((options) => ends(import('./standalone.ts').then(({ runStandalone }) => runStandalone(options))));

addServerOptions(program.command('broker'), 'broker.conf')
  .description('a broker that registers at NameServers elsewhere')
  .option('--namesrv <addresses>', 'NameServers to register at: host:port;host:port')
  .option('--store <dir>', 'folder of the store (default: ~/store)')
  .option('--port <number>', 'port to listen on, 0 for a free one (default: 10911)')
  .option('--host <address>', 'interface to listen on (default: 127.0.0.1)')
  .addOption(flush)
  .addOption(placement)
  .addHelpText(
    'after',
    `
Examples:
  ringmq broker -c broker.conf --namesrv '10.0.0.1:9876;10.0.0.2:9876'
  ringmq broker --store /data/mq --host 0.0.0.0 --namesrv 127.0.0.1:9876 --set brokerName=broker-b`,
  )
  .action((options) => ends(import('./broker.ts').then(({ runBroker }) => runBroker(options))));

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

addBenchOptions(program.command('bench'))
  .description('measures a broker and checks that it lost nothing')
  .addHelpText(
    'after',
    `
Examples:
  ringmq bench                                         async and sync flush of RingMQ on this machine, about 90 s
  ringmq bench --quick --flush sync --placement compact
  ringmq bench --target 127.0.0.1:10911 --label Apache   the same load on another broker`,
  )
  .action((options) => ends(runBenchmark(options)));

const inspect = program
  .command('inspect')
  .argument('<path>', 'folder of a store, or any file of one')
  .argument('[what]', 'what of it, see the examples');
addSettingsOptions(inspect)
  .description('shows a store, a file of one, or a record; reads only, also beside a broker that runs')
  .option('--limit <number>', 'rows that are shown', '20')
  .option('--json', 'print it as JSON')
  .addHelpText(
    'after',
    `
Examples:
  ringmq inspect ./store                                     the log, the queues, the checkpoint
  ringmq inspect ./store 1048576                             the record at this offset of the log
  ringmq inspect ./store 7F00000100002A9F0000000000100000    the one that an offset message id names
  ringmq inspect ./store orders/3/42                         the one of a topic, a queue and an offset
  ringmq inspect ./store/commitlog/00000000000000000000 900  the records of a file, from an offset on
  ringmq inspect ./store/consumequeue/orders/3/00000000000000000000 42
  ringmq inspect ./store/index/20260101120000000 'orders#my-key'   the entries of a key; a number is that of an entry
  ringmq inspect ./store/config/topics.json
  ringmq inspect /data/mq --set storePathCommitLog=/log/mq
Exit codes: 0 shown, 1 there is nothing, 2 the command line cannot be used`,
  )
  .action((path, what, options) =>
    ends(import('./inspect.ts').then(({ runInspect }) => runInspect(path, what, options))),
  );

const verify = program.command('verify').argument('<store>', 'folder of the store');
addSettingsOptions(verify)
  .description('looks through a whole store: the log, queues, index, settings; reads only')
  .option('--json', 'print what was found as JSON')
  .addHelpText(
    'after',
    `
Examples:
  ringmq verify ./store
  ringmq verify ./store --json | jq .findings
  ringmq verify /data/mq --set storePathCommitLog=/log/mq
Beside a broker that runs it checks as far as the checkpoint vouches for. What each finding means: docs/operations.md.
Exit codes: 0 fine, 1 something is wrong that matters, 2 the command line cannot be used`,
  )
  .action((store, options) => ends(import('./verify.ts').then(({ runVerify }) => runVerify(store, options))));

const repair = program.command('repair').argument('<store>', 'folder of the store');
addSettingsOptions(repair)
  .description('puts a stopped store in order, from its log; says first what it would do, and asks')
  .option('--all', 'build all queues and the key index, not only what is damaged')
  .option('--cut-at <offset>', 'cut the log at this damaged place, with the good records behind it')
  .option('--yes', 'do it without a question')
  .option('--json', 'print what was done as JSON')
  .addHelpText(
    'after',
    `
Examples:
  ringmq repair ./store
  ringmq repair ./store --yes --json
  ringmq repair ./store --all --yes                    everything again from the log
  ringmq repair ./store --cut-at 1073741824
What is cut off the log or taken away is kept in the store, in cut-<time>. A good record is touched by --cut-at only.
Exit codes: 0 in order now, 1 not repaired or problems are left, 2 the command line cannot be used`,
  )
  .action((store, options) => ends(import('./repair.ts').then(({ runRepair }) => runRepair(store, options))));

const doctor = program.command('doctor').argument('[folder]', 'folder of the store (default: storePathRootDir)');
addSettingsOptions(doctor)
  .description('looks at disk, memory, clock and settings for what would endanger a broker')
  .option('--json', 'print what was found as JSON')
  .addHelpText(
    'after',
    `
Examples:
  ringmq doctor ./store
  ringmq doctor -c broker.conf --set flushDiskType=SYNC_FLUSH
Writes one file of up to 64 MiB to the folder, or to the nearest one above it that is there, and removes it again.
Exit codes: 0 nothing is bad, 1 something is, 2 the command line cannot be used`,
  )
  .action((folder, options) => ends(import('./doctor.ts').then(({ runDoctor }) => runDoctor(folder, options))));

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
