/** The broker that is measured: RingMQ as a child process with a new store, or one that runs already. Called by bench.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after } from '../base/clock.ts';
import { BrokerClient, brokerAt } from './broker-client.ts';
import { listenerPid, makeFolder, removeFolder } from './files.ts';
import type { BenchSettings, FlushMode } from './options.ts';

export interface Subject {
  readonly name: string;
  readonly version: string;
  readonly flush: string | null;
  readonly placement: string | null;
  readonly address: string;
  /** Its process; null when that is not on this machine. */
  readonly pid: number | null;
  readonly client: BrokerClient;
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 20_000;
const TAIL_LINES = 20;

/** Starts RingMQ on free ports with an empty store. */
export async function startRingmq(settings: BenchSettings, flush: FlushMode): Promise<Subject> {
  const store = `${settings.store}/${flush}`;
  removeFolder(store);
  makeFolder(store);
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  const args = [main, 'standalone', '--store', store, '--namesrv-port', '0', '--broker-port', '0', '--json'];
  args.push('--flush', flush, '--placement', settings.placement);
  for (const setting of settings.brokerSettings) args.push('--set', setting);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const address = await readyAddress(child);
  const subject = await describe(address, child.pid ?? null, settings.label ?? 'RingMQ');
  return {
    ...subject,
    name: `${subject.name} ${flush}`,
    flush,
    placement: settings.placement,
    async stop() {
      subject.client.close();
      await endOf(child);
      if (!settings.keepStore) removeFolder(store);
    },
  };
}

/** The broker at the target or NameServer of the settings, which goes on running afterwards. */
export async function runningBroker(settings: BenchSettings): Promise<Subject> {
  const address = settings.target ?? (await brokerAt(settings.nameServer ?? ''));
  const subject = await describe(address, listenerPid(address), settings.label);
  return {
    ...subject,
    async stop() {
      subject.client.close();
    },
  };
}

async function describe(address: string, pid: number | null, label: string | null): Promise<Omit<Subject, 'stop'>> {
  const client = new BrokerClient(address);
  const info = await client.runtimeInfo();
  const settings = await client.settings();
  const placement = info?.['ringmq.placement'] ?? null;
  const flushDiskType = settings?.get('flushDiskType')?.trim();
  const flush = flushDiskType === undefined ? null : flushDiskType === 'SYNC_FLUSH' ? 'sync' : 'async';
  const version = info?.brokerVersionDesc ?? 'unknown version';
  const kind = placement === null ? 'Apache RocketMQ' : 'RingMQ';
  const name = label ?? (flush === null ? kind : `${kind} ${flush}`);
  return { name, version, flush, placement, address, pid, client };
}

/** The broker's address out of the line that says the servers are ready. */
function readyAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const errors: string[] = [];
    let text = '';
    const deadline = after(START_DEADLINE_MS, () => fail(`is not ready after ${START_DEADLINE_MS} ms`));
    const fail = (what: string): void => {
      deadline.stop();
      child.kill('SIGKILL');
      reject(new Error([`the RingMQ to be measured ${what}`, ...errors].join('\n')));
    };
    child.stderr?.on('data', (chunk: Buffer) => {
      errors.push(...chunk.toString().trimEnd().split('\n'));
      errors.splice(0, errors.length - TAIL_LINES);
    });
    child.on('error', (error) => fail(`cannot be started: ${error.message}`));
    child.on('exit', (code, signal) => fail(`ended at its start (${signal ?? `exit code ${code}`})`));
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (const line of text.split('\n').slice(0, -1)) {
        if (!line.startsWith('{')) continue;
        const ready = JSON.parse(line) as { ready?: boolean; broker?: string };
        if (ready.ready !== true || ready.broker === undefined) continue;
        deadline.stop();
        child.removeAllListeners('exit');
        resolve(ready.broker);
      }
      text = text.slice(text.lastIndexOf('\n') + 1);
    });
  });
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const deadline = after(STOP_DEADLINE_MS, () => child.kill('SIGKILL'));
  await ended;
  deadline.stop();
}
