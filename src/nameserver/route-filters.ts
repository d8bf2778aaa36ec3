/** What may be done to a route before a client gets it: a stand-in for a lost master, only the client's own zone, the host it dialled. Pure. */
import { Perm } from '../remoting/topic-config.ts';
import { type BrokerData, MASTER_ID, type TopicRoute } from './route-table.ts';

/** Topics by which brokers of one name find each other; they must see who is really there. */
/** An IPv4 client of a socket for both families. */
const MAPPED_PREFIX = /^::ffff:/;
const MEMBER_TOPIC_PREFIX = 'rmq_sys_SYNC_BROKER_MEMBER_';

/** Shows the slave with the smallest id as master where the master is gone, the broker allows it and nobody may write anyway. */
export function withActingMasters(topic: string, route: TopicRoute): TopicRoute {
  if (topic.startsWith(MEMBER_TOPIC_PREFIX)) return route;
  return { ...route, brokers: route.brokers.map((broker) => actingMaster(broker, route)) };
}

function actingMaster(broker: BrokerData, { queues }: TopicRoute): BrokerData {
  const { addresses, brokerName } = broker;
  if (!broker.enableActingMaster || addresses.size === 0 || addresses.has(MASTER_ID)) return broker;
  const data = queues.find((candidate) => candidate.brokerName === brokerName);
  if (data === undefined || (data.perm & Perm.write) !== 0) return broker;
  const smallest = Math.min(...addresses.keys());
  const shown = new Map(addresses);
  shown.set(MASTER_ID, addresses.get(smallest)!);
  shown.delete(smallest);
  return { ...broker, addresses: shown };
}

/** Brokers on this machine that know no address of their own are where the client found the NameServer: `host` is what it dialled. */
export function withDialledHost(host: string, broker: BrokerData): BrokerData {
  if (broker.dialled.size === 0) return broker;
  const bare = host.replace(MAPPED_PREFIX, '');
  const shown = bare.includes(':') ? `[${bare}]` : bare;
  const addresses = [...broker.addresses].map(([id, address]): [number, string] => [
    id,
    broker.dialled.has(address) ? `${shown}${address.slice(address.lastIndexOf(':'))}` : address,
  ]);
  return { ...broker, addresses: new Map(addresses) };
}

/** Leaves the brokers of the zone, and those without a master: reading from another zone beats not reading. */
export function withinZone(zoneName: string, route: TopicRoute): TopicRoute {
  const isNear = ({ addresses, zoneName: zone }: BrokerData): boolean =>
    !addresses.has(MASTER_ID) || zone?.toLowerCase() === zoneName.toLowerCase();
  const far = new Set(route.brokers.filter((broker) => !isNear(broker)).map(({ brokerName }) => brokerName));
  return {
    ...route,
    brokers: route.brokers.filter(({ brokerName }) => !far.has(brokerName)),
    queues: route.queues.filter(({ brokerName }) => !far.has(brokerName)),
  };
}
