/**
 * Remembers what the broker was given and what it has said, and judges what is found after a start. A message has one of three promises:
 * none, to survive the end of the process, to survive a loss of power. An answer gives the promise of its stage, a consumer's look that of
 * what may be seen; a start makes everything that it has found durable, and what it has not found must never come back.
 */

import type { CrashMode } from '../support/sim-disk.ts';
import type { FoundMessage, StoreContents } from './audit.ts';
import { insist, Violation } from './violation.ts';

export type Promise = 'none' | 'kill' | 'power';

export interface Sent {
  readonly id: number;
  readonly topic: string;
  readonly queueId: number;
  readonly body: string;
  promise: Promise;
  /** What fulfils it, for people. */
  why: string;
  /** Answered with an error: it is not stored. */
  isRefused: boolean;
  /** A start has not found it. */
  isGone: boolean;
  /** -1 as long as nobody has said. */
  logOffset: number;
  queueOffset: number;
}

/** The unique key of a message. */
export function keyOf(id: number): string {
  return `U${String(id).padStart(8, '0')}`;
}

const FILLER = 'abcdefghijklmnopqrstuvwxyz0123456789';

export class Oracle {
  readonly #sent: Sent[] = [];
  /** Consumer offsets by `topic@group@queue`: what was committed, and what was last saved. */
  #committed = new Map<string, number>();
  /** More than one where a disk that fails has left open which. */
  #saved: ReadonlyMap<string, number>[] = [new Map()];
  /** Consumers of async flush may have gone further than a loss of power has left the log. */
  #mayBeAhead = false;
  #deletedTo = 0;
  readonly topics = new Set<string>();

  get messages(): readonly Sent[] {
    return this.#sent;
  }

  /** A message that is about to be sent. */
  compose(topic: string, queueId: number, length: number): Sent {
    const id = this.#sent.length;
    const head = `${id}|`;
    const filler = FILLER.repeat(Math.ceil(length / FILLER.length) + 1).slice(id % FILLER.length);
    const body = head + filler.slice(0, Math.max(0, length - head.length));
    const sent: Sent = {
      id,
      topic,
      queueId,
      body,
      promise: 'none',
      why: 'nobody has promised anything',
      isRefused: false,
      isGone: false,
      logOffset: -1,
      queueOffset: -1,
    };
    this.#sent.push(sent);
    return sent;
  }

  /** It never got as far as the broker. */
  notSent(sent: Sent): void {
    sent.isRefused = true;
  }

  stored(sent: Sent, logOffset: number, queueOffset: number, promise: Promise, why: string): void {
    this.#places(sent, logOffset, queueOffset, why);
    raise(sent, promise, why);
  }

  refused(sent: Sent): void {
    insist(sent.promise === 'none', () => `message ${sent.id} is refused, and ${sent.why}`);
    sent.isRefused = true;
  }

  /** A consumer has been shown these. */
  seen(messages: readonly FoundMessage[], promise: Promise): void {
    for (const message of messages) {
      const sent = this.#known(message);
      this.#places(sent, message.logOffset, message.queueOffset, 'a consumer has it');
      raise(sent, promise, 'a consumer has seen it');
    }
  }

  committed(key: string, offset: number): void {
    this.#committed.set(key, offset);
  }

  /** The newest commits are in their file; not `certain`: perhaps not yet on the platter, because some call has failed. */
  savedOffsets(certain: boolean): void {
    const newest = new Map(this.#committed);
    this.#saved = certain ? [newest] : [...this.#saved, newest];
  }

  /** Old segments up to here are deleted, or about to be; one may come back as long as its name is not durably gone. */
  deleted(to: number): void {
    this.#deletedTo = Math.max(this.#deletedTo, to);
  }

  /** The broker has ended. What lies below `flushed` is promised to survive anything. */
  crashed(mode: CrashMode, flushed: number, isSyncFlush: boolean): void {
    if (mode === 'kill') return;
    if (!isSyncFlush) this.#mayBeAhead = true;
    for (const sent of this.#sent) {
      if (sent.promise !== 'kill') continue;
      // Watermarks lie between records.
      if (sent.logOffset < flushed) raise(sent, 'power', `it lies below the watermark of what is flushed, ${flushed}`);
      else sent.promise = 'none';
    }
  }

  /** What a start has found: all that is there, and nothing else, from here on. */
  recovered({ logStart, log, queues }: StoreContents): void {
    const found = new Set<number>();
    for (const message of log) {
      const sent = this.#known(message);
      insist(!found.has(sent.id), () => `message ${sent.id} is in the log twice`);
      insist(!sent.isGone, () => `message ${sent.id} was not there after an earlier start and has come back`);
      insist(!sent.isRefused, () => `message ${sent.id} was refused, but it is in the log`);
      this.#places(sent, message.logOffset, message.queueOffset, sent.why);
      found.add(sent.id);
      raise(sent, 'power', 'a start has found it');
    }
    insist(
      logStart <= this.#deletedTo,
      () => `the log begins at ${logStart}, what was deleted ends at ${this.#deletedTo}`,
    );
    for (const sent of this.#sent) {
      if (found.has(sent.id) || sent.isGone || sent.isRefused) continue;
      if (sent.logOffset >= 0 && sent.logOffset < logStart) continue;
      insist(sent.promise === 'none', () => `${lost(sent)}: ${sent.why}`);
      sent.isGone = true;
    }
    queuesMatch({ logStart, log, queues });
  }

  /**
   * What a start has read of consumer offsets is a version that was saved, or the one that was just being saved. Under async flush a loss of
   * power may leave queues shorter than what was saved: then a start takes groups back to their ends.
   */
  loadedOffsets(loaded: ReadonlyMap<string, number>, maxOf: (topic: string, queueId: number) => number): void {
    const possible = [...this.#saved, this.#committed].map((offsets) => {
      return this.#mayBeAhead ? withinQueues(offsets, maxOf) : offsets;
    });
    insist(
      possible.some((offsets) => sameMap(loaded, offsets)),
      () =>
        `consumer offsets ${shown(loaded)} are none of those that were saved last: ${possible.map(shown).join(' or ')}`,
    );
    const within = withinQueues(loaded, maxOf);
    insist(
      sameMap(within, loaded),
      () => `consumer offsets ${shown(loaded)} are ahead of their queues: ${shown(within)}`,
    );
    this.#committed = new Map(loaded);
    this.#saved = [loaded];
  }

  #known(message: FoundMessage): Sent {
    const sent = this.#sent[Number.parseInt(message.body, 10)];
    const isSame =
      sent !== undefined &&
      sent.body === message.body &&
      sent.topic === message.topic &&
      sent.queueId === message.queueId;
    insist(
      isSame,
      () =>
        `nobody has sent the record at ${message.logOffset}: ${message.topic}/${message.queueId}, ${message.body.slice(0, 40)}`,
    );
    return sent;
  }

  #places(sent: Sent, logOffset: number, queueOffset: number, why: string): void {
    if (sent.logOffset >= 0 && (sent.logOffset !== logOffset || sent.queueOffset !== queueOffset)) {
      throw new Violation(
        `message ${sent.id} is at ${logOffset} with queue offset ${queueOffset}, it was at ${sent.logOffset} with ${sent.queueOffset}: ${why}`,
      );
    }
    sent.logOffset = logOffset;
    sent.queueOffset = queueOffset;
  }
}

const STRENGTH: Readonly<Record<Promise, number>> = { none: 0, kill: 1, power: 2 };

function raise(sent: Sent, promise: Promise, why: string): void {
  if (STRENGTH[promise] <= STRENGTH[sent.promise]) return;
  sent.promise = promise;
  sent.why = why;
}

function lost(sent: Sent): string {
  return `message ${sent.id} (${sent.topic}/${sent.queueId}, offset ${sent.queueOffset}, at ${sent.logOffset}) is lost`;
}

function sameMap(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): boolean {
  if (left.size !== right.size) return false;
  for (const [key, value] of left) if (right.get(key) !== value) return false;
  return true;
}

/** By `topic@group@queue`. */
function withinQueues(
  offsets: ReadonlyMap<string, number>,
  maxOf: (topic: string, queueId: number) => number,
): ReadonlyMap<string, number> {
  const within = new Map<string, number>();
  for (const [key, offset] of offsets) {
    const [topic, , queueId] = key.split('@');
    within.set(key, Math.min(offset, maxOf(topic!, Number(queueId))));
  }
  return within;
}

function shown(map: ReadonlyMap<string, number>): string {
  return JSON.stringify(Object.fromEntries(map));
}

/** Each queue holds the records of the log that are its own, all of them and in their order. */
function queuesMatch({ logStart, log, queues }: StoreContents): void {
  const places = new Map<string, number>();
  for (const { topic, queueId, queueOffset, logOffset } of queues.flat()) {
    places.set(`${topic}/${queueId}/${queueOffset}`, logOffset);
  }
  const next = new Map<string, number>();
  for (const { topic, queueId, queueOffset, logOffset } of log) {
    const queue = `${topic}/${queueId}`;
    const expected = next.get(queue) ?? (logStart === 0 ? 0 : queueOffset);
    insist(queueOffset === expected, () => `${queue} goes on with ${queueOffset} in the log, not with ${expected}`);
    next.set(queue, queueOffset + 1);
    const place = places.get(`${queue}/${queueOffset}`);
    insist(
      place === logOffset,
      () => `message ${queueOffset} of ${queue} lies at ${logOffset}, its queue says ${place}`,
    );
  }
  insist(places.size === log.length, () => `${places.size} entries in queues for ${log.length} records in the log`);
}
