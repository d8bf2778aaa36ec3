/** Debian's redis-server on a free loopback port, with an append-only file and nothing else written. Called by peers.ts. */
import { spawnSync } from 'node:child_process';
import { Child } from '../../test/support/child.ts';
import { freePorts } from '../../test/support/ports.ts';

export interface RedisServer {
  readonly port: number;
  readonly child: Child;
  stop(): Promise<void>;
}

export function redisVersion(): string | null {
  const result = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return result.status === 0 ? (/v=(\S+)/.exec(result.stdout)?.[1] ?? 'unknown') : null;
}

export async function startRedis(directory: string, appendfsync: 'everysec' | 'always'): Promise<RedisServer> {
  const port = await freePorts();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--appendonly', 'yes'];
  // No snapshots, and no rewrite of the append-only file in the middle of a measurement: both would only cost Redis.
  settings.push('--appendfsync', appendfsync, '--save', '', '--auto-aof-rewrite-percentage', '0');
  const child = new Child('redis-server', 'redis-server', settings);
  await child.line('ready', 10_000, (line) => line.includes('Ready to accept connections'));
  return { port, child, stop: () => child.stop('SIGTERM', 60_000) };
}
