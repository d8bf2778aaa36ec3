/**
 * Pulls of records that are probably on the disk only: read by the pool, answered when the bytes come back. A consumer has one read under
 * way and keeps what was read ahead for its next pulls, so that a backlog is read in large pieces. Lives on net; used by pull-message.
 */
import type { LogOffset } from '../base/units.ts';
import { ResponseCode } from '../remoting/codes.ts';
import type { PullHeader } from '../remoting/pull-header.ts';
import type { ColdBytes, ColdReads, LogRun } from './cold-reads.ts';
import type { HeldPull } from './held-pull.ts';
import type { PullAnswers } from './pull-answers.ts';
import type { PullPorts } from './pull-ports.ts';
import { PullRuns } from './pull-runs.ts';
import type { PullSelection } from './pull-selection.ts';

/** A disk reads this much in the time that it needs for a second request. */
const GAP_MAX_BYTES = 64 * 1024;
const READ_AHEAD_BYTES = 256 * 1024;
/** Consumers whose read-ahead is kept: 16 MiB of a net thread. */
const CONSUMERS_MAX = 64;
/** Pulls that wait for a read of the same consumer; official clients send one at a time. */
const WAITING_MAX = 16;

/** A group's reader of one queue over one connection. */
interface Consumer {
  readonly connectionId: number;
  readonly waiting: HeldPull[];
  isReading: boolean;
  ahead: Ahead | null;
}

/** What was read ahead: the first `length` bytes begin at log offset `start`. */
interface Ahead {
  readonly start: LogOffset;
  readonly length: number;
  readonly read: ColdBytes;
}

/** A pull with all that is needed to answer it. */
interface ColdPull extends HeldPull {
  readonly selection: PullSelection;
  readonly runs: PullRuns;
  readonly brokerId: number;
}

export class ColdPulls {
  readonly #ports: PullPorts;
  readonly #reads: ColdReads;
  readonly #answers: PullAnswers;
  readonly #again: (pull: HeldPull) => void;
  /** In order of their last use. */
  readonly #consumers = new Map<string, Consumer>();
  readonly #runs: PullRuns;
  #reading = 0;

  /** `again` runs a pull from its checks on. */
  constructor(
    ports: PullPorts,
    reads: ColdReads,
    answers: PullAnswers,
    recordsMax: number,
    again: (pull: HeldPull) => void,
  ) {
    this.#ports = ports;
    this.#reads = reads;
    this.#answers = answers;
    this.#again = again;
    this.#runs = new PullRuns(recordsMax);
  }

  /** Answers at once from what was read ahead, or later. `consumerKey` names group and queue. */
  pull(
    consumerKey: string,
    header: PullHeader,
    reply: HeldPull['reply'],
    arrivedMs: number,
    selection: PullSelection,
    brokerId: number,
  ): void {
    const key = `${reply.connectionId} ${consumerKey}`;
    const consumer = this.#consumer(key, reply.connectionId);
    if (consumer.isReading) {
      this.#wait(consumer, { header: header.copy(), reply, arrivedMs, isFirst: false });
    } else if (!this.#fromAhead(consumer, header, reply, selection, brokerId)) {
      const runs = new PullRuns(selection.count);
      runs.plan(selection, GAP_MAX_BYTES);
      const copies = { header: header.copy(), selection: selection.copy() };
      this.#read(key, consumer, { ...copies, reply, arrivedMs, isFirst: false, runs, brokerId });
    }
  }

  /** Reads under way; pulls that wait here wait for one of them. */
  get reading(): number {
    return this.#reading;
  }

  closed(connectionId: number): void {
    for (const [key, consumer] of this.#consumers) {
      if (consumer.connectionId === connectionId) this.#forget(key, consumer);
    }
  }

  /** A read that is under way for it gives its memory back when it ends. */
  #forget(key: string, consumer: Consumer): void {
    this.#consumers.delete(key);
    dropAhead(consumer);
  }

  #consumer(key: string, connectionId: number): Consumer {
    const known = this.#consumers.get(key);
    if (known !== undefined) this.#consumers.delete(key);
    const consumer = known ?? { connectionId, waiting: [], isReading: false, ahead: null };
    this.#consumers.set(key, consumer);
    return consumer;
  }

  #wait(consumer: Consumer, pull: HeldPull): void {
    if (consumer.waiting.length < WAITING_MAX) {
      consumer.waiting.push(pull);
      return;
    }
    const remark = `${WAITING_MAX} pulls of this consumer wait for the disk`;
    this.#answers.refuse(pull.header, pull.reply, { code: ResponseCode.SYSTEM_BUSY, remark, forbiddenType: 0 });
  }

  /** Sends those of the chosen records that were read ahead, if the first was. */
  #fromAhead(
    { ahead }: Consumer,
    header: PullHeader,
    reply: HeldPull['reply'],
    selection: PullSelection,
    brokerId: number,
  ): boolean {
    if (ahead === null || selection.logOffsets[0]! < ahead.start) return false;
    const end = ahead.start + ahead.length;
    let inside = 0;
    while (inside < selection.count && selection.logOffsets[inside]! + selection.sizes[inside]! <= end) inside++;
    if (inside === 0) return false;
    selection.keep(inside);
    this.#runs.within(selection, ahead.start);
    this.#answers.fromMemory(header, reply, selection, brokerId, ahead.read.bytes, this.#runs);
    return true;
  }

  #read(key: string, consumer: Consumer, pull: ColdPull): void {
    const list = pull.runs.list();
    const isAhead = list.length === 1 && list[0]!.length < READ_AHEAD_BYTES;
    if (isAhead) list[0] = this.#ahead(list[0]!);
    consumer.isReading = true;
    this.#reading++;
    dropAhead(consumer);
    this.#ports.add('coldReads', 1);
    this.#reads.read(list, (result) => {
      consumer.isReading = false;
      this.#reading--;
      if (!pull.reply.isOpen) {
        if (!(result instanceof Error)) result.release();
        this.#consumers.delete(key);
        return;
      }
      if (result instanceof Error) this.#failed(pull, result);
      else {
        this.#answer(pull, list, result);
        if (isAhead) consumer.ahead = { start: list[0]!.offset, length: result.lengths[0]!, read: result };
        else result.release();
      }
      this.#next(consumer);
      this.#forgetOldest();
      this.#ports.outOfTurn();
    });
  }

  /** A run goes on to what the consumer will want next. */
  #ahead({ offset, length }: LogRun): LogRun {
    return { offset, length: Math.max(length, Math.min(READ_AHEAD_BYTES, this.#ports.logEnd() - offset)) };
  }

  #answer({ header, reply, selection, runs, brokerId }: ColdPull, list: readonly LogRun[], result: ColdBytes): void {
    const readable = readableBytes(list, result.lengths);
    if (readable < runs.spanBytes) runs.leaveOut(selection, readable, this.#ports.settings.mappedFileSizeCommitLog);
    if (selection.count === 0) this.#answers.empty(header, reply, selection, brokerId);
    else this.#answers.fromMemory(header, reply, selection, brokerId, result.bytes, runs);
  }

  #failed({ header, reply }: ColdPull, cause: Error): void {
    this.#ports.lines.error('a cold read failed', cause);
    const remark = `the log could not be read: ${cause.message}`;
    this.#answers.refuse(header, reply, { code: ResponseCode.SYSTEM_ERROR, remark, forbiddenType: 0 });
  }

  #next(consumer: Consumer): void {
    while (!consumer.isReading) {
      const pull = consumer.waiting.shift();
      if (pull === undefined) return;
      this.#again(pull);
    }
  }

  #forgetOldest(): void {
    let surplus = this.#consumers.size - CONSUMERS_MAX;
    if (surplus <= 0) return;
    for (const [key, consumer] of this.#consumers) {
      if (!consumer.isReading) this.#forget(key, consumer);
      if (--surplus === 0) return;
    }
  }
}

function dropAhead(consumer: Consumer): void {
  consumer.ahead?.read.release();
  consumer.ahead = null;
}

/** Bytes before the first that are missing, with the runs one behind the other. */
function readableBytes(runs: readonly LogRun[], lengths: readonly number[]): number {
  let total = 0;
  for (const [i, { length }] of runs.entries()) {
    const read = lengths[i] ?? 0;
    total += read;
    if (read < length) break;
  }
  return total;
}
