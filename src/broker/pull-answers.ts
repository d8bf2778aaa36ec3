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
import { LogWindows } from './log-windows.ts';
import type { PullRefusal } from './pull-checks.ts';
import type { PullPorts } from './pull-ports.ts';
import { PullRuns } from './pull-runs.ts';
import type { PullSelection } from './pull-selection.ts';
import type { ReplyPort } from './reply-port.ts';

/** Records less than this apart are one read: 4 KiB more cost less than a second call. */
const GAP_MAX_BYTES = 4095;
/** With fewer gaps between the records of a pull its own reads are the cheapest. */
const GAPS_FOR_WINDOWS = 3;

export class PullAnswers {
  readonly #ports: PullPorts;
  readonly #hotLimit: HotLimit;
  readonly #runs: PullRuns;
  readonly #windows: LogWindows;
  readonly #json = new PullResponseWriter(SERIALIZE_JSON);
  readonly #binary = new PullResponseWriter(SERIALIZE_ROCKETMQ);

  constructor(ports: PullPorts, hotLimit: HotLimit, recordsMax: number) {
    this.#ports = ports;
    this.#hotLimit = hotLimit;
    this.#runs = new PullRuns(recordsMax);
    this.#windows = new LogWindows(ports.log);
  }

  refuse(header: PullHeader, reply: ReplyPort, { code, remark, forbiddenType }: PullRefusal): void {
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
    const { clock } = this.#ports;
    const startUs = clock.monotonicUs();
    while (selection.count > 0 && !this.#sendFromLog(header, reply, selection, brokerId));
    if (this.#hotLimit.tookFromTo(startUs, clock.monotonicUs())) this.#ports.add('slowHotReads', 1);
    if (selection.count === 0) this.empty(header, reply, selection, brokerId);
  }

  /** False when records had to be left out: nothing is sent yet. */
  #sendFromLog(header: PullHeader, reply: ReplyPort, selection: PullSelection, brokerId: number): boolean {
    const runs = this.#runs;
    runs.plan(selection, GAP_MAX_BYTES);
    const isInWindows = runs.gapCount >= GAPS_FOR_WINDOWS && this.#windows.hold(selection, this.#ports.logEnd());
    const writer = this.#writer(header.serializeType);
    const at = reply.reserve(writer.sizeMax + (isInWindows ? selection.bodyLength : runs.spanBytes));
    const headLength = this.#head(writer, header, reply, at, selection, brokerId);
    const bodyAt = at + headLength;
    if (isInWindows) {
      this.#copyFromWindows(selection, reply.bytes, bodyAt);
    } else {
      const readable = this.#read(reply.bytes, bodyAt);
      if (readable < runs.spanBytes) {
        runs.leaveOut(selection, readable, this.#ports.settings.mappedFileSizeCommitLog);
        return false;
      }
      runs.compact(selection, reply.bytes, bodyAt);
    }
    this.#sent(reply, selection, headLength);
    return true;
  }

  #copyFromWindows(selection: PullSelection, into: Buffer, at: number): void {
    let next = at;
    for (let i = 0; i < selection.count; i++) {
      this.#windows.copy(selection.logOffsets[i]!, selection.sizes[i]!, into, next);
      next += selection.sizes[i]!;
    }
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
    const { log } = this.#ports;
    const runs = this.#runs;
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
    return total;
  }
}
