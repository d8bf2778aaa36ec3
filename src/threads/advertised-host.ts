/** The host under which this broker shows itself in records and to NameServers that do not know what a client has dialled. */
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import type { BrokerSettings } from '../broker/broker-settings.ts';

const WILDCARDS: readonly string[] = ['0.0.0.0', '::'];

type HostSettings = Pick<BrokerSettings, 'brokerIP1'>;

/** Nobody said under which host clients reach this broker, and it listens on more than one. `listening`: the address of its port. */
export function isHostGuessed({ brokerIP1 }: HostSettings, listening: string): boolean {
  return brokerIP1 === '' && WILDCARDS.includes(listening);
}

/** `brokerIP1`, or the address it listens on, or, when that is every address, the first one that other machines can reach. */
export function advertisedHost({ brokerIP1 }: HostSettings, listening: string): string {
  if (brokerIP1 !== '') return brokerIP1;
  if (!WILDCARDS.includes(listening)) return listening;
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';
}

/**
 * `brokerIP1` as records hold it, where only addresses have room: a name is looked up, IPv4 first, as upstream's broker does, and an address
 * is its own. Rejects with a reason for people when nobody knows the name.
 */
export async function addressOfName(brokerIP1: string): Promise<string> {
  if (brokerIP1 === '') return '';
  try {
    return (await lookup(brokerIP1, { order: 'ipv4first' })).address;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Error(`brokerIP1 is ${brokerIP1}, no address and no name that this machine knows (${code})`, { cause });
  }
}
