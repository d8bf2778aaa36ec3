/**
 * Reads everything back on the consume worker, in two calls: `consume` starts reading, `verify` (when the load is over) reads on to the end
 * and compares. In a latency phase reading starts before the load, which gives the time from producer to consumer.
 */

import { sleep, systemClock } from '../base/clock.ts';
import { BenchBody } from '../layout/bench-body.ts';
import { RECORD_MAGIC_V1, RECORD_MAGIC_V2, RecordAt, RecordCursor } from '../layout/message-record.ts';
import { wordsOf } from '../layout/words.ts';
import { destinationCount } from './destinations.ts';
import { encodeHistogram, newHistogram, recordUs } from './histograms.ts';
import type { Window } from './publish-meter.ts';
import { PullConnection, type PullSpec, type QueueToRead, type RecordTaker } from './pull-connection.ts';
import { type Expectation, type Verification, Verifier } from './verification.ts';

export interface ConsumeSpec extends PullSpec {
  readonly connections: number;
  /** Where each destination's reading starts. */
  readonly from: readonly number[];
  readonly stamp: number;
  /** Lanes of all load workers. */
  readonly lanes: number;
}

export interface VerifyCall extends Expectation {
  /** When nothing has come for so long, what is missing is missing. */
  readonly patienceMs: number;
}

export interface ConsumeReport {
  readonly verification: Verification;
  /** From the intended time to the consumer, encoded. */
  readonly endToEnd: string;
  /** Where each destination has been read to. */
  readonly positions: readonly number[];
}

const POLL_MS = 5;
/** A record's checksum has no sign bit. */
const BODY_CRC_BITS = 0x7fffffff;

export class Consumption implements RecordTaker {
  readonly #verifier: Verifier;
  #window: Window | null = null;
  readonly #endToEndUs = newHistogram();
  readonly #cursor = new RecordCursor();
  readonly #body = new BenchBody();
  #connections: PullConnection[] = [];
  #failure: Error | null = null;

  static async start(spec: ConsumeSpec): Promise<Consumption> {
    const consumption = new Consumption(spec);
    const shares: QueueToRead[][] = Array.from({ length: spec.connections }, () => []);
    spec.from.forEach((offset, destination) => {
      shares[destination % spec.connections]!.push({ destination, offset });
    });
    consumption.#connections = await Promise.all(
      shares.filter((share) => share.length > 0).map((share) => PullConnection.open(spec, share, consumption)),
    );
    return consumption;
  }

  private constructor(spec: ConsumeSpec) {
    this.#verifier = new Verifier(spec.stamp, spec.lanes, destinationCount(spec.destinations));
  }

  /** From now on messages that are intended within the window are timed. */
  measure(window: Window): void {
    this.#window = window;
  }

  async verify(expectation: VerifyCall): Promise<ConsumeReport> {
    try {
      await this.#readAll(expectation);
    } finally {
      for (const connection of this.#connections) connection.close();
    }
    return {
      verification: this.#verifier.finish(expectation),
      endToEnd: encodeHistogram(this.#endToEndUs),
      positions: this.#positions(),
    };
  }

  /** RecordTaker. */
  records(destination: number, offset: number, bytes: Uint8Array, start: number, end: number): number {
    const nowUs = systemClock.monotonicUs();
    const view = wordsOf(bytes);
    let next = offset;
    let at = start;
    while (at < end) {
      const size = this.#record(destination, next, bytes, view, at, end, nowUs);
      if (size === 0) break;
      at += size;
      next = this.#cursor.queueOffset + 1;
    }
    // A broken answer must not be asked for for ever.
    return next === offset ? offset + 1 : next;
  }

  failed(error: Error): void {
    this.#failure ??= error;
  }

  /** Size of the record, 0 when it cannot be told. */
  #record(
    destination: number,
    offset: number,
    bytes: Uint8Array,
    view: DataView,
    at: number,
    end: number,
    nowUs: number,
  ): number {
    const cursor = this.#cursor;
    const verifier = this.#verifier;
    const size = end - at < RecordAt.bornHost ? 0 : view.getInt32(at + RecordAt.totalSize);
    const magic = size === 0 ? 0 : view.getInt32(at + RecordAt.magic);
    const isRecord = (magic === RECORD_MAGIC_V1 || magic === RECORD_MAGIC_V2) && size > 0 && at + size <= end;
    if (!isRecord || !cursor.load(view, at)) {
      verifier.corrupt(`what stands at offset ${offset} of queue ${destination} is no record`);
      return 0;
    }
    const bodyEnd = cursor.bodyStart + cursor.bodyLength;
    if (cursor.queueOffset !== offset) {
      verifier.corrupt(`offset ${cursor.queueOffset} where queue ${destination} was to have ${offset}`);
    } else if (!this.#body.load(view, bytes, cursor.bodyStart, bodyEnd)) {
      verifier.corrupt(`the body at offset ${offset} of queue ${destination} is not what was sent`);
    } else if (view.getInt32(at + RecordAt.bodyCrc) !== (this.#body.crc & BODY_CRC_BITS)) {
      verifier.corrupt(`the record at offset ${offset} of queue ${destination} has another checksum than its body`);
    } else {
      const { stamp, lane, sequence, intendedUs } = this.#body;
      verifier.message(destination, stamp, lane, sequence);
      const window = this.#window;
      if (window !== null && intendedUs >= window.fromUs && intendedUs < window.toUs) {
        recordUs(this.#endToEndUs, nowUs - intendedUs);
      }
    }
    return size;
  }

  async #readAll(expectation: VerifyCall): Promise<void> {
    const expected = expectation.ledgers.reduce((sum, ledger) => sum + messagesOf(ledger), 0);
    let lastRead = -1;
    let lastProgressUs = 0;
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const { read } = this.#verifier;
      if (read >= expected && this.#isAtEnds(expectation) && this.#verifier.missing(expectation) === 0) return;
      const nowUs = systemClock.monotonicUs();
      if (read !== lastRead) {
        lastRead = read;
        lastProgressUs = nowUs;
      } else if (nowUs - lastProgressUs > expectation.patienceMs * 1000) return;
      await sleep(POLL_MS);
    }
  }

  #isAtEnds({ ends }: Expectation): boolean {
    return this.#positions().every((position, destination) => position >= ends[destination]!);
  }

  #positions(): number[] {
    const positions: number[] = [];
    for (const connection of this.#connections) {
      for (const { destination, offset } of connection.positions()) positions[destination] = offset;
    }
    return positions;
  }
}

function messagesOf(ledger: { sent: Int32Array; doubts: readonly unknown[] }): number {
  return ledger.sent.reduce((sum, sent) => sum + sent, 0) - ledger.doubts.length;
}
