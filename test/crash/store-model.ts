/**
 * What must be in the store: every message that was acknowledged, that a consumer was given or that an earlier survey has found, and where it
 * lies. Pure: it takes what the clients witnessed and what a survey of the restarted broker found, and says what does not fit. Used by life.ts.
 */

import type { FoundMessage } from './messages.ts';
import { laneOf, nameOf, sequenceOf, topicName } from './messages.ts';
import { isAcknowledgement, type WitnessEntry, WitnessKind } from './witness-log.ts';

/** More say nothing new. */
const VIOLATIONS_MAX = 20;

export interface FoundQueue {
  readonly topic: number;
  readonly queueId: number;
  readonly min: number;
  readonly max: number;
  /** From `from` to the end, in the order of the pulls. */
  readonly from: number;
  readonly messages: readonly FoundMessage[];
}

/** A group's place in a queue as the restarted broker tells it. */
export interface FoundOffset {
  readonly group: number;
  readonly topic: number;
  readonly queueId: number;
  readonly offset: number;
}

/** How the broker went down. */
export interface Ended {
  /** Everything was written in order. */
  readonly clean: boolean;
  /** So long before the broker's end must a commit have been answered to be in the file. */
  readonly filingMs: number;
  /** A loss of power has taken messages that a consumer may have been given: its group is at the queue's end then, not behind it. */
  readonly hasLost: boolean;
}

class QueueModel {
  /** By queue offset; NaN where nothing is known. */
  readonly ids: number[] = [];
  readonly logOffsets: number[] = [];

  /** Everything below is known, or lies before something known. */
  get end(): number {
    return this.ids.length;
  }

  know(queueOffset: number, id: number, logOffset: number): string | null {
    while (this.ids.length <= queueOffset) {
      this.ids.push(Number.NaN);
      this.logOffsets.push(Number.NaN);
    }
    const knownId = this.ids[queueOffset]!;
    if (Number.isNaN(knownId)) {
      this.ids[queueOffset] = id;
      this.logOffsets[queueOffset] = logOffset;
      return null;
    }
    if (knownId !== id) return `is ${nameOf(id)} and was ${nameOf(knownId)}`;
    const knownLogOffset = this.logOffsets[queueOffset]!;
    return knownLogOffset === logOffset ? null : `lies at ${logOffset} and lay at ${knownLogOffset} of the log`;
  }
}

interface Commits {
  /** What the group had when the broker started last. */
  base: number;
  sent: number[];
  /** When the last of them was sent. */
  sentUs: number;
  answered: { readonly offset: number; readonly us: number }[];
}

export class StoreModel {
  readonly violations: string[] = [];
  /** Messages whose acknowledgement was witnessed. */
  acknowledged = 0;
  /**
   * The broker has not ended before: then a commit was sent that it has answered. What its clients and the test notice of its end, and
   * the answers that they read, may come any time later on a busy machine.
   */
  #livedUs = 0;
  readonly #queues = new Map<string, QueueModel>();
  readonly #commits = new Map<string, Commits>();
  /** What each lane will send next; no message has a higher number. */
  readonly #sent = new Map<number, number>();

  report(text: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(text);
  }

  sent(lane: number, next: number): void {
    this.#sent.set(lane, next);
  }

  witness(entry: WitnessEntry): void {
    const { kind, topic, queueId, id, queueOffset, logOffset, us } = entry;
    if (isAcknowledgement(entry) || kind === WitnessKind.seen) {
      const wrong = this.#queue(topic, queueId).know(queueOffset, id, logOffset);
      const who = kind === WitnessKind.seen ? 'a consumer was given' : 'the answer to a send says';
      if (wrong !== null) this.report(`${who}: ${placeOf(topic, queueId, queueOffset)} ${wrong}`);
      if (isAcknowledgement(entry)) this.acknowledged++;
      return;
    }
    const commits = this.#commitsOf(id, topic, queueId);
    if (kind === WitnessKind.commitSent) {
      commits.sent.push(queueOffset);
      commits.sentUs = us;
      return;
    }
    commits.answered.push({ offset: queueOffset, us });
    this.#livedUs = Math.max(this.#livedUs, commits.sentUs);
  }

  /** Queues that messages or places of groups are known of. */
  queues(): { readonly topic: number; readonly queueId: number }[] {
    const ofGroups = this.groups().map(({ topic, queueId }) => `${topic}/${queueId}`);
    return [...new Set([...this.#queues.keys(), ...ofGroups])].map((key) => {
      const [topic, queueId] = key.split('/').map(Number) as [number, number];
      return { topic, queueId };
    });
  }

  groups(): { readonly group: number; readonly topic: number; readonly queueId: number }[] {
    return [...this.#commits.keys()].map((key) => {
      const [group, topic, queueId] = key.split('/').map(Number) as [number, number, number];
      return { group, topic, queueId };
    });
  }

  /** Checks what was found, and knows it from now on: it must not go away again. */
  checkQueues(found: readonly FoundQueue[]): void {
    const ids = new Set<number>();
    for (const queue of found) {
      this.#checkBounds(queue);
      this.#checkMessages(queue, ids);
    }
  }

  /** Checks the groups' places after a start, and goes on from them. */
  checkOffsets(found: readonly FoundOffset[], maxOf: (topic: number, queueId: number) => number, ended: Ended): void {
    const filedBeforeUs = this.#livedUs - ended.filingMs * 1000;
    for (const { group, topic, queueId, offset } of found) {
      const commits = this.#commitsOf(group, topic, queueId);
      const where = `group ${group} in ${topicName(topic)}/${queueId} is at ${offset}`;
      const max = maxOf(topic, queueId);
      const held = (committed: number): number => (ended.hasLost ? Math.min(committed, max) : committed);
      if (offset > max) this.report(`${where}, the queue ends at ${max}`);
      if (![commits.base, ...commits.sent].map(held).includes(offset)) {
        this.report(`${where}, which it has not committed (was at ${commits.base})`);
      }
      const due = commits.answered.filter(({ us }) => ended.clean || us < filedBeforeUs);
      const least = held(due.reduce((most, commit) => Math.max(most, commit.offset), commits.base));
      if (offset < least) this.report(`${where}, it had committed ${least} in good time`);
      this.#commits.set(keyOf(group, topic, queueId), { base: offset, sent: [], sentUs: 0, answered: [] });
    }
  }

  #checkBounds({ topic, queueId, min, max, from, messages }: FoundQueue): void {
    const place = `${topicName(topic)}/${queueId}`;
    const { end } = this.#queue(topic, queueId);
    if (min !== 0) this.report(`${place} begins at ${min}, nothing was deleted`);
    if (max < end) this.report(`LOST: ${place} ends at ${max}, messages up to ${end} were there`);
    if (messages.length !== max - from) this.report(`${place}: ${messages.length} messages from ${from} to ${max}`);
  }

  #checkMessages({ topic, queueId, from, messages }: FoundQueue, ids: Set<number>): void {
    const queue = this.#queue(topic, queueId);
    const lanes = new Map<number, number>();
    let lastLogOffset = -1;
    for (const [index, message] of messages.entries()) {
      const { id, queueOffset, logOffset } = message;
      const place = placeOf(topic, queueId, from + index);
      if (queueOffset !== from + index) this.report(`${place} says that it is ${queueOffset}`);
      if (message.topic !== topicName(topic) || message.queueId !== queueId) {
        this.report(`${place} says that it is of ${message.topic}/${message.queueId}`);
      }
      if (logOffset <= lastLogOffset) this.report(`${place} lies at ${logOffset} of the log, behind ${lastLogOffset}`);
      lastLogOffset = logOffset;
      if (Number.isNaN(id)) {
        this.report(`PHANTOM: ${place} is ${message.what}`);
        continue;
      }
      const wrong = queue.know(from + index, id, logOffset);
      if (wrong !== null) this.report(`LOST: ${place} ${wrong}`);
      if (ids.has(id)) this.report(`TWICE: ${place} is ${nameOf(id)}, which lies elsewhere too and was sent once`);
      ids.add(id);
      this.#checkSender(place, id, lanes);
    }
  }

  #checkSender(place: string, id: number, lanes: Map<number, number>): void {
    const lane = laneOf(id);
    const sequence = sequenceOf(id);
    if (sequence >= (this.#sent.get(lane) ?? 0))
      this.report(`PHANTOM: ${place} is ${nameOf(id)}, which nobody has sent`);
    const before = lanes.get(lane) ?? -1;
    if (sequence <= before) this.report(`ORDER: ${place} is ${nameOf(id)}, behind ${before} of its lane`);
    lanes.set(lane, sequence);
  }

  #queue(topic: number, queueId: number): QueueModel {
    const key = `${topic}/${queueId}`;
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new QueueModel();
      this.#queues.set(key, queue);
    }
    return queue;
  }

  #commitsOf(group: number, topic: number, queueId: number): Commits {
    const key = keyOf(group, topic, queueId);
    let commits = this.#commits.get(key);
    if (commits === undefined) {
      commits = { base: 0, sent: [], sentUs: 0, answered: [] };
      this.#commits.set(key, commits);
    }
    return commits;
  }
}

function keyOf(group: number, topic: number, queueId: number): string {
  return `${group}/${topic}/${queueId}`;
}

function placeOf(topic: number, queueId: number, queueOffset: number): string {
  return `${topicName(topic)}/${queueId}@${queueOffset}`;
}
