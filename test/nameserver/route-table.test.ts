/** The rules of spec/api.md 4.2 to 4.7 one by one; time and connections are numbers. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type RegistrationRules, RouteTable } from '../../src/nameserver/route-table.ts';
import type { RegisterBroker } from '../../src/remoting/register-broker.ts';
import { registration, slaveRegistration, topic } from '../support/registrations.ts';

const RULES: RegistrationRules = { brokerExpiryMs: 120_000, deleteTopicWithBrokerRegistration: false };
const MASTER_CONNECTION = 1;
const SLAVE_CONNECTION = 2;

let table: RouteTable;

beforeEach(() => {
  table = new RouteTable();
});

function register(what: RegisterBroker, connectionId = MASTER_CONNECTION, nowMs = 0, rules = RULES) {
  return table.register(what, connectionId, rules, nowMs);
}

function version(counter: number, stateVersion = 0) {
  return { counter, stateVersion, timestamp: 1_700_000_000_000 };
}

function addresses(brokerName = 'broker-a'): [number, string][] {
  return [...(table.brokers.get(brokerName)?.addresses ?? [])];
}

function permOf(topicName: string, brokerName = 'broker-a'): number | undefined {
  return table.topics.queues(topicName)?.get(brokerName)?.perm;
}

describe('registration', () => {
  test('makes cluster, broker, address and topics known', () => {
    expect(register(registration())).toEqual({ masterAddr: null, haServerAddr: null });
    expect([...table.clusters]).toEqual([['DefaultCluster', new Set(['broker-a'])]]);
    expect(addresses()).toEqual([[0, '10.0.0.1:10911']]);
    expect(table.route('T1')).toEqual({
      brokers: [table.brokers.get('broker-a')],
      queues: [{ brokerName: 'broker-a', readQueueNums: 8, writeQueueNums: 8, perm: 6, topicSysFlag: 0 }],
      mappings: undefined,
    });
    expect(table.route('T3')).toBeNull();
  });

  test('two brokers and a second cluster', () => {
    register(registration());
    register(registration({ brokerName: 'broker-b', brokerAddr: '10.0.0.3:10911' }), 3);
    register(
      registration({
        clusterName: 'Other',
        brokerName: 'broker-c',
        brokerAddr: '10.0.0.4:10911',
        topics: [topic('T1'), topic('T9')],
      }),
      4,
    );
    expect(table.route('T1')!.brokers.map(({ brokerName }) => brokerName)).toEqual([
      'broker-a',
      'broker-b',
      'broker-c',
    ]);
    expect(table.route('T2')!.queues).toHaveLength(2);
    expect(table.topics.namesOn(table.clusters.get('Other')!)).toEqual(['T1', 'T9']);
  });

  test('a slave that has become the master has one id, not two', () => {
    register(registration());
    register(slaveRegistration(), SLAVE_CONNECTION);
    table.connectionClosed(MASTER_CONNECTION);
    register(slaveRegistration({ brokerId: 0 }), SLAVE_CONNECTION);
    expect(addresses()).toEqual([[0, '10.0.0.2:10911']]);
  });

  test('another process may take the id unless the holder has a newer state', () => {
    register(registration({ dataVersion: version(9, 2) }));
    const rival = registration({ brokerAddr: '10.0.0.9:10911', topics: [topic('T8'), topic('T9')] });
    expect(register({ ...rival, dataVersion: version(99, 1) }, 9)).toEqual({ masterAddr: null, haServerAddr: null });
    expect(addresses()).toEqual([[0, '10.0.0.1:10911']]);
    expect(table.route('T8')).toBeNull();
    expect(table.dataVersion('DefaultCluster', '10.0.0.9:10911')).toBeNull();

    register({ ...rival, dataVersion: version(1, 2) }, 9);
    expect(addresses()).toEqual([[0, '10.0.0.9:10911']]);
  });

  test('the loser of such a conflict is forgotten even if it was alive before', () => {
    register(registration({ dataVersion: version(1, 1) }));
    register(registration({ brokerAddr: '10.0.0.9:10911', dataVersion: version(1, 2) }), 9);
    expect(table.liveCount).toBe(2);
    register(registration({ dataVersion: version(2, 1) }));
    expect(table.dataVersion('DefaultCluster', '10.0.0.1:10911')).toBeNull();
    expect(addresses()).toEqual([[0, '10.0.0.9:10911']]);
  });

  test('one topic alone is refused from a broker that nobody knows, and leaves nothing behind', () => {
    expect(register(registration({ topics: [topic('T1')] }))).toBeNull();
    expect(table.brokers.size + table.clusters.size + table.liveCount).toBe(0);
    register(registration());
    expect(register(registration({ topics: [topic('T5')], dataVersion: version(2) }))).not.toBeNull();
    expect(permOf('T5')).toBe(6);
    expect(permOf('T1')).toBe(6);
  });

  test('zero topics are accepted', () => {
    expect(register(registration({ topics: [] }))).not.toBeNull();
    expect(addresses()).toHaveLength(1);
  });

  test('a slave brings no topics, and learns of its master', () => {
    register(registration());
    const answer = register(slaveRegistration({ topics: [topic('S1'), topic('T1', { perm: 4 })] }), SLAVE_CONNECTION);
    expect(answer).toEqual({ masterAddr: '10.0.0.1:10911', haServerAddr: '10.0.0.1:10912' });
    expect(table.route('S1')).toBeNull();
    expect(permOf('T1')).toBe(6);
    expect(table.route('T1')!.brokers[0]!.addresses.get(1)).toBe('10.0.0.2:10911');
  });

  test('a slave alone learns nothing', () => {
    expect(register(slaveRegistration(), SLAVE_CONNECTION)).toEqual({ masterAddr: null, haServerAddr: null });
  });

  test('topics removed from a registration stay, unless the setting says otherwise', () => {
    register(registration());
    const less = registration({ topics: [topic('T1'), topic('T3')], dataVersion: version(2) });
    register(less);
    expect(table.topics.names().sort()).toEqual(['T1', 'T2', 'T3']);
    register({ ...less, dataVersion: version(3) }, MASTER_CONNECTION, 0, {
      ...RULES,
      deleteTopicWithBrokerRegistration: true,
    });
    expect(table.topics.names().sort()).toEqual(['T1', 'T3']);
  });

  test('static topics keep their queue mapping', () => {
    const mapping = {
      bname: 'broker-a',
      currIdMap: new Map([[0, 0]]),
      dirty: false,
      epoch: 1,
      scope: '__global__',
      topic: 'T1',
      totalQueues: 1,
    };
    register(registration({ queueMappings: [mapping] }));
    expect(table.route('T1')!.mappings).toEqual(new Map([['broker-a', mapping]]));
    expect(table.route('T2')!.mappings).toBeUndefined();
    table.connectionClosed(MASTER_CONNECTION);
    register(registration());
    expect(table.route('T1')!.mappings).toBeUndefined();
  });
});

describe('data version', () => {
  beforeEach(() => register(registration()));

  test('unchanged: known topics stay as they are, missing ones are added', () => {
    register(registration({ topics: [topic('T1', { perm: 4 }), topic('T3')] }));
    expect(permOf('T1')).toBe(6);
    expect(permOf('T3')).toBe(6);
  });

  test.each([
    ['counter', { counter: 2 }],
    ['stateVersion', { stateVersion: 1 }],
    ['timestamp', { timestamp: 1_700_000_000_001 }],
  ])('a different %s replaces the topics', (_name, change) => {
    register(
      registration({ topics: [topic('T1', { perm: 4 }), topic('T2')], dataVersion: { ...version(1), ...change } }),
    );
    expect(permOf('T1')).toBe(4);
  });

  test('a broker that was gone registers anew whatever its version', () => {
    table.connectionClosed(MASTER_CONNECTION);
    register(registration({ topics: [topic('T1', { perm: 4 }), topic('T2')] }));
    expect(permOf('T1')).toBe(4);
  });

  test('is stored with each registration', () => {
    register(registration({ topics: [topic('T7')], dataVersion: version(5) }));
    expect(table.dataVersion('DefaultCluster', '10.0.0.1:10911')).toEqual(version(5));
    expect(table.dataVersion('Other', '10.0.0.1:10911')).toBeNull();
  });

  test('write permission that an operator took away comes back only with a change', () => {
    expect(table.topics.clearWrite('broker-a')).toBe(2);
    register(registration());
    expect(permOf('T1')).toBe(4);
    register(registration({ dataVersion: version(2) }));
    expect(permOf('T1')).toBe(6);
  });
});

describe('slave that stands in for the master', () => {
  test('with acting master its topics are read-only', () => {
    register(slaveRegistration({ enableActingMaster: true }), SLAVE_CONNECTION);
    expect(permOf('T1')).toBe(4);
    expect(table.brokers.get('broker-a')!.enableActingMaster).toBe(true);
  });

  test('without acting master, but from a broker that knows the field, they are as they are', () => {
    register(slaveRegistration({ enableActingMaster: false }), SLAVE_CONNECTION);
    expect(permOf('T1')).toBe(6);
  });

  test('an old slave, and one that is not the first, bring nothing', () => {
    register(slaveRegistration(), SLAVE_CONNECTION);
    expect(table.topics.names()).toEqual([]);
    register(slaveRegistration({ brokerId: 2, brokerAddr: '10.0.0.3:10911', enableActingMaster: true }), 3);
    expect(table.topics.names()).toEqual([]);
  });

  test('when the master goes, the write permission goes too', () => {
    register(registration({ enableActingMaster: true }));
    register(slaveRegistration({ enableActingMaster: true }), SLAVE_CONNECTION);
    table.connectionClosed(MASTER_CONNECTION);
    expect(permOf('T1')).toBe(4);
    expect(addresses()).toEqual([[1, '10.0.0.2:10911']]);
  });

  test('without acting master nothing changes when the master goes', () => {
    register(registration());
    register(slaveRegistration(), SLAVE_CONNECTION);
    table.connectionClosed(MASTER_CONNECTION);
    expect(permOf('T1')).toBe(6);
  });
});

describe('leaving', () => {
  test('unregistering the last address takes broker, cluster and topics, and only those', () => {
    register(registration());
    register(
      registration({ brokerName: 'broker-b', brokerAddr: '10.0.0.3:10911', topics: [topic('T2'), topic('T3')] }),
      3,
    );
    table.unregister(registration());
    expect([...table.brokers.keys()]).toEqual(['broker-b']);
    expect([...table.clusters]).toEqual([['DefaultCluster', new Set(['broker-b'])]]);
    expect(table.topics.names().sort()).toEqual(['T2', 'T3']);
    expect(table.route('T2')!.queues.map(({ brokerName }) => brokerName)).toEqual(['broker-b']);
    table.unregister(registration({ brokerName: 'broker-b', brokerAddr: '10.0.0.3:10911' }));
    expect(table.clusters.size + table.brokers.size + table.topics.names().length + table.liveCount).toBe(0);
  });

  test('unregistering what nobody knows changes nothing', () => {
    register(registration());
    table.unregister(registration({ brokerName: 'broker-x' }));
    table.unregister(registration({ brokerAddr: '10.0.0.77:10911' }));
    expect(addresses()).toHaveLength(1);
    expect(table.route('T1')).not.toBeNull();
  });

  test('a lost connection takes every broker that registered on it', () => {
    register(registration());
    register(registration({ brokerName: 'broker-b', brokerAddr: '10.0.0.3:10911' }));
    register(registration({ brokerName: 'broker-c', brokerAddr: '10.0.0.4:10911' }), 3);
    expect(table.connectionClosed(MASTER_CONNECTION).map(({ brokerName }) => brokerName)).toEqual([
      'broker-a',
      'broker-b',
    ]);
    expect([...table.brokers.keys()]).toEqual(['broker-c']);
    expect(table.connectionClosed(MASTER_CONNECTION)).toEqual([]);
  });

  test('an old connection that closes late does not take a broker that has come back on a new one', () => {
    register(registration(), 1);
    register(registration(), 2);
    expect(table.connectionClosed(1)).toEqual([]);
    expect(table.route('T1')).not.toBeNull();
  });
});

describe('silence', () => {
  test('expires a broker after 120 s, not before', () => {
    register(registration(), MASTER_CONNECTION, 1000);
    expect(table.expire(121_000)).toEqual([]);
    const [lost, ...others] = table.expire(121_001);
    expect(lost).toMatchObject({ connectionId: MASTER_CONNECTION, broker: { brokerName: 'broker-a', brokerId: 0 } });
    expect(others).toEqual([]);
    expect(table.route('T1')).toBeNull();
    expect(table.expire(500_000)).toEqual([]);
  });

  test('is counted by what the broker said of itself', () => {
    register(registration({ heartbeatTimeoutMs: 10_000 }));
    expect(table.expire(10_000)).toEqual([]);
    expect(table.expire(10_001)).toHaveLength(1);
  });

  test('ends with a registration or a sign of life; a stranger has none', () => {
    register(registration());
    register(registration(), MASTER_CONNECTION, 100_000);
    expect(table.expire(200_000)).toEqual([]);
    table.touch('DefaultCluster', '10.0.0.1:10911', 210_000);
    expect(table.expire(330_000)).toEqual([]);
    table.touch('DefaultCluster', '10.0.0.9:10911', 210_000);
    expect(table.liveCount).toBe(1);
    expect(table.expire(330_001)).toHaveLength(1);
  });

  test('of a slave leaves its master alone', () => {
    register(registration(), MASTER_CONNECTION, 100_000);
    register(slaveRegistration(), SLAVE_CONNECTION, 0);
    expect(table.expire(150_000).map(({ broker }) => broker.brokerId)).toEqual([1]);
    expect(addresses()).toEqual([[0, '10.0.0.1:10911']]);
  });
});

describe('topics at the NameServer', () => {
  beforeEach(() => {
    register(
      registration({
        topics: [
          topic('T1'),
          topic('Unit', { topicSysFlag: 1 }),
          topic('Sub', { topicSysFlag: 2 }),
          topic('Both', { topicSysFlag: 3 }),
        ],
      }),
    );
    register(registration({ clusterName: 'Other', brokerName: 'broker-b', brokerAddr: '10.0.0.3:10911' }), 3);
  });

  test('are deleted everywhere or on some brokers', () => {
    table.topics.deleteOn('T1', ['broker-b', 'unknown']);
    expect(table.topics.has('T1', 'broker-b')).toBe(false);
    expect(table.topics.has('T1', 'broker-a')).toBe(true);
    table.topics.deleteOn('T2', ['broker-b']);
    expect(table.topics.queues('T2')).toBeUndefined();
    table.topics.delete('T1');
    expect(table.route('T1')).toBeNull();
  });

  test('write permission by broker', () => {
    expect(table.topics.clearWrite('broker-b')).toBe(2);
    expect(permOf('T1', 'broker-b')).toBe(4);
    expect(permOf('T1')).toBe(6);
    expect(table.topics.allowReadWrite('broker-b')).toBe(2);
    expect(permOf('T1', 'broker-b')).toBe(6);
    expect(table.topics.clearWrite('nobody')).toBe(0);
  });

  test('by flags', () => {
    expect(table.topics.namesByFlag((flags) => (flags & 1) !== 0)).toEqual(['Unit', 'Both']);
  });
});
