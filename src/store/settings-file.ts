/**
 * The JSON documents in the store's `config` folder (spec/store.md 18.2), behind control's `SettingsFiles`: replaced in one step that
 * survives a loss of power, the version before kept as `.bak`, which is read when the file itself cannot be.
 */
import { join } from 'node:path';
import { type Disk, isMissing, makeDurableDirectory, writeWhole } from './disk.ts';

/** Those that the broker has. */
export const TOPICS_FILE = 'topics.json';
export const GROUPS_FILE = 'subscriptionGroup.json';
export const OFFSETS_FILE = 'consumerOffset.json';

/** What a group is going to consume next of a queue. */
export interface GroupPlace {
  readonly topic: string;
  readonly group: string;
  readonly queueId: number;
  readonly offset: number;
}

/** What a verification goes by of what a settings file says. */
export interface SettingsContents {
  readonly topics?: ReadonlySet<string>;
  readonly places?: Iterable<GroupPlace>;
  /** Why a broker cannot start with it. */
  readonly refusal?: string;
}

/** What is found where a settings file ought to be. */
export type FoundSettings<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'missing' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'damaged'; readonly cause: unknown };

/** Only looks. Throws for what is no file. */
export function findSettings<T>(disk: Disk, path: string, parse: (text: string) => T): FoundSettings<T> {
  let text: string;
  try {
    text = Buffer.from(disk.readWhole(path)).toString();
  } catch (error) {
    if (isMissing(error)) return { kind: 'missing' };
    throw error;
  }
  if (text.trim() === '') return { kind: 'empty' };
  try {
    return { kind: 'read', value: parse(text) };
  } catch (cause) {
    return { kind: 'damaged', cause };
  }
}

export interface SettingsLog {
  warn(message: string): void;
  error(message: string, cause?: unknown): void;
}

export class SettingsFolder {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #log: SettingsLog;
  #areNamesSettled = false;

  constructor(disk: Disk, directory: string, log: SettingsLog) {
    this.#disk = disk;
    this.#directory = directory;
    this.#log = log;
  }

  /**
   * What `parse` makes of the file, or of the version before it when the file is missing, empty or cannot be parsed; null when neither
   * gives anything. A file that cannot be parsed is put aside as `.damaged`, so that the next save does not make it the version before.
   */
  load<T>(name: string, parse: (text: string) => T): T | null {
    this.#settleNames();
    const path = join(this.#directory, name);
    const current = this.#parse(path, parse);
    if (current !== null) return current.value;
    const before = this.#parse(`${path}.bak`, parse);
    if (before === null) return null;
    this.#log.warn(`${path} could not be read, its version before is used: ${path}.bak`);
    return before.value;
  }

  /** Keeps the old version as `.bak` and puts the new one in its place. Throws when the disk refuses; the old version stays. */
  save(name: string, text: string): void {
    const path = join(this.#directory, name);
    if (this.#disk.stat(this.#directory) === null) makeDurableDirectory(this.#disk, this.#directory);
    writeWhole(this.#disk, `${path}.tmp`, Buffer.from(text));
    if (this.#disk.stat(path) !== null) this.#disk.rename(path, `${path}.bak`);
    this.#disk.rename(`${path}.tmp`, path);
    this.#disk.syncDirectory(this.#directory);
  }

  /**
   * A process that was killed may have renamed a file and not synced the folder. Clients are going to rely on what is read now, so a loss
   * of power must not bring the version before back.
   */
  #settleNames(): void {
    if (!this.#areNamesSettled && this.#disk.stat(this.#directory) !== null) this.#disk.syncDirectory(this.#directory);
    this.#areNamesSettled = true;
  }

  /** Null when there is nothing that can be read. */
  #parse<T>(path: string, parse: (text: string) => T): { readonly value: T } | null {
    const found = findSettings(this.#disk, path, parse);
    if (found.kind === 'damaged') {
      this.#log.error(`${path} cannot be parsed, it is kept as ${path}.damaged`, found.cause);
      this.#disk.rename(path, `${path}.damaged`);
    }
    return found.kind === 'read' ? found : null;
  }
}
