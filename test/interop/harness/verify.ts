/** What a correct broker does with messages, checked on the events of the client programs. */
import { expect } from 'vitest';
import type { MessageEvent } from './clients.ts';

/** The fields that must arrive as they were sent. */
function content(message: MessageEvent): unknown {
  const { topic, index, tag, keys, flag, length, crc, properties } = message;
  return { topic, index, tag, keys, flag, length, crc, properties };
}

function byIndex(messages: readonly MessageEvent[]): MessageEvent[] {
  return [...messages].sort((a, b) => a.index - b.index);
}

function place(message: MessageEvent): string {
  return `${message.queueId}@${message.offset}`;
}

/**
 * Every message arrived exactly once with equal content, and, where the send was acknowledged with a place, from that place.
 * `sent` may have been acknowledged in any order.
 */
export function expectDelivered(sent: readonly MessageEvent[], received: readonly MessageEvent[]): void {
  expect(sent.length).toBeGreaterThan(0);
  // Counts first: a short message where something is lost or doubled.
  expect({ distinct: new Set(received.map((message) => message.index)).size, received: received.length }).toEqual({
    distinct: sent.length,
    received: sent.length,
  });
  expect(byIndex(received).map(content)).toEqual(byIndex(sent).map(content));
  const acknowledged = byIndex(sent).filter((message) => message.offset !== undefined);
  const places = new Map(received.map((message) => [message.index, place(message)]));
  expect(acknowledged.map((message) => places.get(message.index))).toEqual(acknowledged.map(place));
}

/** Queue offsets of what one queue holds run 0, 1, 2 ... without a gap. */
export function expectDenseQueues(messages: readonly MessageEvent[]): void {
  for (const offsets of perQueue(messages).values()) {
    const sorted = offsets.map((message) => message.offset).sort((a, b) => a - b);
    expect(sorted).toEqual(sorted.map((_offset, at) => at));
  }
}

/** Within each queue the messages came in the order of their offsets (an orderly consumer, one pull loop). */
export function expectOrderPerQueue(received: readonly MessageEvent[]): void {
  for (const messages of perQueue(received).values()) {
    const offsets = messages.map((message) => message.offset);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  }
}

export function perQueue(messages: readonly MessageEvent[]): Map<number, MessageEvent[]> {
  const queues = new Map<number, MessageEvent[]>();
  for (const message of messages) {
    const queue = queues.get(message.queueId);
    if (queue === undefined) queues.set(message.queueId, [message]);
    else queue.push(message);
  }
  return queues;
}

/** One line in the report of the run: what a scenario verified. */
export function verified(scenario: string, facts: string): void {
  process.stdout.write(`verified  ${scenario}: ${facts}\n`);
}
