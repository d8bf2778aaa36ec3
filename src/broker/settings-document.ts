/**
 * A table's file in the `config` folder: remembers whether the table has changed since it was written, and writes it when told to. What
 * the disk refuses stays unsaved and is tried again at the next turn; the table in memory goes on. Used by the tables of control.
 */
import type { ControlLog, SettingsFiles } from './control-ports.ts';
import { printJson } from './print-json.ts';

export class SettingsDocument {
  readonly #name: string;
  readonly #files: SettingsFiles;
  readonly #log: ControlLog;
  readonly #contents: () => object;
  #isSaved = true;
  /** The last change has not been tried to be written yet. */
  #isFresh = false;

  /** `contents` gives the whole document as it is to be written. */
  constructor(name: string, files: SettingsFiles, log: ControlLog, contents: () => object) {
    this.#name = name;
    this.#files = files;
    this.#log = log;
    this.#contents = contents;
  }

  /** The table has changed. */
  touch(): void {
    this.#isSaved = false;
    this.#isFresh = true;
  }

  /** Writes what has changed, also what could not be written before. True when the file now says what the table says. */
  save(): boolean {
    if (this.#isSaved) return true;
    this.#isFresh = false;
    try {
      this.#files.save(this.#name, printJson(this.#contents()));
      this.#isSaved = true;
    } catch (cause) {
      this.#log.error(`${this.#name} could not be written, its changes are in memory only`, cause);
    }
    return this.#isSaved;
  }

  /** Writes a change that is new; one that the disk has refused waits for {@link save}, so that a full disk is not tried at every message. */
  saveFresh(): void {
    if (this.#isFresh) this.save();
  }
}
