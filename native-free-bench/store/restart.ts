/**
 * `npm run bench:restart -- [--gb N] [--queues Q] [--rounds R] [--kills K] [--store DIR] [--apache] ...`: how long a broker with a large store takes
 * from the start of its process to the ready line, after a clean stop and after kill -9 under load. A new store comes first, because it
 * shows what of that has nothing to do with the store. A start counts only when it has found the log's end where the load had got to, or,
 * of Apache's broker, where RingMQ has left it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { sampleProcess } from '../../src/bench/process-meter.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import { DEFAULT_STORE_SIZES } from '../../src/store/store-sizes.ts';
import { spawnApacheBroker, startApacheNameServer } from '../../test/interop/harness/apache.ts';
import { prepareJava } from '../../test/interop/harness/artifacts.ts';
import { repository } from '../../test/support/paths.ts';
import { freePorts } from '../../test/support/ports.ts';
import { request } from '../../test/support/probe.ts';
import { printMachine, printTable } from '../micro.ts';
import { makeStore } from './make-store.ts';

const { values } = parseArgs({
  options: {
    gb: { type: 'string', default: '10' },
    queues: { type: 'string', default: '1024' },
    body: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '5' },
    kills: { type: 'string', default: '3' },
    topics: { type: 'string', default: '1' },
    placements: { type: 'string', default: 'compact,full' },
    store: { type: 'string' },
    apache: { type: 'boolean', default: false },
    main: { type: 'string' },
  },
});

const MAIN = values.main ?? `${repository}dist/src/cli/main.js`;
const LOAD = ['--in-flight', '1024', '--rate', '1000', '--duration', '60', '--warm-up', '0', '--topics', values.topics];
/** When the broker has written so much the load has arrived: it makes its topics first. */
const UNDER_LOAD_BYTES = 50e6;
/** Under load: as long as some rounds of dispatch take, and a part of one more. */
const LOAD_MS = [3100, 4300, 3700, 4900, 3400];
const APACHE_DEADLINE_MS = 60_000;
const FOUND = /log (\d+) to (\d+), looked through from (\d+), (\d+) queues, to be filed from (\d+)/;

interface Start {
  readonly process: ChildProcess;
  readonly broker: string;
  readonly readyMs: number;
  /** Of all its threads up to then. */
  readonly cpuMs: number;
  readonly found: {
    readonly logEnd: number;
    readonly walkedBytes: number;
    readonly filedBytes: number;
    readonly queues: number;
  };
}

/** Ended with this program, also when it fails. */
const running = new Set<ChildProcess>();
const placements = values.placements.split(',');
const temporary = mkdtempSync(join(tmpdir(), 'ringmq-bench-restart-'));
const store = values.store ?? join(temporary, 'store');
try {
  printMachine();
  await prepare();
  const rows: string[][] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const placement of placements) {
      rows.push(await stopped(placement, 'new store', join(temporary, `new-${placement}-${round}`)));
      rows.push(await stopped(placement, 'clean stop', store));
    }
  }
  for (let round = 0; round < Number(values.kills); round++) {
    for (const placement of placements) rows.push(await killed(placement, LOAD_MS[round % LOAD_MS.length]!));
  }
  if (values.apache) rows.push(...(await apacheRows(Number(values.rounds))));
  rows.sort((a, b) => `${a[0]} ${a[1]}`.localeCompare(`${b[0]} ${b[1]}`));
  printTable(rows, ['after', 'placement', 'ready ms', 'CPU ms', 'log GB', 'queues', 'walked MB', 'filed MB']);
} finally {
  for (const child of running) child.kill('SIGKILL');
  rmSync(temporary, { recursive: true, force: true });
}

/** A store whose queues, index and checkpoint are those of a broker that was stopped in order. */
async function prepare(): Promise<void> {
  if (existsSync(store)) return;
  const sizes = { bodyBytes: Number(values.body), sizes: DEFAULT_STORE_SIZES };
  const { records } = makeStore({
    root: store,
    queues: Number(values.queues),
    logBytes: Number(values.gb) * 1e9,
    ...sizes,
  });
  console.log(`${records} records`);
  await stop(await start('compact', store));
}

async function stopped(placement: string, what: string, folder: string): Promise<string[]> {
  const started = await start(placement, folder);
  await stop(started);
  return rowOf(what, placement, started);
}

async function killed(placement: string, loadMs: number): Promise<string[]> {
  const victim = await start(placement, store);
  const load = spawn(process.execPath, [MAIN, 'bench', '--target', victim.broker, ...LOAD], { stdio: 'ignore' });
  while (writtenBytes(victim.process) < UNDER_LOAD_BYTES) await sleep(20);
  await sleep(loadMs);
  victim.process.kill('SIGKILL');
  load.kill('SIGKILL');
  await Promise.all([exitOf(victim.process), exitOf(load)]);
  const started = await start(placement, store);
  if (started.found.logEnd <= victim.found.logEnd) throw new Error('the load did not get there');
  await stop(started);
  return rowOf('kill -9', placement, started);
}

/**
 * Apache's broker on the same store, up to its `boot success`, with a heap of 2 GB and its defaults. Its first start, which builds what it
 * keeps beside RingMQ's files, does not count; its kills are of an idle broker.
 */
async function apacheRows(rounds: number): Promise<string[][]> {
  const last = await start('compact', store);
  const { logEnd } = last.found;
  await stop(last);
  prepareJava(['server-5.3.3']);
  const nameServer = await startApacheNameServer();
  const port = (await freePorts(4)) + 2;
  const options = { namesrv: nameServer.namesrv, store, port, jvm: ['-Xms2g', '-Xmx2g'], settings: {} };
  const timed = async (after: string, endsWith: NodeJS.Signals): Promise<string[]> => {
    const startUs = systemClock.monotonicUs();
    const child = spawnApacheBroker(options);
    await child.line('boot success', APACHE_DEADLINE_MS, (line) => line.includes('boot success'));
    const ms = (systemClock.monotonicUs() - startUs) / 1000;
    const found = await logEndOfApache(`127.0.0.1:${port}`);
    if (found !== logEnd) throw new Error(`for Apache's broker the log ends at ${found}, for RingMQ at ${logEnd}`);
    await child.stop(endsWith, APACHE_DEADLINE_MS);
    return [after, 'Apache', ms.toFixed(0), '', (found / 1e9).toFixed(1), '', '', ''];
  };
  const rows: string[][] = [];
  await timed('the start that does not count', 'SIGTERM');
  for (let round = 0; round < rounds; round++) {
    rows.push(await timed('clean stop', 'SIGKILL'));
    rows.push(await timed('kill -9', 'SIGTERM'));
  }
  await nameServer.stop();
  return rows;
}

/** Where the log ends, as Apache's broker tells its slaves: its runtime information has errors for an answer in the first ten seconds. */
async function logEndOfApache(address: string): Promise<number> {
  const { body } = await request(address, RequestCode.GET_BROKER_HA_STATUS, {});
  return (JSON.parse(body.toString()) as { masterCommitLogMaxOffset: number }).masterCommitLogMaxOffset;
}

/** By all calls, to files and sockets. */
function writtenBytes({ pid }: ChildProcess): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))![1]);
}

function rowOf(what: string, placement: string, { readyMs, cpuMs, found }: Start): string[] {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  return [
    what,
    placement,
    readyMs.toFixed(0),
    cpuMs.toFixed(0),
    (found.logEnd / 1e9).toFixed(1),
    String(found.queues),
    megabytes(found.walkedBytes),
    megabytes(found.filedBytes),
  ];
}

async function start(placement: string, folder: string): Promise<Start> {
  const args = ['standalone', '--json', '--store', folder, '--namesrv-port', '0', '--broker-port', '0'];
  const startUs = systemClock.monotonicUs();
  const child = spawn(process.execPath, [MAIN, ...args, '--placement', placement], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    child.once('exit', () => reject(new Error(`the broker has not started: ${errors}`)));
  });
  const readyMs = (systemClock.monotonicUs() - startUs) / 1000;
  const cpuMs = sampleProcess(child.pid!).cpuUs / 1000;
  // What it has found is said on the other stream.
  while (!FOUND.test(errors)) await sleep(5);
  const [logEnd, walkedFrom, queues, filedFrom] = FOUND.exec(errors)!.slice(2).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const found = { logEnd, walkedBytes: logEnd - walkedFrom, filedBytes: logEnd - filedFrom, queues };
  return { process: child, broker: (JSON.parse(line) as { broker: string }).broker, readyMs, cpuMs, found };
}

async function stop({ process: child }: Start): Promise<void> {
  child.kill('SIGTERM');
  const code = await exitOf(child);
  if (code !== 0) throw new Error(`a broker has ended with ${code}`);
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
  return child.exitCode;
}
