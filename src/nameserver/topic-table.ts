/**
 * Which broker has which topic with how many queues: the part of the NameServer's state that clients ask for. Pure; the route table owns it
 * and keeps it in step with the brokers that are alive.
 */
import type { TopicQueueMappingInfo } from '../remoting/register-body.ts';
import { Perm, TopicSysFlag } from '../remoting/topic-config.ts';

/** A topic's queues on one broker. */
export interface QueueData {
  readonly brokerName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  /** Bits of {@link Perm}. */
  perm: number;
  /** Bits of {@link TopicSysFlag}. */
  readonly topicSysFlag: number;
}

export class TopicTable {
  readonly #topics = new Map<string, Map<string, QueueData>>();
  /** Static topics: how their logical queues lie on each broker. */
  readonly #mappings = new Map<string, Map<string, TopicQueueMappingInfo>>();

  has(topic: string, brokerName: string): boolean {
    return this.#topics.get(topic)?.has(brokerName) ?? false;
  }

  /** The topic's queues by broker name; undefined when no broker has it. */
  queues(topic: string): ReadonlyMap<string, QueueData> | undefined {
    return this.#topics.get(topic);
  }

  mappings(topic: string): ReadonlyMap<string, TopicQueueMappingInfo> | undefined {
    return this.#mappings.get(topic);
  }

  put(topic: string, queues: QueueData): void {
    innerMap(this.#topics, topic).set(queues.brokerName, queues);
  }

  putMapping(mapping: TopicQueueMappingInfo): void {
    innerMap(this.#mappings, mapping.topic).set(mapping.bname, mapping);
  }

  names(): string[] {
    return [...this.#topics.keys()];
  }

  /** Topics that at least one of the brokers has. */
  namesOn(brokerNames: ReadonlySet<string>): string[] {
    return this.#namesWhere((queues) => [...queues.keys()].some((brokerName) => brokerNames.has(brokerName)));
  }

  /** Topics whose flags satisfy `wanted`; brokers agree on a topic's flags, so the first one speaks for all. */
  namesByFlag(wanted: (topicSysFlag: number) => boolean): string[] {
    return this.#namesWhere((queues) => {
      const [first] = queues.values();
      return first !== undefined && wanted(first.topicSysFlag);
    });
  }

  delete(topic: string): void {
    this.#topics.delete(topic);
  }

  /** Takes the topic from these brokers only. */
  deleteOn(topic: string, brokerNames: Iterable<string>): void {
    const queues = this.#topics.get(topic);
    if (queues === undefined) return;
    for (const brokerName of brokerNames) queues.delete(brokerName);
    if (queues.size === 0) this.#topics.delete(topic);
  }

  /** The broker is gone; when it comes back it registers everything anew. */
  removeBroker(brokerName: string): void {
    for (const [topic, mappings] of this.#mappings) {
      if (mappings.delete(brokerName) && mappings.size === 0) this.#mappings.delete(topic);
    }
    for (const topic of this.names()) this.deleteOn(topic, [brokerName]);
  }

  /** Takes the broker's topics that are not in `kept`. */
  retainOnBroker(brokerName: string, kept: ReadonlySet<string>): void {
    for (const topic of this.names()) {
      if (!kept.has(topic)) this.deleteOn(topic, [brokerName]);
    }
  }

  /** Producers see the broker as closed until its next changed registration. Returns how many topics it has. */
  clearWrite(brokerName: string): number {
    return this.#changePerm(brokerName, (perm) => perm & ~Perm.write);
  }

  /** Opens all of the broker's topics for reading and writing. Returns how many it has. */
  allowReadWrite(brokerName: string): number {
    return this.#changePerm(brokerName, () => Perm.readWrite);
  }

  #changePerm(brokerName: string, change: (perm: number) => number): number {
    let changed = 0;
    for (const queues of this.#topics.values()) {
      const data = queues.get(brokerName);
      if (data === undefined) continue;
      data.perm = change(data.perm);
      changed++;
    }
    return changed;
  }

  #namesWhere(matches: (queues: ReadonlyMap<string, QueueData>) => boolean): string[] {
    const names: string[] = [];
    for (const [topic, queues] of this.#topics) {
      if (matches(queues)) names.push(topic);
    }
    return names;
  }
}

export function isUnitTopic(topicSysFlag: number): boolean {
  return (topicSysFlag & TopicSysFlag.unit) !== 0;
}

export function hasUnitSubscription(topicSysFlag: number): boolean {
  return (topicSysFlag & TopicSysFlag.unitSubscription) !== 0;
}

function innerMap<Value>(maps: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  let map = maps.get(key);
  if (map === undefined) {
    map = new Map();
    maps.set(key, map);
  }
  return map;
}
