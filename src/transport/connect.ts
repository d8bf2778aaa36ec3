/** Opens a connection to a broker or NameServer. Called by RemotingClient, replication and tests, on the thread that will own it. */
import { Socket } from 'node:net';
import { after } from '../base/clock.ts';
import type { Connection, ConnectionEvents } from './connection.ts';
import { SocketConnection } from './socket-connection.ts';

export const CONNECT_TIMEOUT_MS = 3_000;

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly events: ConnectionEvents;
  /** Id of the connection, for owners with several. */
  readonly id?: number;
  readonly timeoutMs?: number;
}

/** Resolves with an open connection, after its `opened`. A rejected attempt has no events. */
export function connect(options: ConnectOptions): Promise<Connection> {
  const { host, port } = options;
  const timeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    const socket = new Socket();
    socket.setNoDelay(true);
    const deadline = after(timeoutMs, () => fail(new Error(`no connection to ${host}:${port} within ${timeoutMs} ms`)));
    const fail = (error: Error): void => {
      deadline.stop();
      // A late error of the abandoned attempt is nobody's news.
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    socket.once('error', fail);
    socket.connect({ host, port }, () => {
      deadline.stop();
      socket.off('error', fail);
      const connection = new SocketConnection(options.id ?? 0, socket);
      connection.start(options.events);
      resolve(connection);
    });
  });
}

/** `host:port`; an IPv6 host may stand in brackets. Throws when there is no port. */
export function parseAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`not an address: ${address}`);
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port };
}
