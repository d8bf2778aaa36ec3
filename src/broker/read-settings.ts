/**
 * What the store's settings files say to a verification, read as the tables of control read them. Called by the command line's tools, which
 * hand it to the store.
 */
import { parseFastJson } from '../remoting/fast-json.ts';
import { GROUPS_FILE, OFFSETS_FILE, type SettingsContents, TOPICS_FILE } from '../store/settings-file.ts';
import { parseOffsets, placesOf } from './consumer-offsets.ts';
import { parseGroups } from './group-table.ts';
import { parseTopics, topicLimit } from './topic-table.ts';

/** Throws for what the broker cannot read. */
export function readSettings(name: string, text: string): SettingsContents {
  switch (name) {
    case TOPICS_FILE:
      return readTopics(text);
    case GROUPS_FILE:
      parseGroups(text);
      return {};
    case OFFSETS_FILE:
      return { places: placesOf(parseOffsets(text).offsets) };
    default:
      // Only Apache's broker reads it.
      parseFastJson(text);
      return {};
  }
}

function readTopics(text: string): SettingsContents {
  const { topics } = parseTopics(text);
  const names = new Set(topics.map(({ topicName }) => topicName));
  const refusal = topics.map(topicLimit).find((limit) => limit !== null);
  return refusal == null ? { topics: names } : { topics: names, refusal };
}
