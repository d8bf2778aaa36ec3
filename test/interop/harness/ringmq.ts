/** RingMQ's servers as child processes, started by the command line a user would type. */
import { writeFileSync } from 'node:fs';
import { Child } from '../../support/child.ts';
import { temporaryFolder } from '../../support/folders.ts';
import { repository } from '../../support/paths.ts';
import type { NameServer, Server } from './servers.ts';

const START_DEADLINE_MS = 20_000;
const MAIN = `${repository}dist/src/cli/main.js`;

export interface RingmqOptions {
  flush?: 'async' | 'sync';
  placement?: 'full' | 'compact' | 'inline';
  store?: string;
  namesrvPort?: number;
  brokerPort?: number;
  settings?: Record<string, string>;
  /** The command line's main.js; the compiled one when absent. */
  main?: string;
}

interface ReadyLine {
  ready: boolean;
  namesrv?: string;
  broker?: string;
}

/** NameServer and broker in one process. */
export async function startRingmqStandalone(options: RingmqOptions = {}): Promise<Server> {
  const store = options.store ?? `${temporaryFolder('ringmq')}/store`;
  const child = spawnRingmqStandalone({ ...options, store });
  const ready = await readyLine(child);
  return { namesrv: given(ready.namesrv), broker: given(ready.broker), store, child, stop: () => child.stop() };
}

/** Starts the process without waiting for anything. */
export function spawnRingmqStandalone(options: RingmqOptions & { store: string }): Child {
  const args = ['standalone', '--store', options.store, '--json'];
  args.push('--namesrv-port', String(options.namesrvPort ?? 0), '--broker-port', String(options.brokerPort ?? 0));
  args.push('--flush', options.flush ?? 'async', '--placement', options.placement ?? 'full');
  for (const [name, value] of Object.entries(options.settings ?? {})) args.push('--set', `${name}=${value}`);
  return start('ringmq standalone', args, options.main);
}

export async function startRingmqNameServer(port = 0): Promise<NameServer> {
  const child = start('ringmq namesrv', ['namesrv', '--port', String(port), '--json']);
  const ready = await readyLine(child);
  return { namesrv: given(ready.namesrv), child, stop: () => child.stop() };
}

export async function startRingmqBroker(
  options: RingmqOptions & { namesrv: string; brokerName?: string },
): Promise<Server> {
  const folder = temporaryFolder('ringmq-broker');
  const store = options.store ?? `${folder}/store`;
  // The file Apache's own broker would be given.
  const settings: Record<string, string> = {
    brokerClusterName: 'DefaultCluster',
    brokerName: options.brokerName ?? 'broker-a',
    brokerId: '0',
    brokerIP1: '127.0.0.1',
    listenPort: String(options.brokerPort ?? 0),
    storePathRootDir: store,
    flushDiskType: options.flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH',
    ...options.settings,
  };
  writeFileSync(
    `${folder}/broker.conf`,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const args = ['broker', '-c', `${folder}/broker.conf`, '--namesrv', options.namesrv, '--json'];
  const child = start('ringmq broker', args, options.main);
  const ready = await readyLine(child);
  return { namesrv: options.namesrv, broker: given(ready.broker), store, child, stop: () => child.stop() };
}

function start(name: string, args: string[], main = MAIN): Child {
  return new Child(name, process.execPath, [main, ...args]);
}

function readyLine(child: Child): Promise<ReadyLine> {
  return child.line('its ready line', START_DEADLINE_MS, (line) => {
    if (!line.startsWith('{')) return undefined;
    const parsed = JSON.parse(line) as ReadyLine;
    return parsed.ready ? parsed : undefined;
  });
}

function given(address: string | undefined): string {
  if (address === undefined) throw new Error('the ready line lacks an address');
  return address;
}
