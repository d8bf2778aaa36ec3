/** The version of a table that is copied to NameServers and slaves, as it travels: equal only when all three numbers are (spec/api.md 3). */
import type { JsonObject } from './fast-json.ts';
import { numberMember } from './json-fields.ts';

export interface DataVersionFields {
  readonly counter: number;
  readonly stateVersion: number;
  readonly timestamp: number;
}

export function readDataVersion(object: JsonObject): DataVersionFields {
  return {
    counter: numberMember(object, 'counter', 0),
    stateVersion: numberMember(object, 'stateVersion', 0),
    timestamp: numberMember(object, 'timestamp', 0),
  };
}

export function isSameVersion(one: DataVersionFields, other: DataVersionFields): boolean {
  return one.counter === other.counter && one.stateVersion === other.stateVersion && one.timestamp === other.timestamp;
}
