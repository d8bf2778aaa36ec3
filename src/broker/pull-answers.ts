/**
 * Writes the answers of pulls: refusals, statuses without records, and records straight from the log into the connection's slab, behind
 * a header that is written first because the entries tell the body's length. Called on net.
 */
import { asLogOffset } from '../base/units.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ, type SerializeType } from '../layout/remoting-frame.ts';
import { encodeFrame, responseTo } from '../remoting/frame-codec.ts';
import type { PullHeader } from '../remoting/pull-header.ts';
import { PullResponseWriter } from '../remoting/pull-response-writer.ts';
import type { HotLimit } from './hot-limit.ts';
import type { Refusal } from './pull-checks.ts';
import type { PullPorts } from './pull-ports.ts';
import { PullRuns } from './pull-runs.ts';
import type { PullSelection } from './pull-selection.ts';
import type { ReplyPort } from './reply-port.ts';

/** Records less than this apart are one read: 4 KiB more cost less than a second call (details.md 6). */
const GAP_MAX_BYTES = 4095;

export class PullAnswers {
  readonly #ports: PullPorts;
  readonly #hotLimit: HotLimit;
  readonly #runs: PullRuns;
  readonly #json = new PullResponseWriter(SERIALIZE_JSON);
  readonly #binary = new PullResponseWriter(SERIALIZE_ROCKETMQ);

  constructor(ports: PullPorts, hotLimit: HotLimit, recordsMax: number) {
    this.#ports = ports;
    this.#hotLimit = hotLimit;
    this.#runs = new PullRuns(recordsMax);
  }

  refuse(header: PullHeader, reply: ReplyPort, { code, remark, forbiddenType }: Refusal): void {
    const fields = forbiddenType === 0 ? null : new Map([['forbiddenType', String(forbiddenType)]]);
    reply.frame(encodeFrame(responseTo(header, code, remark, fields)));
  }

  /** A status and offsets, no records. */
  empty(header: PullHeader, reply: ReplyPort, selection: PullSelection, brokerId: number): void {
    const writer = this.#writer(header.serializeType);
    const at = reply.reserve(writer.sizeMax);
    reply.wrote(this.#head(writer, header, reply, at, selection, brokerId));
  }

  /** Reads the chosen records now. Those that the log has lost in the meantime are left out, and the status says so when none is left. */
  fromLog(header: PullHeader, reply: ReplyPort, selection: PullSelection, brokerId: number): void {
    const writer = this.#writer(header.serializeType);
    while (selection.count > 0) {
      this.#runs.plan(selection, GAP_MAX_BYTES);
      const at = reply.reserve(writer.sizeMax + this.#runs.spanBytes);
      const headLength = this.#head(writer, header, reply, at, selection, brokerId);
      const readable = this.#read(reply.bytes, at + headLength);
      if (readable === this.#runs.spanBytes) {
        this.#runs.compact(selection, reply.bytes, at + headLength);
        this.#sent(reply, selection, headLength);
        return;
      }
      this.#runs.leaveOut(selection, readable, this.#ports.settings.mappedFileSizeCommitLog);
    }
    this.empty(header, reply, selection, brokerId);
  }

  /** The chosen records lie in `bytes`, where `runs` says. */
  fromMemory(
    header: PullHeader,
    reply: ReplyPort,
    selection: PullSelection,
    brokerId: number,
    bytes: Uint8Array,
    runs: PullRuns,
  ): void {
    const writer = this.#writer(header.serializeType);
    const at = reply.reserve(writer.sizeMax + selection.bodyLength);
    const headLength = this.#head(writer, header, reply, at, selection, brokerId);
    let next = at + headLength;
    for (let i = 0; i < selection.count; i++) {
      const from = runs.recordAt[i]!;
      reply.bytes.set(bytes.subarray(from, from + selection.sizes[i]!), next);
      next += selection.sizes[i]!;
    }
    this.#sent(reply, selection, headLength);
  }

  #sent(reply: ReplyPort, selection: PullSelection, headLength: number): void {
    reply.wrote(headLength + selection.bodyLength);
    this.#ports.add('pulledMessages', selection.count);
    this.#ports.add('pulledBytes', selection.bodyLength);
  }

  #writer(serializeType: SerializeType): PullResponseWriter {
    return serializeType === SERIALIZE_JSON ? this.#json : this.#binary;
  }

  #head(
    writer: PullResponseWriter,
    header: PullHeader,
    reply: ReplyPort,
    at: number,
    selection: PullSelection,
    brokerId: number,
  ): number {
    return writer.write(
      reply.bytes,
      at,
      header.opaque,
      selection.code,
      selection.status,
      selection.nextBeginOffset,
      selection.minOffset,
      selection.maxOffset,
      brokerId,
      selection.bodyLength,
    );
  }

  /** Reads the runs one behind the other and returns how many bytes came before the first that could not be read. */
  #read(into: Uint8Array, at: number): number {
    const { log, clock } = this.#ports;
    const runs = this.#runs;
    const startUs = clock.monotonicUs();
    let total = 0;
    for (let run = 0; run < runs.count; run++) {
      const end = total + runs.lengths[run]!;
      let offset = runs.offsets[run]!;
      // A run that goes over the end of a segment takes a read for each.
      while (total < end) {
        const read = log.read(asLogOffset(offset), end - total, into, at + total);
        if (read === 0) return total;
        total += read;
        offset += read;
      }
    }
    if (this.#hotLimit.tookFromTo(startUs, clock.monotonicUs())) this.#ports.add('slowHotReads', 1);
    return total;
  }
}
