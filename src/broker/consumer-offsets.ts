/**
 * How far each consumer group has come in each queue, in consumerOffset.json and in memory (spec/api.md 7, spec/store.md 18.6). Control is
 * the only writer; an offset may go back, because a group may be reset.
 */
import type { Clock } from '../base/clock.ts';
import { type DataVersionFields, readDataVersion } from '../remoting/data-version.ts';
import type { JsonObject } from '../remoting/fast-json.ts';
import { asObject, numberMember, objectMember, parseObject } from '../remoting/json-fields.ts';
import { type GroupPlace, OFFSETS_FILE } from '../store/settings-file.ts';
import type { CoordinatorPorts } from './control-ports.ts';
import { DataVersion } from './data-version.ts';
import { SettingsDocument } from './settings-document.ts';

/** The table's version moves on once per so many commits (`consumerOffsetUpdateVersionStep`): slaves copy it when it has moved. */
const COMMITS_PER_VERSION = 500;

/** Neither topics nor groups have this character. */
const SEPARATOR = '@';

export class ConsumerOffsets {
  readonly document: SettingsDocument;
  readonly #clock: Clock;
  readonly #version: DataVersion;
  /** `topic@group` -> queue id -> next offset to consume. */
  readonly #offsets = new Map<string, Map<number, number>>();
  #commits = 0;

  constructor({ clock, files, log }: Pick<CoordinatorPorts, 'clock' | 'files' | 'log'>) {
    this.#clock = clock;
    this.#version = new DataVersion(clock.nowMs());
    this.document = new SettingsDocument(OFFSETS_FILE, files, log, () => this.contents());
    const stored = files.load(OFFSETS_FILE, parseOffsets);
    if (stored !== null) this.#version.assign(stored.version);
    for (const [key, queues] of stored?.offsets ?? []) this.#offsets.set(key, queues);
  }

  /** The stored offset; -1 when there is none. */
  get(group: string, topic: string, queueId: number): number {
    return this.#offsets.get(topic + SEPARATOR + group)?.get(queueId) ?? -1;
  }

  commit(group: string, topic: string, queueId: number, offset: number): void {
    const key = topic + SEPARATOR + group;
    let queues = this.#offsets.get(key);
    if (queues === undefined) {
      queues = new Map();
      this.#offsets.set(key, queues);
    }
    if (queues.get(queueId) !== offset) this.document.touch();
    queues.set(queueId, offset);
    this.#commits++;
    if (this.#commits % COMMITS_PER_VERSION === 0) this.#version.advance(this.#clock.nowMs());
  }

  /**
   * Moves back the groups that have come further than their queue goes, for a start: a loss of power, a repair or somebody else may have
   * taken the queue's end, and they would pass over the messages that are given these offsets next. Returns how many places were moved.
   */
  holdBack(endOf: (topic: string, queueId: number) => number): number {
    let moved = 0;
    for (const { group, topic, queueId, offset } of placesOf(this.#offsets)) {
      const end = endOf(topic, queueId);
      if (offset <= end) continue;
      this.#offsets.get(topic + SEPARATOR + group)!.set(queueId, end);
      moved++;
    }
    if (moved > 0) this.document.touch();
    return moved;
  }

  /** Topics that a group has offsets on. */
  topicsOf(group: string): string[] {
    return this.#otherHalves((topic, holder) => (holder === group ? topic : null));
  }

  /** Groups that have offsets on a topic. */
  groupsOf(topic: string): string[] {
    return this.#otherHalves((name, group) => (name === topic ? group : null));
  }

  #otherHalves(pick: (topic: string, group: string) => string | null): string[] {
    const picked: string[] = [];
    for (const key of this.#offsets.keys()) {
      const parts = splitKey(key);
      const half = parts === null ? null : pick(parts.topic, parts.group);
      if (half !== null) picked.push(half);
    }
    return picked;
  }

  /** The document of the file and of 43. */
  contents(): object {
    const groupTopicMap = new Map<string, string[]>();
    for (const key of this.#offsets.keys()) {
      const parts = splitKey(key);
      if (parts === null) continue;
      const topics = groupTopicMap.get(parts.group);
      if (topics === undefined) groupTopicMap.set(parts.group, [parts.topic]);
      else topics.push(parts.topic);
    }
    return { dataVersion: this.#version.fields, groupTopicMap, offsetTable: this.#offsets };
  }
}

/** Of a file: `topic@group`, and its queues. */
type StoredOffsets = Iterable<readonly [string, ReadonlyMap<number, number>]>;

/** The document of the file. */
export function parseOffsets(text: string): {
  readonly version: DataVersionFields;
  readonly offsets: [string, Map<number, number>][];
} {
  const document = parseObject(text, OFFSETS_FILE);
  const offsets = Object.entries(objectMember(document, 'offsetTable')).map(
    ([key, value]): [string, Map<number, number>] => [key, readQueues(asObject(value, key))],
  );
  return { version: readDataVersion(objectMember(document, 'dataVersion')), offsets };
}

/** Where groups are in queues. */
export function* placesOf(offsets: StoredOffsets): Generator<GroupPlace> {
  for (const [key, queues] of offsets) {
    const parts = splitKey(key);
    if (parts === null) continue;
    for (const [queueId, offset] of queues) yield { ...parts, queueId, offset };
  }
}

/** Null for the keys with a third part that upstream keeps for broadcast groups: they are nobody's in lists. */
function splitKey(key: string): { topic: string; group: string } | null {
  const [topic, group, more] = key.split(SEPARATOR);
  return topic === undefined || group === undefined || more !== undefined ? null : { topic, group };
}

function readQueues(object: JsonObject): Map<number, number> {
  const queues = new Map<number, number>();
  for (const queueId of Object.keys(object)) queues.set(Number(queueId), numberMember(object, queueId, 0));
  return queues;
}
