/** The host under which this broker shows itself in records and to NameServers that do not know what a client has dialled. */
import { networkInterfaces } from 'node:os';
import type { BrokerSettings } from '../broker/broker-settings.ts';

const WILDCARDS: readonly string[] = ['0.0.0.0', '::', ''];

type HostSettings = Pick<BrokerSettings, 'brokerIP1' | 'bindAddress'>;

/** Nobody said under which host clients reach this broker, and it listens on more than one. */
export function isHostGuessed({ brokerIP1, bindAddress }: HostSettings): boolean {
  return brokerIP1 === '' && WILDCARDS.includes(bindAddress);
}

/** `brokerIP1`, or the address it is bound to, or, when that is every address, the first one that other machines can reach. */
export function advertisedHost({ brokerIP1, bindAddress }: HostSettings): string {
  if (brokerIP1 !== '') return brokerIP1;
  if (bindAddress === 'localhost') return '127.0.0.1';
  if (!WILDCARDS.includes(bindAddress)) return bindAddress;
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';
}
