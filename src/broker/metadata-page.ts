/**
 * Pages of the topic and group tables for slaves and tools that copy them piece by piece (21 and 201, spec/api.md 15.1). A caller without
 * the page fields gets everything, as callers up to 5.3.3 expect.
 */
import type { RemotingCommand } from '../remoting/command.ts';
import { readDataVersion } from '../remoting/data-version.ts';
import { optionalInt, optionalString } from '../remoting/header-reader.ts';
import { parseObject } from '../remoting/json-fields.ts';
import type { ControlSettings } from './control-settings.ts';
import type { DataVersion } from './data-version.ts';

export interface MetadataPage<Entry> {
  readonly entries: readonly Entry[];
  /** The caller asked for no page: it does not expect a total. */
  readonly isWhole: boolean;
  readonly total: number;
}

/** `sorted` is in the order of the names, so that pages of the same version fit together. */
export function pageOf<Entry>(
  command: RemotingCommand,
  startField: string,
  sizeField: string,
  sorted: readonly Entry[],
  version: DataVersion,
  settings: ControlSettings,
): MetadataPage<Entry> {
  const start = optionalInt(command, startField, null);
  const total = sorted.length;
  if (start === null || !settings.enableSplitMetadata) return { entries: sorted, isWhole: start === null, total };
  const first = knowsVersion(command, version) ? Math.max(0, start) : 0;
  const size = Math.min(
    settings.splitMetadataSize,
    Math.max(0, optionalInt(command, sizeField, settings.splitMetadataSize)),
  );
  return { entries: sorted.slice(first, first + size), isWhole: false, total };
}

/** A caller that pages through another version starts again. */
function knowsVersion(command: RemotingCommand, version: DataVersion): boolean {
  const text = optionalString(command, 'dataVersion');
  if (text === null) return true;
  return version.equals(readDataVersion(parseObject(text, 'dataVersion')));
}
