/** The broker that is measured: RingMQ as a child process with a new store, or one that runs already. Called by bench.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after, systemClock } from '../base/clock.ts';
import { BrokerClient } from './broker-client.ts';
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
  /** What it said at last, when it has ended by itself; null otherwise. */
  lastWords(): string | null;
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 20_000;
const TAIL_LINES = 20;
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Starts RingMQ on free ports with an empty store. */
export async function startRingmq(settings: BenchSettings, flush: FlushMode): Promise<Subject> {
  // A name of its own, so that nothing of anybody else is ever removed.
  const store = `${settings.store}/ringmq-bench-${systemClock.nowMs().toString(36)}-${flush}`;
  makeFolder(store);
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  const args = [main, 'standalone', '--store', store, '--namesrv-port', '0', '--broker-port', '0', '--json'];
  args.push('--flush', flush, '--placement', settings.placement);
  for (const setting of settings.brokerSettings) args.push('--set', setting);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const errors = lastLinesOf(child);
  const ended = endWith(child, () => {
    if (!settings.keepStore) removeFolder(store);
  });
  const lastWords = (): string | null => {
    const how = child.signalCode ?? child.exitCode;
    return how === null ? null : [`the RingMQ that was measured ended (${how})`, ...errors].join('\n');
  };
  const address = await readyAddress(child, errors);
  const subject = await describe(address, child.pid ?? null, settings.label ?? 'RingMQ').catch((error: Error) => {
    child.kill('SIGTERM');
    throw new Error(`the RingMQ that was started does not answer: ${error.message}`);
  });
  return {
    ...subject,
    name: `${subject.name} ${flush}`,
    flush,
    placement: settings.placement,
    lastWords,
    async stop() {
      subject.client.close();
      child.kill('SIGTERM');
      const deadline = after(STOP_DEADLINE_MS, () => child.kill('SIGKILL'));
      await ended;
      deadline.stop();
    },
  };
}

/** A broker that runs already, and goes on running afterwards. `label` is its name in the report, when it has no better. */
export async function runningBroker(address: string, label: string | null): Promise<Subject> {
  const subject = await describe(address, listenerPid(address), label);
  return {
    ...subject,
    lastWords: () => null,
    async stop() {
      subject.client.close();
    },
  };
}

async function describe(
  address: string,
  pid: number | null,
  label: string | null,
): Promise<Omit<Subject, 'stop' | 'lastWords'>> {
  const client = new BrokerClient(address);
  const info = await client.runtimeInfo();
  const settings = await client.settings();
  const placement = info?.['ringmq.placement'] ?? null;
  const flushDiskType = settings?.get('flushDiskType')?.trim();
  const flush = flushDiskType === undefined ? null : flushDiskType === 'SYNC_FLUSH' ? 'sync' : 'async';
  const version = info?.brokerVersionDesc ?? 'unknown version';
  const kind =
    placement !== null ? 'RingMQ' : info?.brokerVersionDesc === undefined ? `broker at ${address}` : 'Apache RocketMQ';
  const name = label ?? (flush === null ? kind : `${kind} ${flush}`);
  return { name, version, flush, placement, address, pid, client };
}

/** The broker's address out of the line that says the servers are ready. */
function readyAddress(child: ChildProcess, errors: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const deadline = after(START_DEADLINE_MS, () => fail(`is not ready after ${START_DEADLINE_MS} ms`));
    const fail = (what: string): void => {
      deadline.stop();
      child.kill('SIGKILL');
      reject(new Error([`the RingMQ to be measured ${what}`, ...errors].join('\n')));
    };
    child.on('error', (error) => fail(`cannot be started: ${error.message}`));
    // Not 'exit': the last lines of stderr come before this.
    child.once('close', (code, signal) => fail(`ended at its start (${signal ?? `exit code ${code}`})`));
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (const line of text.split('\n').slice(0, -1)) {
        if (!line.startsWith('{')) continue;
        const ready = JSON.parse(line) as { ready?: boolean; broker?: string };
        if (ready.ready !== true || ready.broker === undefined) continue;
        deadline.stop();
        resolve(ready.broker);
      }
      text = text.slice(text.lastIndexOf('\n') + 1);
    });
  });
}

/** The last lines on stderr, kept up to date. */
function lastLinesOf(child: ChildProcess): string[] {
  const lines: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => {
    lines.push(...chunk.toString().trimEnd().split('\n'));
    lines.splice(0, lines.length - TAIL_LINES);
  });
  return lines;
}

/** Resolves when the child has ended and `cleanUp` was called. A signal that ends the benchmark ends the child first. */
function endWith(child: ChildProcess, cleanUp: () => void): Promise<void> {
  return new Promise((resolve) => {
    let signal: NodeJS.Signals | null = null;
    const onSignal = (received: NodeJS.Signals): void => {
      signal = received;
      child.kill('SIGTERM');
    };
    for (const name of ENDING_SIGNALS) process.on(name, onSignal);
    child.once('close', () => {
      for (const name of ENDING_SIGNALS) process.off(name, onSignal);
      cleanUp();
      // Nobody is left to hear it, so it does what it would have done.
      if (signal !== null) process.kill(process.pid, signal);
      resolve();
    });
  });
}
