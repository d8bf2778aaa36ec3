/**
 * A NameServer: brokers register here, clients ask where topics are. It is light, so it lives on the caller's event loop; several can run in
 * one process. Started by threads/nameserver/, on the thread that will serve, and by tests.
 */
import { type Clock, every, systemClock } from '../base/clock.ts';
import { serveRemoting } from '../transport/remoting-server.ts';
import type { HandlerContext } from './handler-context.ts';
import { KvConfig, type TextFile } from './kv-config.ts';
import { handleRequest } from './requests.ts';
import { RouteTable } from './route-table.ts';
import { NAME_SERVER_DEFAULTS, type NameServerSettings } from './settings.ts';

export interface NameServerConfig {
  /** 127.0.0.1 unless said otherwise. */
  readonly host?: string;
  /** 9876 is the usual one; 0 takes a free one. */
  readonly port: number;
  /** Upstream's settings; 120 s of silence expire a broker unless said otherwise. */
  readonly settings?: Partial<NameServerSettings>;
  /** How often silent brokers are looked for. */
  readonly scanMs?: number;
  /** Closes connections without traffic. */
  readonly idleMs?: number;
  readonly connectionsMax?: number;
  /** Keeps the key-value settings; without it they end with the process. */
  readonly kvFile?: TextFile;
  readonly log?: (line: string) => void;
  readonly clock?: Clock;
}

export interface NameServerStats {
  readonly connections: number;
  /** Broker processes that are registered. */
  readonly brokers: number;
  readonly topics: number;
  readonly requests: number;
}

export interface NameServerHandle {
  readonly address: { readonly host: string; readonly port: number };
  stats(): NameServerStats;
  /** Drops all connections and frees the port. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const SCAN_MS = 10_000;

/** Resolves when the port is open; rejects when it cannot be, or when the file of the key-value settings cannot be read. */
export async function startNameServer(config: NameServerConfig): Promise<NameServerHandle> {
  const clock = config.clock ?? systemClock;
  const log = config.log ?? (() => {});
  const routes = new RouteTable();
  const context: HandlerContext = {
    routes,
    kv: new KvConfig(config.kvFile ?? null),
    settings: { ...NAME_SERVER_DEFAULTS, ...config.settings },
    clock,
    startedMs: clock.nowMs(),
    log,
  };
  let requests = 0;
  const listener = await serveRemoting({
    ...config,
    handler: {
      handle(request, connection) {
        requests++;
        return handleRequest(context, request, connection);
      },
      closed(connection) {
        for (const { brokerName, brokerId, brokerAddr } of routes.connectionClosed(connection.id)) {
          log(`unregistered ${brokerName} (${brokerId}) at ${brokerAddr}: its connection is gone`);
        }
      },
    },
  });
  const scan = every(
    config.scanMs ?? SCAN_MS,
    () => {
      for (const { broker, connectionId } of routes.expire(clock.nowMs())) {
        log(`unregistered ${broker.brokerName} (${broker.brokerId}) at ${broker.brokerAddr}: silent for too long`);
        listener.closeConnection(connectionId, 'its broker was silent for too long');
      }
    },
    false,
  );
  const close = (): Promise<void> => {
    scan.stop();
    return listener.close('the NameServer stops');
  };
  return {
    address: { host: listener.host, port: listener.port },
    stats: () => ({
      connections: listener.connections,
      brokers: routes.liveCount,
      topics: routes.topics.names().length,
      requests,
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
