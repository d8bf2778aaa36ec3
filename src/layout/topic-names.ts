/** Topics whose name decides what a queue entry holds. Here and not in remoting, because the store compares entries with records. */

/** Upstream's topic of delayed messages, one queue for each delay level: its entries hold times of delivery in place of tags codes. */
export const SCHEDULE_TOPIC = 'SCHEDULE_TOPIC_XXXX';

const LIGHT_QUEUE_PREFIX = '%LMQ%';

/** Apache's queues for light consumers hold entries of other topics' records: nothing of them can be told, or built, from the log. */
export function isLightQueue(topic: string): boolean {
  return topic.startsWith(LIGHT_QUEUE_PREFIX);
}
