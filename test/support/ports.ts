/** Free loopback ports for servers that have to be told their port. Called before each start of a server. */
import { createServer } from 'node:net';

const LOWEST = 21_000;
const HIGHEST = 31_000;
const given = new Set<number>();

/**
 * The first of `count` neighbouring ports nobody listens on (Apache's broker takes three: fast, main, ha). They lie below the range
 * the kernel gives to outgoing connections, so no client takes one between this check and the server's start.
 */
export async function freePorts(count = 1): Promise<number> {
  for (let first = LOWEST + ((process.pid * 16) % (HIGHEST - LOWEST - 64)); first + count < HIGHEST; first += count) {
    const ports = Array.from({ length: count }, (_unused, at) => first + at);
    if (ports.some((port) => given.has(port)) || !(await allFree(ports))) continue;
    for (const port of ports) given.add(port);
    return first;
  }
  throw new Error(`no ${count} neighbouring free ports between ${LOWEST} and ${HIGHEST}`);
}

async function allFree(ports: number[]): Promise<boolean> {
  for (const port of ports) if (!(await isFree(port))) return false;
  return true;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
