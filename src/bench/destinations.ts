/**
 * Where the messages of a run go. Every lane (a sender with one request at a time) visits all queues of all topics in turn, so that sender
 * and reader both know which of its messages belong into which queue. Used by the load and consume workers and by verification.
 */

export interface Destinations {
  /** Topics are named by the prefix and an index of fixed width. */
  readonly topicPrefix: string;
  readonly topics: number;
  /** Of each topic. */
  readonly queues: number;
}

/** A destination is a queue of a topic, numbered so that neighbours differ in their topic. */
export function destinationCount(destinations: Destinations): number {
  return destinations.topics * destinations.queues;
}

export function topicIndexOf(destinations: Destinations, destination: number): number {
  return destination % destinations.topics;
}

export function queueIdOf(destinations: Destinations, destination: number): number {
  return Math.floor(destination / destinations.topics);
}

export function topicIndexWidth(destinations: Destinations): number {
  return String(destinations.topics - 1).length;
}

export function topicName(destinations: Destinations, index: number): string {
  return destinations.topicPrefix + String(index).padStart(topicIndexWidth(destinations), '0');
}

/** Destination of a lane's message; lanes start at different ones. */
export function destinationOf(count: number, lane: number, sequence: number): number {
  return (lane + sequence) % count;
}

/** The lowest sequence of a lane that goes to `destination`; every `count`th after it does too. */
export function firstSequenceAt(count: number, lane: number, destination: number): number {
  const first = (destination - lane) % count;
  return first < 0 ? first + count : first;
}
