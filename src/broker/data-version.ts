/**
 * The version of a table that is copied to NameServers and slaves: it moves on with every change (spec/api.md 3). Used by the tables of
 * control.
 */
import { type DataVersionFields, isSameVersion } from '../remoting/data-version.ts';

export class DataVersion {
  #fields: DataVersionFields;

  constructor(nowMs: number) {
    this.#fields = { counter: 0, stateVersion: 0, timestamp: nowMs };
  }

  /** The table has changed. */
  advance(nowMs: number): void {
    this.#fields = { ...this.#fields, counter: this.#fields.counter + 1, timestamp: nowMs };
  }

  /** Takes over the version of a table read from a file. */
  assign(fields: DataVersionFields): void {
    this.#fields = fields;
  }

  get fields(): DataVersionFields {
    return this.#fields;
  }

  equals(other: DataVersionFields): boolean {
    return isSameVersion(this.#fields, other);
  }
}
