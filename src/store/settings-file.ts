/**
 * The JSON documents in the store's `config` folder (spec/store.md 18.2), behind control's `SettingsFiles`: replaced in one step that
 * survives a loss of power, the version before kept as `.bak`, which is read when the file itself cannot be.
 */
import { join } from 'node:path';
import { type Disk, isMissing, makeDurableDirectory, writeWhole } from './disk.ts';

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
  #parse<T>(path: string, parse: (text: string) => T): { value: T } | null {
    const text = this.#read(path);
    if (text === null) return null;
    try {
      return { value: parse(text) };
    } catch (cause) {
      this.#log.error(`${path} cannot be parsed, it is kept as ${path}.damaged`, cause);
      this.#disk.rename(path, `${path}.damaged`);
      return null;
    }
  }

  #read(path: string): string | null {
    try {
      const text = Buffer.from(this.#disk.readWhole(path)).toString();
      return text.trim() === '' ? null : text;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }
}
