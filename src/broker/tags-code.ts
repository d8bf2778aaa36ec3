/**
 * The tags code of a record's entry in its queue (spec/store.md 3.10): the hash of its tag, or when it is due, for a record of the schedule
 * topic. Asked by dispatch for each record, and by the workers of the store tools.
 */
import { ScannedProperties, scanProperties } from '../layout/message-properties.ts';
import type { RecordCursor } from '../layout/message-record.ts';
import { SCHEDULE_TOPIC } from '../layout/topic-names.ts';
import { DelayLevels } from './delay-levels.ts';

export class TagsCodes {
  readonly #delays: DelayLevels;
  readonly #properties = new ScannedProperties();

  constructor(delays = new DelayLevels()) {
    this.#delays = delays;
  }

  /** `bytes` hold the record that was loaded to `record`, and `tagsHash` is that of its tag. */
  of(bytes: Buffer, record: RecordCursor, tagsHash: number): number {
    return record.topicLength === SCHEDULE_TOPIC.length ? this.#ofLikelyScheduled(bytes, record, tagsHash) : tagsHash;
  }

  #ofLikelyScheduled(bytes: Buffer, record: RecordCursor, tagsHash: number): number {
    const { topicStart, topicLength, propertiesStart, propertiesLength, storeTimestamp } = record;
    if (bytes.toString('latin1', topicStart, topicStart + topicLength) !== SCHEDULE_TOPIC) return tagsHash;
    scanProperties(bytes, propertiesStart, propertiesStart + propertiesLength, this.#properties);
    const { delayLevel } = this.#properties;
    return delayLevel > 0 ? this.#delays.deliveryTime(delayLevel, storeTimestamp) : tagsHash;
  }
}
