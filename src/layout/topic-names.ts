/** Topics whose name decides what a queue entry holds. Here and not in remoting, because the store compares entries with records. */

/** Upstream's topic of delayed messages, one queue for each delay level: its entries hold times of delivery in place of tags codes. */
export const SCHEDULE_TOPIC = 'SCHEDULE_TOPIC_XXXX';
