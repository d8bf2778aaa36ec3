/** Stand-ins for lost masters, and zones. */
import { expect, test } from 'vitest';
import { withActingMasters, withinZone } from '../../src/nameserver/route-filters.ts';
import type { BrokerData, TopicRoute } from '../../src/nameserver/route-table.ts';

function broker(
  brokerName: string,
  ids: number[],
  zoneName: string | null = null,
  enableActingMaster = true,
): BrokerData {
  const addresses = new Map(ids.map((id) => [id, `10.0.0.${id + 1}:10911`]));
  return { cluster: 'C', brokerName, addresses, dialled: new Set(), enableActingMaster, zoneName };
}

function route(perm: number, ...brokers: BrokerData[]): TopicRoute {
  const queues = brokers.map(({ brokerName }) => ({
    brokerName,
    perm,
    readQueueNums: 1,
    writeQueueNums: 1,
    topicSysFlag: 0,
  }));
  return { brokers, queues, mappings: undefined };
}

const idsOf = ({ brokers }: TopicRoute) => brokers.map(({ addresses }) => [...addresses].sort());

test('the slave with the smallest id is shown as master when nobody may write', () => {
  const original = route(4, broker('a', [3, 2]));
  expect(idsOf(withActingMasters('T', original))).toEqual([
    [
      [0, '10.0.0.3:10911'],
      [3, '10.0.0.4:10911'],
    ],
  ]);
  // What the table holds stays as it is.
  expect([...original.brokers[0]!.addresses.keys()]).toEqual([3, 2]);
});

test.each([
  ['a master is there', 'T', route(4, broker('a', [0, 1]))],
  ['the topic is writable', 'T', route(6, broker('a', [1]))],
  ['the broker does not want it', 'T', route(4, broker('a', [1], null, false))],
  ['brokers look for each other', 'rmq_sys_SYNC_BROKER_MEMBER_a', route(4, broker('a', [1]))],
])('nobody stands in when %s', (_case, topic, original) => {
  expect(idsOf(withActingMasters(topic, original))).toEqual(idsOf(original));
});

test('a zone sees its own brokers and those without a master, and their queues', () => {
  const original = route(
    6,
    broker('near', [0], 'East'),
    broker('far', [0], 'west'),
    broker('nowhere', [0]),
    broker('lost', [1], 'west'),
  );
  const seen = withinZone('EAST', original);
  expect(seen.brokers.map(({ brokerName }) => brokerName)).toEqual(['near', 'lost']);
  expect(seen.queues.map(({ brokerName }) => brokerName)).toEqual(['near', 'lost']);
});
