/** The tags code that a record's entry has in its queue (spec/store.md 3.10), for the workers of the store tools; dispatch has the hot form. */
import { DelayLevels } from '../../broker/delay-levels.ts';
import { ScannedProperties, scanProperties } from '../../layout/message-properties.ts';
import { SCHEDULE_TOPIC } from '../../layout/topic-names.ts';
import type { TagsCodeOf } from '../../store/expected-entries.ts';

export function tagsCodes(delays = new DelayLevels()): TagsCodeOf {
  const properties = new ScannedProperties();
  return ({ bytes, cursor }, { tagsHash }) => {
    if (cursor.topicLength !== SCHEDULE_TOPIC.length) return tagsHash;
    const topic = bytes.toString('latin1', cursor.topicStart, cursor.topicStart + cursor.topicLength);
    if (topic !== SCHEDULE_TOPIC) return tagsHash;
    const start = cursor.propertiesStart;
    scanProperties(bytes, start, start + cursor.propertiesLength, properties);
    const { delayLevel } = properties;
    return delayLevel > 0 ? delays.deliveryTime(delayLevel, cursor.storeTimestamp) : tagsHash;
  };
}
