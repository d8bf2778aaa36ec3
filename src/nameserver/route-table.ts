/**
 * Which brokers are alive and where: registrations, lost connections and elapsed time in, routes out. Pure: the NameServer calls it with
 * the time and the number of the connection that a request came on (spec/api.md 4).
 */
import { type DataVersionFields, isSameVersion } from '../remoting/data-version.ts';
import type { TopicQueueMappingInfo } from '../remoting/register-body.ts';
import type { BrokerKey, RegisterBroker } from '../remoting/register-broker.ts';
import { Perm } from '../remoting/topic-config.ts';
import type { NameServerSettings } from './settings.ts';
import { type QueueData, TopicTable } from './topic-table.ts';

export const MASTER_ID = 0;

/** A broker name's master and slaves. */
export interface BrokerData {
  readonly cluster: string;
  readonly brokerName: string;
  /** By broker id; 0 is the master. */
  readonly addresses: Map<number, string>;
  /** Of these, the ones whose host is the one that the client has dialled (RegisterBroker.asDialled). */
  readonly dialled: Set<string>;
  enableActingMaster: boolean;
  zoneName: string | null;
}

export interface TopicRoute {
  readonly brokers: readonly BrokerData[];
  readonly queues: readonly QueueData[];
  readonly mappings: ReadonlyMap<string, TopicQueueMappingInfo> | undefined;
}

/** What a slave is told of its master; nulls for a master, or while there is none. */
export interface MasterAddresses {
  readonly masterAddr: string | null;
  readonly haServerAddr: string | null;
}

export interface LostBroker {
  readonly broker: BrokerKey;
  readonly connectionId: number;
}

/** The settings that a registration depends on. */
export type RegistrationRules = Pick<NameServerSettings, 'brokerExpiryMs' | 'deleteTopicWithBrokerRegistration'>;

/** One broker process. */
interface LiveBroker {
  readonly key: BrokerKey;
  lastUpdateMs: number;
  readonly timeoutMs: number;
  readonly dataVersion: DataVersionFields;
  readonly connectionId: number;
  readonly haServerAddr: string;
}

const NO_MASTER: MasterAddresses = { masterAddr: null, haServerAddr: null };

export class RouteTable {
  readonly topics = new TopicTable();
  readonly #clusters = new Map<string, Set<string>>();
  readonly #brokers = new Map<string, BrokerData>();
  readonly #live = new Map<string, LiveBroker>();

  /** Names of the brokers of each cluster. */
  get clusters(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#clusters;
  }

  get brokers(): ReadonlyMap<string, BrokerData> {
    return this.#brokers;
  }

  /** Broker processes that are alive. */
  get liveCount(): number {
    return this.#live.size;
  }

  /**
   * Takes a registration (103) that came on a connection. Null: refused, because a broker's first registration has to bring all of its topics
   * and this one brings a single one.
   */
  register(
    registration: RegisterBroker,
    connectionId: number,
    rules: RegistrationRules,
    nowMs: number,
  ): MasterAddresses | null {
    const { clusterName, brokerName, brokerAddr, brokerId } = registration;
    const known = this.#brokers.get(brokerName);
    const data: BrokerData = known ?? {
      cluster: clusterName,
      brokerName,
      addresses: new Map(),
      dialled: new Set(),
      enableActingMaster: false,
      zoneName: null,
    };
    data.enableActingMaster = registration.enableActingMaster ?? false;
    data.zoneName = registration.zoneName;
    // A slave that became the master has one address under two ids: the old one goes.
    for (const [id, address] of data.addresses) {
      if (address === brokerAddr && id !== brokerId) data.addresses.delete(id);
    }
    if (this.#isOutdated(registration, data)) {
      this.#live.delete(liveKey(clusterName, brokerAddr));
      return NO_MASTER;
    }
    const isFirst = !data.addresses.has(brokerId);
    if (isFirst && registration.topics.length === 1) return null;

    if (known === undefined) this.#brokers.set(brokerName, data);
    this.#joinCluster(clusterName, brokerName);
    data.addresses.set(brokerId, brokerAddr);
    if (registration.asDialled === true) data.dialled.add(brokerAddr);
    else data.dialled.delete(brokerAddr);
    this.#takeTopics(registration, data, isFirst, rules);
    this.#live.set(liveKey(clusterName, brokerAddr), {
      key: { clusterName, brokerName, brokerAddr, brokerId },
      lastUpdateMs: nowMs,
      timeoutMs: registration.heartbeatTimeoutMs ?? rules.brokerExpiryMs,
      dataVersion: registration.dataVersion,
      connectionId,
      haServerAddr: registration.haServerAddr,
    });
    return brokerId === MASTER_ID ? NO_MASTER : this.#masterOf(clusterName, data);
  }

  /** Forgets one address of a broker, and what only that address held up: its topics, its name, its cluster (104). */
  unregister({ clusterName, brokerName, brokerAddr }: BrokerKey): void {
    this.#live.delete(liveKey(clusterName, brokerAddr));
    const data = this.#brokers.get(brokerName);
    if (data === undefined) return;
    for (const [id, address] of data.addresses) {
      if (address === brokerAddr) data.addresses.delete(id);
    }
    data.dialled.delete(brokerAddr);
    if (data.addresses.size > 0) {
      // Slaves go on serving reads; without this, producers would keep the queues of a master that has gone.
      if (data.enableActingMaster && !data.addresses.has(MASTER_ID)) this.topics.clearWrite(brokerName);
      return;
    }
    this.#brokers.delete(brokerName);
    this.topics.removeBroker(brokerName);
    const names = this.#clusters.get(clusterName);
    names?.delete(brokerName);
    if (names?.size === 0) this.#clusters.delete(clusterName);
  }

  /** A connection is gone, and with it every broker whose newest registration came on it. Returns those. */
  connectionClosed(connectionId: number): BrokerKey[] {
    const lost: BrokerKey[] = [];
    for (const live of this.#live.values()) {
      if (live.connectionId === connectionId) lost.push(live.key);
    }
    for (const key of lost) this.unregister(key);
    return lost;
  }

  /** Unregisters the brokers that have been silent for longer than they said they would be. */
  expire(nowMs: number): LostBroker[] {
    const lost: LostBroker[] = [];
    for (const { key, lastUpdateMs, timeoutMs, connectionId } of this.#live.values()) {
      if (lastUpdateMs + timeoutMs < nowMs) lost.push({ broker: key, connectionId });
    }
    for (const { broker } of lost) this.unregister(broker);
    return lost;
  }

  /** The broker is alive (322, 904); an unknown one stays unknown. */
  touch(clusterName: string, brokerAddr: string, nowMs: number): void {
    const live = this.#live.get(liveKey(clusterName, brokerAddr));
    if (live !== undefined) live.lastUpdateMs = nowMs;
  }

  dataVersion(clusterName: string, brokerAddr: string): DataVersionFields | null {
    return this.#live.get(liveKey(clusterName, brokerAddr))?.dataVersion ?? null;
  }

  /** Where a topic is; null when no broker that is known has it. */
  route(topic: string): TopicRoute | null {
    const queues = this.topics.queues(topic);
    if (queues === undefined) return null;
    const brokers: BrokerData[] = [];
    for (const brokerName of queues.keys()) {
      const data = this.#brokers.get(brokerName);
      if (data !== undefined) brokers.push(data);
    }
    if (brokers.length === 0) return null;
    return { brokers, queues: [...queues.values()], mappings: this.topics.mappings(topic) };
  }

  /** Another process holds the id with a newer state: the sender has been replaced and does not know it yet. */
  #isOutdated({ clusterName, brokerAddr, brokerId, dataVersion }: RegisterBroker, data: BrokerData): boolean {
    const holder = data.addresses.get(brokerId);
    if (holder === undefined || holder === brokerAddr) return false;
    const held = this.dataVersion(clusterName, holder);
    return held !== null && held.stateVersion > dataVersion.stateVersion;
  }

  #joinCluster(clusterName: string, brokerName: string): void {
    const names = this.#clusters.get(clusterName);
    if (names === undefined) this.#clusters.set(clusterName, new Set([brokerName]));
    else names.add(brokerName);
  }

  /** Topics count when the master brings them, or the slave that stands in for it; unchanged ones keep what an operator did to them (205). */
  #takeTopics(registration: RegisterBroker, data: BrokerData, isFirst: boolean, rules: RegistrationRules): void {
    const { clusterName, brokerName, brokerAddr, brokerId, dataVersion, topics, queueMappings } = registration;
    const isStandIn =
      registration.enableActingMaster !== null &&
      brokerId !== MASTER_ID &&
      brokerId === Math.min(...data.addresses.keys());
    if (brokerId !== MASTER_ID && !isStandIn) return;
    const stored = this.dataVersion(clusterName, brokerAddr);
    const isChanged = isFirst || stored === null || !isSameVersion(stored, dataVersion);
    if (rules.deleteTopicWithBrokerRegistration && queueMappings.length === 0) {
      this.topics.retainOnBroker(brokerName, new Set(topics.map(({ topicName }) => topicName)));
    }
    const permMask = isStandIn && data.enableActingMaster ? ~Perm.write : -1;
    for (const { topicName, readQueueNums, writeQueueNums, perm, topicSysFlag } of topics) {
      if (!isChanged && this.topics.has(topicName, brokerName)) continue;
      this.topics.put(topicName, { brokerName, readQueueNums, writeQueueNums, perm: perm & permMask, topicSysFlag });
    }
    if (!isChanged) return;
    for (const mapping of queueMappings) this.topics.putMapping(mapping);
  }

  #masterOf(clusterName: string, data: BrokerData): MasterAddresses {
    const masterAddr = data.addresses.get(MASTER_ID);
    const master = masterAddr === undefined ? undefined : this.#live.get(liveKey(clusterName, masterAddr));
    if (masterAddr === undefined || master === undefined) return NO_MASTER;
    return { masterAddr, haServerAddr: master.haServerAddr };
  }
}

/** Addresses are unique inside a cluster only. The length keeps two pairs of names from making one key. */
function liveKey(clusterName: string, brokerAddr: string): string {
  return `${clusterName.length} ${clusterName} ${brokerAddr}`;
}
