/** Apache RocketMQ 5.3.3's NameServer and broker as child processes on loopback, and its mqadmin. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Child } from '../../support/child.ts';
import { temporaryFolder } from '../../support/folders.ts';
import { freePorts } from '../../support/ports.ts';
import { request, routeOf } from '../../support/probe.ts';
import { waitFor } from '../../support/wait.ts';
import { classPath } from './artifacts.ts';
import type { NameServer, Server } from './servers.ts';

const START_DEADLINE_MS = 60_000;

export interface ApacheBrokerOptions {
  namesrv: string;
  flushDiskType?: 'ASYNC_FLUSH' | 'SYNC_FLUSH';
  brokerName?: string;
  /** Kept over a restart; a new temporary folder when absent. */
  store?: string;
  port?: number;
  /** Java options, e.g. the heap; small by default. */
  jvm?: string[];
  /** The rest of broker.conf; files a test machine can hold when absent, Apache's defaults when empty. */
  settings?: Record<string, string>;
}

const SMALL: Record<string, string> = {
  mappedFileSizeCommitLog: String(64 * 1024 * 1024),
  mappedFileSizeConsumeQueue: '120000',
  timerWheelEnable: 'false',
  // With more threads the first commits of a new group can lose one another (README.md).
  consumerManageThreadPoolNums: '1',
};

export async function startApacheNameServer(port?: number): Promise<NameServer> {
  const home = temporaryFolder('apache-namesrv');
  const listenPort = port ?? (await freePorts());
  writeSettings(`${home}/namesrv.conf`, { listenPort: String(listenPort), bindAddress: '127.0.0.1' });
  const child = startJava(
    'Apache NameServer',
    home,
    ['-Xms64m', '-Xmx256m'],
    ['org.apache.rocketmq.namesrv.NamesrvStartup', '-c', `${home}/namesrv.conf`],
  );
  await child.line('boot success', START_DEADLINE_MS, (line) => line.includes('boot success'));
  return { namesrv: `127.0.0.1:${listenPort}`, child, stop: () => child.stop() };
}

export async function startApacheBroker(options: ApacheBrokerOptions): Promise<Server> {
  const store = options.store ?? `${temporaryFolder('apache-store')}/store`;
  // listenPort - 2 is the "fast" port and listenPort + 1 the replication port.
  const port = options.port ?? (await freePorts(4)) + 2;
  const child = spawnApacheBroker({ ...options, store, port });
  await child.line('boot success', START_DEADLINE_MS, (line) => line.includes('boot success'));
  const broker = `127.0.0.1:${port}`;
  await registered(broker, options);
  return { broker, namesrv: options.namesrv, store, child, stop: () => child.stop('SIGTERM', 30_000) };
}

/** Starts the process without waiting for anything. */
export function spawnApacheBroker(options: ApacheBrokerOptions & { store: string; port: number }): Child {
  const home = temporaryFolder('apache-broker');
  mkdirSync(options.store, { recursive: true });
  writeSettings(`${home}/broker.conf`, {
    brokerClusterName: 'DefaultCluster',
    brokerName: options.brokerName ?? 'broker-a',
    brokerId: '0',
    brokerIP1: '127.0.0.1',
    bindAddress: '127.0.0.1',
    listenPort: String(options.port),
    namesrvAddr: options.namesrv,
    storePathRootDir: options.store,
    storePathCommitLog: `${options.store}/commitlog`,
    flushDiskType: options.flushDiskType ?? 'ASYNC_FLUSH',
    ...(options.settings ?? SMALL),
  });
  const jvm = options.jvm ?? ['-Xms256m', '-Xmx512m', '-XX:MaxDirectMemorySize=256m'];
  return startJava('Apache broker', home, jvm, [
    'org.apache.rocketmq.broker.BrokerStartup',
    '-c',
    `${home}/broker.conf`,
  ]);
}

/**
 * The broker's first registration finds no NameServer connected yet and the next comes after 10 s; a change of its permission (here:
 * to what it was) makes it register at once.
 */
async function registered(broker: string, options: ApacheBrokerOptions): Promise<void> {
  const name = options.brokerName ?? 'broker-a';
  await waitFor(`${broker} at ${options.namesrv}`, START_DEADLINE_MS, async () => {
    const route = await routeOf(options.namesrv, 'TBW102');
    if (route?.includes(`"${name}"`)) return true;
    await request(broker, 25, {}, Buffer.from('brokerPermission=6'));
    return undefined;
  });
}

/** Runs `mqadmin ...args` to its end. Its exit code says little (0 after most errors), so the output comes back as well. */
export async function mqadmin(args: string[], deadlineMs = 60_000): Promise<{ code: number | null; output: string }> {
  const home = temporaryFolder('mqadmin');
  const child = startJava(
    `mqadmin ${args[0]}`,
    home,
    ['-Xms64m', '-Xmx256m'],
    ['org.apache.rocketmq.tools.command.MQAdminStartup', ...args],
  );
  const { code } = await child.ended(deadlineMs);
  return { code, output: [...child.lines, ...child.errors].join('\n') };
}

function startJava(name: string, home: string, jvm: string[], args: string[]): Child {
  // user.home keeps the log files of each process in its own folder.
  return new Child(name, 'java', [...jvm, `-Duser.home=${home}`, '-cp', classPath('server-5.3.3'), ...args], {
    env: { ...process.env, ROCKETMQ_HOME: home },
  });
}

function writeSettings(path: string, settings: Record<string, string>): void {
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''));
}
