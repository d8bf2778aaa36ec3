/** The servers that are measured beside each other, each with the settings that the report names. Called by peers.ts. */
import { mkdirSync } from 'node:fs';
import { spawnApacheBroker, startApacheBroker, startApacheNameServer } from '../../test/interop/harness/apache.ts';
import { spawnRingmqStandalone, startRingmqStandalone } from '../../test/interop/harness/ringmq.ts';
import { freePorts } from '../../test/support/ports.ts';
import { startRedis } from './redis-server.ts';
import { measureStartUp, type StartUp } from './start-up.ts';

export type Flush = 'async' | 'sync';

export interface Running {
  readonly address: string;
  /** The process whose CPU time counts. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface Contender {
  readonly name: string;
  readonly kind: 'rocketmq' | 'redis';
  readonly flush: Flush;
  start(directory: string): Promise<Running>;
  /** Absent where it is not asked for. */
  startUp?(directory: string): Promise<StartUp>;
}

/** Apache's broker with the 2 GB heap that the comparison names; everything else is its default, 1 GiB log files included. */
const APACHE_JVM = ['-Xms2g', '-Xmx2g'];

export function apache(flush: Flush): Contender {
  const flushDiskType = flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH';
  const optionsOf = (directory: string, namesrv: string) =>
    ({ namesrv, flushDiskType, store: `${directory}/store`, jvm: APACHE_JVM, settings: {} }) as const;
  return {
    name: `Apache 5.3.3 ${flushDiskType}`,
    kind: 'rocketmq',
    flush,
    async start(directory) {
      const nameServer = await startApacheNameServer();
      const broker = await startApacheBroker(optionsOf(directory, nameServer.namesrv));
      const stop = async () => {
        await broker.stop();
        await nameServer.stop();
      };
      return { address: broker.broker, pid: broker.child.pid, stop };
    },
    async startUp(directory) {
      const nameServer = await startApacheNameServer();
      const port = await startUpPort();
      const options = { ...optionsOf(directory, nameServer.namesrv), port };
      const result = await measureStartUp(`127.0.0.1:${port}`, () => spawnApacheBroker(options));
      await nameServer.stop();
      return result;
    },
  };
}

export function ringmq(flush: Flush, placement: 'full' | 'compact'): Contender {
  return {
    name: `RingMQ ${placement} ${flush}`,
    kind: 'rocketmq',
    flush,
    async start(directory) {
      const server = await startRingmqStandalone({ flush, placement, store: `${directory}/store` });
      return { address: server.broker, pid: server.child.pid, stop: () => server.stop() };
    },
    async startUp(directory) {
      const brokerPort = await startUpPort();
      const options = { flush, placement, store: `${directory}/store`, brokerPort, namesrvPort: brokerPort + 1 };
      return measureStartUp(`127.0.0.1:${brokerPort}`, () => spawnRingmqStandalone(options));
    },
  };
}

export function redis(flush: Flush): Contender {
  const appendfsync = flush === 'sync' ? 'always' : 'everysec';
  return {
    name: `Redis Streams ${appendfsync}`,
    kind: 'redis',
    flush,
    async start(directory) {
      mkdirSync(directory, { recursive: true });
      const server = await startRedis(directory, appendfsync);
      return { address: `127.0.0.1:${server.port}`, pid: server.child.pid, stop: () => server.stop() };
    },
  };
}

/** The port a spawned server is told; its neighbours (Apache's fast and ha port, our NameServer) are free too. */
async function startUpPort(): Promise<number> {
  return (await freePorts(4)) + 2;
}
