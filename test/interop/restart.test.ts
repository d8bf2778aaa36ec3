/** What must be there after the broker comes back: messages, consumer offsets, and clients that were running all the time. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { javaClient, runClient, startClient } from './harness/clients.ts';
import { startTarget, TARGET } from './harness/target.ts';
import { expectDelivered, expectDenseQueues, verified } from './harness/verify.ts';

const COUNT = 40;
/** Both brokers write the offsets every 5 s. */
const OFFSETS_FILED_MS = 30_000;

describe(`restart of ${TARGET}`, () => {
  it.each([
    ['a clean stop', 'SIGTERM', 'async', '5.3.3'],
    ['kill -9', 'SIGKILL', 'async', '4.9.8'],
    ['kill -9 with sync flush', 'SIGKILL', 'sync', '5.3.3'],
  ] as const)('%s loses nothing and moves no offset', async (name, signal, flush, version) => {
    const client = javaClient(version);
    const target = await startTarget({ flush });
    try {
      const topic = 'restart';
      const produce = (from: number) =>
        runClient(client, 'produce', {
          namesrv: target.namesrv,
          topic,
          'plain-topic': true,
          modes: 'sync',
          from,
          count: COUNT,
        });
      const consume = (group: string) => startClient(client, 'push', { namesrv: target.namesrv, topics: topic, group });
      const before = (await produce(0)).sent();
      const finished = consume('restart-finished');
      const running = consume('restart-running');
      await finished.receives(COUNT);
      await running.receives(COUNT);
      await finished.stop();
      // kill -9 is allowed to lose offsets that are not filed yet; these are.
      await waitFor(
        () => `offset ${COUNT} in ${offsetsText(target.store)}`,
        OFFSETS_FILED_MS,
        () => filedOffset(target.store, topic, 'restart-finished') === COUNT,
      );

      await target.restart(signal);

      const after = (await produce(COUNT)).sent();
      expect(after).toHaveLength(COUNT);
      const again = consume('restart-finished');
      const fresh = consume('restart-fresh');
      await again.receives(COUNT);
      await fresh.receives(2 * COUNT);
      await running.receives(2 * COUNT);
      for (const consumer of [again, fresh, running]) await consumer.stop();
      expectDelivered(before, finished.received());
      expectDelivered(after, again.received());
      expectDelivered([...before, ...after], fresh.received());
      expectDenseQueues(fresh.received());
      expectDelivered([...before, ...after], running.received());
      verified(
        `restart by ${name}`,
        `${COUNT} before and ${COUNT} after; groups go on where they were, one of them over the restart`,
      );
    } finally {
      await target.stop();
    }
  });
});

/** The sum of the group's offsets over the queues of the topic, as config/consumerOffset.json has it. */
function filedOffset(store: string, topic: string, group: string): number {
  // Apache writes the queue ids as bare numbers, which is not JSON.
  const text = offsetsText(store).replace(/([{,])(\d+):/g, '$1"$2":');
  if (text === '') return -1;
  const table = (JSON.parse(text) as { offsetTable: Record<string, Record<string, number>> }).offsetTable;
  return Object.values(table[`${topic}@${group}`] ?? {}).reduce((sum, offset) => sum + offset, 0);
}

/** Empty while there is no file: Apache's broker takes it away for a moment when it replaces it. */
function offsetsText(store: string): string {
  try {
    return readFileSync(`${store}/config/consumerOffset.json`, 'utf8');
  } catch {
    return '';
  }
}
