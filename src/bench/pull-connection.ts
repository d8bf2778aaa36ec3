/**
 * A connection that reads its queues by long-polling pulls (11), one in flight for each queue, and hands on the records. The subscription
 * comes with each request, so no heartbeat is needed. Lives on the consume worker.
 */
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../layout/remoting-frame.ts';
import { RequestCode, ResponseCode, responseCodeName } from '../remoting/codes.ts';
import { decodeFrame, encodeFrame, requestOf } from '../remoting/frame-codec.ts';
import { FrameReader, type FrameSink } from '../remoting/frame-reader.ts';
import { PullSysFlag } from '../remoting/pull-header.ts';
import { connect, parseAddress } from '../transport/connect.ts';
import type { Connection } from '../transport/connection.ts';
import { AnswerScanner } from './answer-scanner.ts';
import { type Destinations, queueIdOf, topicIndexOf, topicName } from './destinations.ts';
import type { HeaderKind } from './options.ts';
import { firstDifference, putDigits } from './patching.ts';

export const BENCH_GROUP = 'ringmq-bench';
const PULL_BATCH = 32;
const SUSPEND_MS = 15_000;
/** As many as a broker's scanner reads as a number. */
const OFFSET_DIGITS = 15;

export interface PullSpec {
  readonly address: string;
  readonly destinations: Destinations;
  readonly header: HeaderKind;
}

export interface QueueToRead {
  readonly destination: number;
  readonly offset: number;
}

export interface RecordTaker {
  /** The records in `bytes[start, end)`, from `offset` of the queue on. Returns the offset to read next. */
  records(destination: number, offset: number, bytes: Uint8Array, start: number, end: number): number;
  failed(error: Error): void;
}

export class PullConnection implements FrameSink {
  readonly #taker: RecordTaker;
  readonly #readers: readonly QueueReader[];
  readonly #frames = new FrameReader();
  readonly #scanner = new AnswerScanner();
  #connection: Connection | null = null;
  #isClosed = false;

  static async open(spec: PullSpec, queues: readonly QueueToRead[], taker: RecordTaker): Promise<PullConnection> {
    const opened = new PullConnection(spec, queues, taker);
    opened.#connection = await connect({
      ...parseAddress(spec.address),
      events: {
        opened: () => {},
        chunk: (_connection, bytes) => opened.#chunk(bytes),
        drained: () => {},
        closed: (_connection, reason) => {
          if (!opened.#isClosed) taker.failed(new Error(`the broker's connection for reading: ${reason}`));
        },
      },
    });
    for (const reader of opened.#readers) opened.#pull(reader);
    return opened;
  }

  private constructor(spec: PullSpec, queues: readonly QueueToRead[], taker: RecordTaker) {
    this.#taker = taker;
    this.#readers = queues.map((queue, opaque) => new QueueReader(spec, queue, opaque));
  }

  /** Where each queue has been read to. */
  positions(): QueueToRead[] {
    return this.#readers.map(({ destination, offset }) => ({ destination, offset }));
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.close('everything was read');
  }

  /** FrameSink. */
  frame(bytes: Uint8Array, start: number, end: number): void {
    const scanner = this.#scanner;
    scanner.scan(bytes, start, end);
    const reader = this.#readers[scanner.opaque];
    if (reader === undefined) throw new Error(`an answer to no pull: opaque ${scanner.opaque}`);
    switch (scanner.code) {
      case ResponseCode.SUCCESS:
        reader.offset = this.#taker.records(reader.destination, reader.offset, bytes, scanner.bodyStart, end);
        break;
      case ResponseCode.PULL_NOT_FOUND:
      case ResponseCode.PULL_RETRY_IMMEDIATELY:
        break;
      default: {
        const { remark } = decodeFrame(bytes, start, end);
        throw new Error(`a pull of ${reader.name} at ${reader.offset}: ${responseCodeName(scanner.code)} (${remark})`);
      }
    }
    this.#pull(reader);
  }

  #pull(reader: QueueReader): void {
    this.#connection?.write(reader.request());
  }

  #chunk(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    try {
      this.#frames.push(bytes, this);
    } catch (error) {
      this.close();
      this.#taker.failed(error as Error);
    }
  }
}

/** One queue and its pull, encoded beforehand. */
class QueueReader {
  readonly destination: number;
  readonly name: string;
  offset: number;
  readonly #frame: Uint8Array;
  readonly #offsetAt: number;

  constructor(spec: PullSpec, queue: QueueToRead, opaque: number) {
    this.destination = queue.destination;
    this.offset = queue.offset;
    const topic = topicName(spec.destinations, topicIndexOf(spec.destinations, queue.destination));
    const queueId = queueIdOf(spec.destinations, queue.destination);
    this.name = `${topic}:${queueId}`;
    const encode = (offset: string): Uint8Array =>
      encodeFrame({
        ...requestOf(RequestCode.PULL_MESSAGE, opaque, pullFields(topic, queueId, offset)),
        serializeType: spec.header === 'json' ? SERIALIZE_JSON : SERIALIZE_ROCKETMQ,
      });
    this.#frame = encode('0'.repeat(OFFSET_DIGITS));
    this.#offsetAt = firstDifference(this.#frame, encode('1'.repeat(OFFSET_DIGITS)));
  }

  /** The pull at the current offset. Its bytes are used again when it has been answered. */
  request(): Uint8Array {
    putDigits(this.#frame, this.#offsetAt, OFFSET_DIGITS, this.offset);
    return this.#frame;
  }
}

function pullFields(topic: string, queueId: number, offset: string): Map<string, string> {
  return new Map([
    ['consumerGroup', BENCH_GROUP],
    ['topic', topic],
    ['queueId', String(queueId)],
    ['queueOffset', offset],
    ['maxMsgNums', String(PULL_BATCH)],
    ['sysFlag', String(PullSysFlag.suspend | PullSysFlag.subscription)],
    ['commitOffset', '0'],
    ['suspendTimeoutMillis', String(SUSPEND_MS)],
    ['subscription', '*'],
    ['subVersion', '1'],
    ['expressionType', 'TAG'],
  ]);
}
