/** Registrations and topics of made-up brokers, for the tests of both sides of 103. */
import type { RegisterBroker } from '../../src/remoting/register-broker.ts';
import type { TopicConfig } from '../../src/remoting/topic-config.ts';

export function topic(topicName: string, settings: Partial<TopicConfig> = {}): TopicConfig {
  return {
    attributes: {},
    order: false,
    perm: 6,
    readQueueNums: 8,
    topicFilterType: 'SINGLE_TAG',
    topicName,
    topicSysFlag: 0,
    writeQueueNums: 8,
    ...settings,
  };
}

/** The master of broker-a with topics T1 and T2. */
export function registration(changes: Partial<RegisterBroker> = {}): RegisterBroker {
  return {
    clusterName: 'DefaultCluster',
    brokerName: 'broker-a',
    brokerAddr: '10.0.0.1:10911',
    brokerId: 0,
    haServerAddr: '10.0.0.1:10912',
    heartbeatTimeoutMs: null,
    enableActingMaster: null,
    zoneName: null,
    dataVersion: { counter: 1, stateVersion: 0, timestamp: 1_700_000_000_000 },
    topics: [topic('T1'), topic('T2')],
    queueMappings: [],
    ...changes,
  };
}

/** The slave of {@link registration}. */
export function slaveRegistration(changes: Partial<RegisterBroker> = {}): RegisterBroker {
  return registration({ brokerAddr: '10.0.0.2:10911', brokerId: 1, haServerAddr: '10.0.0.2:10912', ...changes });
}
