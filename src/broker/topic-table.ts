/**
 * Every topic of this broker with its settings and the rows of its queues, in topics.json and in memory. Control is the only writer; the
 * net threads get a view of each change. Rules: spec/api.md 3.
 */
import { QUEUES_PER_TOPIC_MAX, RETRY_TOPIC_LENGTH_MAX } from '../base/limits.ts';
import { type DataVersionFields, readDataVersion } from '../remoting/data-version.ts';
import { asObject, objectMember, parseObject } from '../remoting/json-fields.ts';
import { Perm, readTopicConfig, type TopicConfig } from '../remoting/topic-config.ts';
import { TOPICS_FILE } from '../store/settings-file.ts';
import type { CoordinatorPorts } from './control-ports.ts';
import type { TopicView } from './control-protocol.ts';
import { DataVersion } from './data-version.ts';
import { SettingsDocument } from './settings-document.ts';
import { TEMPLATE_TOPIC, topicsAtStart } from './system-names.ts';
import { queuesOf, sameTopicConfig } from './topic-config.ts';

/** A topic that cannot be kept: too many queues, or no rows left. Answered SYSTEM_ERROR. */
export class TopicLimitError extends Error {
  override readonly name = 'TopicLimitError';
}

export interface TopicSnapshot {
  readonly dataVersion: DataVersionFields;
  /** By name, ascending. */
  readonly topics: readonly TopicConfig[];
}

export type TopicTablePorts = Pick<CoordinatorPorts, 'settings' | 'clock' | 'files' | 'createSlot' | 'log'>;

export class TopicTable {
  readonly document: SettingsDocument;
  readonly #ports: TopicTablePorts;
  readonly #changed: (view: TopicView) => void;
  readonly #topics = new Map<string, TopicConfig>();
  /** Rows by topic; a topic that lost queues keeps their rows for when they come back. */
  readonly #slots = new Map<string, number[]>();
  readonly #version: DataVersion;

  /** `changed` is told of each topic that is new or altered, from the constructor on. */
  constructor(ports: TopicTablePorts, changed: (view: TopicView) => void) {
    this.#ports = ports;
    this.#changed = changed;
    this.#version = new DataVersion(ports.clock.nowMs());
    this.document = new SettingsDocument(TOPICS_FILE, ports.files, ports.log, () => this.#contents());
    const stored = ports.files.load(TOPICS_FILE, parseTopics);
    if (stored !== null) this.#version.assign(stored.version);
    for (const config of stored?.topics ?? []) this.#keep(config);
    for (const config of topicsAtStart(ports.settings)) if (!this.has(config.topicName)) this.put(config);
    if (!ports.settings.autoCreateTopicEnable) this.#closeTemplate();
  }

  has(name: string): boolean {
    return this.#topics.has(name);
  }

  get(name: string): TopicConfig | undefined {
    return this.#topics.get(name);
  }

  /** Adds or replaces a topic; one that is the same already changes nothing. */
  put(config: TopicConfig): void {
    const present = this.get(config.topicName);
    if (present !== undefined && sameTopicConfig(present, config)) return;
    this.#keep(config);
    this.#version.advance(this.#ports.clock.nowMs());
    this.document.touch();
    this.#changed(this.view(config));
  }

  /** In the order of creation. */
  all(): IterableIterator<TopicConfig> {
    return this.#topics.values();
  }

  get version(): DataVersion {
    return this.#version;
  }

  view(config: TopicConfig): TopicView {
    return {
      name: config.topicName,
      readQueueNums: config.readQueueNums,
      writeQueueNums: config.writeQueueNums,
      perm: config.perm,
      order: config.order,
      multiTags: config.topicFilterType === 'MULTI_TAG',
      topicSysFlag: config.topicSysFlag,
      attributes: config.attributes,
      slots: this.#slots.get(config.topicName)!.slice(0, queuesOf(config)),
    };
  }

  snapshot(): TopicSnapshot {
    const topics = [...this.all()].sort((a, b) => (a.topicName < b.topicName ? -1 : 1));
    return { dataVersion: this.#version.fields, topics };
  }

  #keep(config: TopicConfig): void {
    const limit = topicLimit(config);
    if (limit !== null) throw new TopicLimitError(limit);
    const { topicName } = config;
    const queues = queuesOf(config);
    const slots = this.#slots.get(topicName) ?? [];
    this.#slots.set(topicName, slots);
    while (slots.length < queues) {
      const slot = this.#ports.createSlot(topicName, slots.length);
      if (slot < 0) throw new TopicLimitError(`topic ${topicName}: this broker has no room for more queues`);
      slots.push(slot);
    }
    this.#topics.set(topicName, config);
  }

  /** With auto-creation off, a template that an earlier run has stored must not serve as one (upstream does the same). */
  #closeTemplate(): void {
    const template = this.get(TEMPLATE_TOPIC);
    if (template !== undefined) this.put({ ...template, perm: template.perm & ~Perm.inherit });
  }

  #contents(): object {
    return { dataVersion: this.#version.fields, topicConfigTable: this.#topics };
  }
}

/** Why this topic cannot be kept, whatever others there are; null when it can. */
export function topicLimit(config: TopicConfig): string | null {
  const { topicName } = config;
  if (Buffer.byteLength(topicName) > RETRY_TOPIC_LENGTH_MAX) return `topic name too long: ${topicName}`;
  const queues = queuesOf(config);
  if (queues <= QUEUES_PER_TOPIC_MAX) return null;
  return `topic ${topicName}: ${queues} queues, at most ${QUEUES_PER_TOPIC_MAX} are possible`;
}

/** The document of the file. */
export function parseTopics(text: string): {
  readonly version: DataVersionFields;
  readonly topics: readonly TopicConfig[];
} {
  const document = parseObject(text, TOPICS_FILE);
  const table = objectMember(document, 'topicConfigTable');
  const topics = Object.entries(table).map(([topicName, value]) => ({
    ...readTopicConfig(asObject(value, topicName)),
    topicName,
  }));
  return { version: readDataVersion(objectMember(document, 'dataVersion')), topics };
}
