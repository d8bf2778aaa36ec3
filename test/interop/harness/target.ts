/**
 * The broker under test. INTEROP_TARGET=apache runs every scenario against Apache's own servers: what fails there is a mistake of
 * the test. Default: ringmq.
 */

import { freePorts } from '../../support/ports.ts';
import { startApacheBroker, startApacheNameServer } from './apache.ts';
import { startRingmqStandalone } from './ringmq.ts';
import type { Server } from './servers.ts';

export const TARGET = targetName();

export interface TargetOptions {
  flush?: 'async' | 'sync';
}

/** A NameServer and a broker that can be restarted on the same ports and store. */
export interface Target {
  readonly namesrv: string;
  readonly broker: string;
  readonly store: string;
  readonly brokerPid: number;
  /** Ends the broker (with `SIGKILL`: no chance to write anything) and starts it again on its store and ports. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  stop(): Promise<void>;
}

export async function startTarget(options: TargetOptions = {}): Promise<Target> {
  return TARGET === 'apache' ? startApache(options) : startRingmq(options);
}

async function startApache(options: TargetOptions): Promise<Target> {
  const nameServer = await startApacheNameServer();
  const flushDiskType = options.flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH';
  const port = (await freePorts(4)) + 2;
  const first = await startApacheBroker({ namesrv: nameServer.namesrv, flushDiskType, port });
  const again = () => startApacheBroker({ namesrv: nameServer.namesrv, flushDiskType, port, store: first.store });
  return restartable(first, again, () => nameServer.stop());
}

async function startRingmq(options: TargetOptions): Promise<Target> {
  const ports = await freePorts(2);
  const given = { flush: options.flush ?? 'async', namesrvPort: ports, brokerPort: ports + 1 } as const;
  const first = await startRingmqStandalone(given);
  return restartable(
    first,
    () => startRingmqStandalone({ ...given, store: first.store }),
    async () => {},
  );
}

function restartable(first: Server, again: () => Promise<Server>, after: () => Promise<void>): Target {
  let running = first;
  return {
    namesrv: first.namesrv,
    broker: first.broker,
    store: first.store,
    get brokerPid() {
      return running.child.pid;
    },
    async restart(signal) {
      await running.child.stop(signal, 30_000);
      running = await again();
    },
    async stop() {
      await running.stop();
      await after();
    },
  };
}

function targetName(): 'ringmq' | 'apache' {
  const name = process.env.INTEROP_TARGET ?? 'ringmq';
  if (name !== 'ringmq' && name !== 'apache') throw new Error(`INTEROP_TARGET is ringmq or apache, not ${name}`);
  return name;
}
