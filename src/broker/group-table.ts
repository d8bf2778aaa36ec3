/**
 * Every subscription group of this broker with its settings, in subscriptionGroup.json and in memory. Control is the only writer; the net
 * threads get a view of each change. Rules: spec/api.md 3.
 */
import type { Clock } from '../base/clock.ts';
import { type DataVersionFields, readDataVersion } from '../remoting/data-version.ts';
import type { JsonObject } from '../remoting/fast-json.ts';
import { asObject, objectMember, parseObject } from '../remoting/json-fields.ts';
import { GROUPS_FILE } from '../store/settings-file.ts';
import type { CoordinatorPorts } from './control-ports.ts';
import { DataVersion } from './data-version.ts';
import { type GroupConfig, isGroupName, newGroupConfig, readGroupConfig } from './group-config.ts';
import { SettingsDocument } from './settings-document.ts';
import { isSystemGroup, SYSTEM_GROUPS } from './system-names.ts';

export type GroupTablePorts = Pick<CoordinatorPorts, 'settings' | 'clock' | 'files' | 'log'>;

export class GroupTable {
  readonly version: DataVersion;
  readonly document: SettingsDocument;
  readonly #clock: Clock;
  readonly #autoCreates: boolean;
  readonly #changed: (config: GroupConfig) => void;
  readonly #groups = new Map<string, GroupConfig>();
  /** Topics that a group may not read (353), kept for upstream's brokers: group -> topic -> bits. */
  #forbidden: JsonObject = {};

  /** `changed` is told of each group that is new or altered, from the constructor on. */
  constructor(ports: GroupTablePorts, changed: (config: GroupConfig) => void) {
    this.version = new DataVersion(ports.clock.nowMs());
    this.document = new SettingsDocument(GROUPS_FILE, ports.files, ports.log, () => this.contents(this.all()));
    this.#clock = ports.clock;
    this.#autoCreates = ports.settings.autoCreateSubscriptionGroup;
    this.#changed = changed;
    const stored = ports.files.load(GROUPS_FILE, parseGroups);
    if (stored !== null) {
      this.version.assign(stored.version);
      this.#forbidden = stored.forbidden;
      for (const config of stored.groups) this.#groups.set(config.groupName, config);
    }
    for (const name of SYSTEM_GROUPS) if (!this.has(name)) this.put(newGroupConfig(name));
  }

  /** Without auto-creation. */
  has(name: string): boolean {
    return this.#groups.has(name);
  }

  get(name: string): GroupConfig | undefined {
    return this.#groups.get(name);
  }

  /** The group, made with the defaults when it is new and may be; null when there is none. */
  ensure(name: string): GroupConfig | null {
    const present = this.get(name);
    if (present !== undefined) return present;
    if (!(this.#autoCreates || isSystemGroup(name)) || !isGroupName(name)) return null;
    const config = newGroupConfig(name);
    this.put(config);
    return config;
  }

  put(config: GroupConfig): void {
    this.#groups.set(config.groupName, config);
    this.version.advance(this.#clock.nowMs());
    this.document.touch();
    this.#changed(config);
  }

  all(): IterableIterator<GroupConfig> {
    return this.#groups.values();
  }

  /** The document of the file and of 201, with these groups in it. */
  contents(groups: Iterable<GroupConfig>): object {
    const table = new Map<string, GroupConfig>();
    for (const config of groups) table.set(config.groupName, config);
    return { dataVersion: this.version.fields, forbiddenTable: this.#forbidden, subscriptionGroupTable: table };
  }
}

/** The document of the file. */
export function parseGroups(text: string): {
  readonly version: DataVersionFields;
  readonly forbidden: JsonObject;
  readonly groups: readonly GroupConfig[];
} {
  const document = parseObject(text, GROUPS_FILE);
  const table = objectMember(document, 'subscriptionGroupTable');
  const groups = Object.entries(table).map(([groupName, value]) => ({
    ...readGroupConfig(asObject(value, groupName)),
    groupName,
  }));
  const version = readDataVersion(objectMember(document, 'dataVersion'));
  return { version, forbidden: objectMember(document, 'forbiddenTable'), groups };
}
