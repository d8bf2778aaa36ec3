/**
 * A producer of the crash suite, in a process of its own: a few lanes (connections), each with its own habits, send until the broker is gone.
 * Every acknowledgement goes into the witness log. Nothing is sent twice, so nothing may be there twice. Forked by client-process.ts.
 */
import { sleep, systemClock } from '../../src/base/clock.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { encodeBatch } from '../../src/layout/batch-item.ts';
import { parseMessageId } from '../../src/layout/message-id.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../src/layout/remoting-frame.ts';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { RemotingClient, RemotingClientError } from '../../src/transport/remoting-client.ts';
import { type Begin, clientArguments, type Report, serveLife, type TopicPlan } from './client-protocol.ts';
import { BODY_MAX_BYTES, bodyOf, messageIdOf, propertiesOf, topicName } from './messages.ts';
import { WitnessKind, WitnessWriter } from './witness-log.ts';

const LANES = 3;
const TIMEOUT_MS = 20_000;
/** Lanes of different producers have different numbers. */
const LANES_OF_ONE = 100;
/** Enough for one life of the broker; then a lane goes on slowly, so that stores stay small. */
const MESSAGES_OF_A_LANE = 2500;
const SLOW_MS = 3;
/** So soon can be read what this process was told, by whoever waits for it. */
const WITNESSED_MS = 50;
const SOME_LONG = 0.04;

const { witnessPath, stamp, number } = clientArguments();
const witness = new WitnessWriter(witnessPath);
const next = new Array<number>(LANES).fill(0);

/** A message on its way: what its lane has put into it and where it goes. */
interface Send {
  readonly topic: TopicPlan;
  readonly queueId: number;
  readonly first: number;
  readonly count: number;
  readonly command: RemotingCommand;
}

interface Habits {
  /** Messages of one send; 1: no batch. */
  readonly batch: number;
  readonly window: number;
  readonly bodyBytes: number;
  readonly binaryHeader: boolean;
}

class Lane {
  readonly #begin: Begin;
  readonly #run: Run;
  readonly #index: number;
  readonly #lane: number;
  readonly #random: Random;
  readonly #habits: Habits;
  readonly #client = new RemotingClient();
  #messages = 0;

  constructor(begin: Begin, run: Run, index: number) {
    this.#begin = begin;
    this.#run = run;
    this.#index = index;
    this.#lane = number * LANES_OF_ONE + index;
    this.#random = seededRandom(begin.seed + this.#lane);
    this.#habits = habitsOf(this.#random, index);
  }

  /** Returns when the connection is gone. */
  async work(): Promise<void> {
    await Promise.all(Array.from({ length: this.#habits.window }, () => this.#sendUntilGone()));
    this.#client.close();
  }

  async #sendUntilGone(): Promise<void> {
    for (;;) {
      if (this.#messages > MESSAGES_OF_A_LANE) await sleep(SLOW_MS);
      const send = this.#next();
      try {
        this.#take(send, await this.#client.invoke(this.#begin.address, send.command, TIMEOUT_MS));
      } catch (error) {
        if (!(error instanceof RemotingClientError)) throw error;
        if (error.failure === 'timeout') this.#run.violations.push(`lane ${this.#lane}: ${error.message}`);
        return;
      }
    }
  }

  #next(): Send {
    const random = this.#random;
    const { batch, bodyBytes, binaryHeader } = this.#habits;
    const { topics } = this.#begin;
    const topic = topics[random.below(topics.length)]!;
    const queueId = random.below(topic.queues);
    const count = batch === 1 ? 1 : 2 + random.below(batch - 1);
    const first = next[this.#index]!;
    next[this.#index] = first + count;
    this.#messages += count;
    const items = Array.from({ length: count }, (_, i) => this.#item(first + i, bodyBytes));
    const isBatch = count > 1;
    const fields = new Map(
      Object.entries({
        ...{ a: `producer-${number}`, b: topicName(topic.index), c: 'TBW102', d: String(topic.queues) },
        ...{ e: String(queueId), f: '0', g: String(systemClock.nowMs()), h: '0' },
        ...{ i: isBatch ? '' : items[0]!.properties.toString(), j: '0', k: 'false', m: String(isBatch) },
      }),
    );
    const code = isBatch ? RequestCode.SEND_BATCH_MESSAGE : RequestCode.SEND_MESSAGE_V2;
    const command = requestOf(code, 0, fields, isBatch ? encodeBatch(items) : items[0]!.body);
    const serializeType = binaryHeader ? SERIALIZE_ROCKETMQ : SERIALIZE_JSON;
    return { topic, queueId, first, count, command: { ...command, serializeType } };
  }

  #item(sequence: number, bodyBytes: number) {
    const random = this.#random;
    const limit = Math.min(BODY_MAX_BYTES, this.#begin.segmentBytes / 8);
    const isLong = random.next() < SOME_LONG;
    const bytes = isLong ? random.below(Math.min(limit, 64 * bodyBytes)) : random.below(bodyBytes);
    const properties = Buffer.from(propertiesOf(stamp, this.#lane, sequence));
    return { flag: 0, body: bodyOf(stamp, this.#lane, sequence, bytes), properties };
  }

  /** A send whose flush was late is in the log as well, and what is in the log survives a killed process. */
  #take({ topic, queueId, first, count }: Send, { code, extFields }: RemotingCommand): void {
    if (code !== ResponseCode.SUCCESS && code !== ResponseCode.FLUSH_DISK_TIMEOUT) {
      this.#run.refuse(code);
      return;
    }
    const queueOffset = Number(extFields?.get('queueOffset'));
    const kind = extFields?.get('durability') === 'flushed' ? WitnessKind.flushed : WitnessKind.written;
    const us = systemClock.monotonicUs();
    const ids = extFields?.get('msgId')?.split(',') ?? [];
    if (ids.length !== count) this.#run.violations.push(`${ids.length} ids for ${count} messages`);
    for (const [i, text] of ids.entries()) {
      const id = messageIdOf(this.#lane, first + i);
      const logOffset = Number(parseMessageId(text)?.logOffset);
      witness.add({ kind, topic: topic.index, queueId, id, queueOffset: queueOffset + i, logOffset, us });
      this.#run.touch(logOffset, queueOffset + i);
    }
  }
}

/** From the begin to the end of one broker. */
class Run {
  readonly violations: string[] = [];
  readonly #refused: Record<string, number> = {};
  readonly #begin: Begin;
  #hasKilled = false;
  #passed = 0;

  constructor(begin: Begin) {
    this.#begin = begin;
  }

  refuse(code: number): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  /** Ends the broker when this acknowledgement has touched the wire. */
  touch(logOffset: number, queueOffset: number): void {
    const { tripwire, processId } = this.#begin;
    if (tripwire === null || this.#hasKilled) return;
    if (tripwire.kind === 'log') {
      if (logOffset < tripwire.logOffset) return;
    } else if (queueOffset === 0 || queueOffset % tripwire.multiple !== 0 || this.#passed++ < tripwire.passed) return;
    this.#hasKilled = true;
    try {
      process.kill(processId, 'SIGKILL');
    } catch {
      // Gone already: the other producer was faster.
    }
  }

  report(): Report {
    const sent = next.map((sequence, index) => [number * LANES_OF_ONE + index, sequence] as const);
    return { sent, refused: this.#refused, violations: this.violations };
  }
}

/** The first lane sends one by one, the second batches, the third as it comes. */
function habitsOf(random: Random, index: number): Habits {
  const isBatch = index === 1 || (index === 2 && random.below(2) === 0);
  return {
    batch: isBatch ? 3 + random.below(30) : 1,
    window: 1 + random.below(isBatch ? 4 : 32),
    bodyBytes: [60, 400, 1500][random.below(3)]!,
    binaryHeader: random.below(2) === 0,
  };
}

serveLife(async (begin) => {
  const run = new Run(begin);
  const witnessing = setInterval(() => witness.flush(), WITNESSED_MS);
  await Promise.all(Array.from({ length: LANES }, (_, index) => new Lane(begin, run, index).work()));
  clearInterval(witnessing);
  witness.flush();
  return run.report();
});
