/**
 * One connection that sends: frames out of prepared buffers, answers matched to their lane by opaque. What to send next is the load's
 * decision (closed-loop.ts, open-loop.ts). Lives on a load worker.
 */
import { ResponseCode } from '../remoting/codes.ts';
import { FrameReader, type FrameSink } from '../remoting/frame-reader.ts';
import { connect, parseAddress } from '../transport/connect.ts';
import type { Connection } from '../transport/connection.ts';
import { AnswerScanner } from './answer-scanner.ts';
import { destinationCount, destinationOf } from './destinations.ts';
import type { Lanes } from './lanes.ts';
import { FIRST_OPAQUE, SendBuffer, type SendTemplate, TimestampDigits } from './send-frames.ts';

/** Who decides what is sent. */
export interface SendLoad {
  /** One answer has come; its lane is free again. */
  answered(connection: SendConnection, code: number, intendedUs: number): void;
  /** All answers that came together have been given to {@link answered}. */
  answersTaken(connection: SendConnection): void;
  /** Nothing more comes from this connection, which nobody asked to close. */
  failed(error: Error): void;
}

export class SendConnection implements FrameSink {
  readonly lanes: Lanes;
  /** A frame of the first answer, as an example of what this broker says. */
  firstAnswer: Uint8Array | null = null;
  readonly #template: SendTemplate;
  #load: SendLoad | null = null;
  /** What went wrong before there was a load to tell. */
  #failure: Error | null = null;
  readonly #destinations: number;
  readonly #timestamp = new TimestampDigits();
  readonly #reader = new FrameReader();
  readonly #scanner = new AnswerScanner();
  readonly #idle: SendBuffer[] = [];
  #buffers = 0;
  #filling: SendBuffer;
  #connection: Connection | null = null;
  #isClosed = false;

  static async open(address: string, template: SendTemplate, lanes: Lanes): Promise<SendConnection> {
    const opened = new SendConnection(template, lanes);
    opened.#connection = await connect({
      ...parseAddress(address),
      events: {
        opened: () => {},
        chunk: (_connection, bytes) => opened.#chunk(bytes),
        drained: () => {},
        closed: (_connection, reason) => {
          if (!opened.#isClosed) opened.#fail(new Error(`a connection to the broker is gone: ${reason}`));
        },
      },
    });
    return opened;
  }

  private constructor(template: SendTemplate, lanes: Lanes) {
    this.#template = template;
    this.#destinations = destinationCount(template.shape.destinations);
    this.lanes = lanes;
    this.#filling = this.#takeBuffer();
  }

  /** Gives the connection to the load that says what it sends. */
  drive(load: SendLoad): void {
    this.#load = load;
    if (this.#failure !== null) load.failed(this.#failure);
  }

  /** Adds a message of a free lane to what the next {@link flush} writes. */
  send(intendedUs: number): void {
    if (this.#filling.isFull) this.flush();
    // One look at the wall clock for all that goes out together.
    if (this.#filling.length === 0) this.#timestamp.update();
    const { lanes } = this;
    const slot = lanes.take(intendedUs);
    const lane = lanes.firstLane + slot;
    const sequence = lanes.nextSequence(slot);
    const destination = destinationOf(this.#destinations, lane, sequence);
    this.#filling.add(FIRST_OPAQUE + slot, lane, sequence, destination, intendedUs, this.#timestamp.bytes);
  }

  flush(): void {
    const buffer = this.#filling;
    if (buffer.length === 0) return;
    this.#filling = this.#takeBuffer();
    this.#connection?.write(buffer.bytes.subarray(0, buffer.length), () => {
      buffer.clear();
      this.#idle.push(buffer);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.close('the load is over');
  }

  /** FrameSink. */
  frame(bytes: Uint8Array, start: number, end: number): void {
    const scanner = this.#scanner;
    scanner.scan(bytes, start, end);
    this.firstAnswer ??= bytes.slice(start, end);
    const slot = scanner.opaque - FIRST_OPAQUE;
    const isAcknowledged = scanner.code === ResponseCode.SUCCESS;
    if (!this.lanes.release(slot, isAcknowledged)) throw new Error(`an answer to no request: opaque ${scanner.opaque}`);
    this.#load?.answered(this, scanner.code, this.lanes.intendedUs[slot]!);
  }

  #chunk(bytes: Uint8Array): void {
    try {
      this.#reader.push(bytes, this);
      this.#load?.answersTaken(this);
    } catch (error) {
      this.close();
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#load?.failed(error);
  }

  /** There are never more buffers than messages in flight, because each that is not idle holds one. */
  #takeBuffer(): SendBuffer {
    return this.#idle.pop() ?? new SendBuffer(this.#template, this.lanes.firstLane + ++this.#buffers);
  }
}
