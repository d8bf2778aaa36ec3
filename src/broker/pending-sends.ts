/**
 * Sends between the ring and their answers. What an answer needs stays here, private to the net thread, at the descriptor's slot; append's
 * results are read as soon as they are there, which frees slot and bytes. A send that has to wait for its flush moves on to
 * {@link AwaitingFlush}, so a slow disk holds up no ring.
 */
import { DESCRIPTOR_RING_SLOTS } from '../base/limits.ts';
import { asRingPosition } from '../base/units.ts';
import { RecordAt } from '../layout/message-record.ts';
import type { SerializeType } from '../layout/remoting-frame.ts';
import {
  DESCRIPTOR_DOUBLES,
  DESCRIPTOR_INTS,
  DescriptorDouble,
  DescriptorInt,
  DescriptorStatus,
  QUEUED_AT_MASK,
} from '../layout/request-descriptor.ts';
import { ResponseCode } from '../remoting/codes.ts';
import { isOneWay } from '../remoting/frame-codec.ts';
import type { ScannedHeader } from '../remoting/scanned-header.ts';
import type { StoredCode } from '../remoting/send-response-template.ts';
import type { BytesRing } from '../ring/bytes-ring.ts';
import type { DescriptorRingProducer } from '../ring/descriptor-ring.ts';
import type { SharedHistogram } from '../ring/shared-histogram.ts';
import { AwaitingFlush } from './awaiting-flush.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { ReplyPort } from './reply-port.ts';
import { type SendAnswers, StoredSend } from './send-answers.ts';

export interface PendingSendsPorts {
  readonly bytes: BytesRing;
  readonly descriptors: DescriptorRingProducer;
  readonly answers: SendAnswers;
  /** Extension fields of every answer to a send, errors too. */
  readonly extFields: Map<string, string>;
  readonly answerTime: SharedHistogram;
  /** Answer only what is flushed, unless the sender does not want to wait. */
  readonly syncFlush: boolean;
  readonly flushTimeoutUs: number;
  /** How far the log is flushed. */
  flushed(): number;
  diskIsFull(): void;
}

export class PendingSends {
  readonly #ports: PendingSendsPorts;
  readonly #awaiting = new AwaitingFlush();
  readonly #send = new StoredSend();
  /** By slot of the descriptor ring. */
  readonly #replies: (ReplyPort | null)[] = new Array(DESCRIPTOR_RING_SLOTS).fill(null);
  readonly #opaques = new Int32Array(DESCRIPTOR_RING_SLOTS);
  readonly #flags = new Int32Array(DESCRIPTOR_RING_SLOTS);
  readonly #serializeTypes = new Uint8Array(DESCRIPTOR_RING_SLOTS);
  readonly #waits = new Uint8Array(DESCRIPTOR_RING_SLOTS);
  readonly #queueIds = new Int32Array(DESCRIPTOR_RING_SLOTS);
  readonly #keyAt = new Int32Array(DESCRIPTOR_RING_SLOTS);
  readonly #keyLength = new Int32Array(DESCRIPTOR_RING_SLOTS);
  #harvested: number;

  constructor(ports: PendingSendsPorts) {
    this.#ports = ports;
    this.#harvested = ports.descriptors.completed();
  }

  /** Sends that are not answered yet. */
  get count(): number {
    return this.#ports.descriptors.claimed - this.#harvested + this.#awaiting.count;
  }

  /** A request was put into slot `index`; its UNIQ_KEY lies at `keyAt` in the ring. `wait`: its sender waits for the flush. */
  add(
    index: number,
    header: Pick<ScannedHeader, 'opaque' | 'serializeType' | 'flag'>,
    reply: ReplyPort,
    queueId: number,
    wait: boolean,
    keyAt: number,
    keyLength: number,
  ): void {
    this.#replies[index] = reply;
    this.#opaques[index] = header.opaque;
    this.#flags[index] = header.flag;
    this.#serializeTypes[index] = header.serializeType;
    this.#waits[index] = wait ? 1 : 0;
    this.#queueIds[index] = queueId;
    this.#keyAt[index] = keyAt;
    this.#keyLength[index] = keyLength;
  }

  hasWork(): boolean {
    return this.#ports.descriptors.completed() !== this.#harvested || this.#awaiting.isDue(this.#ports.flushed());
  }

  /** Reads all results that are there and answers what may be answered. Returns how many sends moved on. */
  harvest(nowUs: number): number {
    const flushed = this.#ports.flushed();
    return this.#readResults(flushed, nowUs) + this.#answerFlushed(flushed, nowUs);
  }

  /** Answers the sends whose flush has taken too long; they are stored all the same. */
  expire(nowUs: number): number {
    let expired = 0;
    while (this.#awaiting.isLate(nowUs, this.#ports.flushTimeoutUs)) {
      this.#awaiting.shift(this.#send);
      this.#answer(ResponseCode.FLUSH_DISK_TIMEOUT, false, nowUs);
      expired++;
    }
    return expired;
  }

  #readResults(flushed: number, nowUs: number): number {
    const { descriptors, bytes } = this.#ports;
    const completed = descriptors.completed();
    const count = completed - this.#harvested;
    if (count === 0) return 0;
    let bytesEnd = 0;
    for (let at = this.#harvested; at < completed; at++) {
      const index = descriptors.index(asRingPosition(at));
      this.#take(index, flushed, nowUs);
      this.#replies[index] = null;
      bytesEnd =
        descriptors.doubles[index * DESCRIPTOR_DOUBLES + DescriptorDouble.bytesPosition]! +
        descriptors.ints[index * DESCRIPTOR_INTS + DescriptorInt.length]!;
    }
    this.#harvested = completed;
    descriptors.free(completed);
    bytes.release(asRingPosition(bytesEnd));
    return count;
  }

  #answerFlushed(flushed: number, nowUs: number): number {
    let answered = 0;
    while (this.#awaiting.isDue(flushed)) {
      this.#awaiting.shift(this.#send);
      this.#answer(ResponseCode.SUCCESS, true, nowUs);
      answered++;
    }
    return answered;
  }

  #take(index: number, flushed: number, nowUs: number): void {
    const status = this.#ports.descriptors.ints[index * DESCRIPTOR_INTS + DescriptorInt.status]!;
    if (status !== DescriptorStatus.stored) {
      this.#refuse(index, status);
      return;
    }
    if (isOneWay(this.#flags[index]!)) return;
    this.#load(index);
    const isFlushed = this.#send.logEnd <= flushed;
    if (this.#ports.syncFlush && !isFlushed && this.#waits[index] === 1) this.#awaiting.push(this.#send);
    else this.#answer(ResponseCode.SUCCESS, isFlushed, nowUs);
  }

  #load(index: number): void {
    const { bytes, descriptors } = this.#ports;
    const { ints, doubles } = descriptors;
    const send = this.#send;
    send.reply = this.#replies[index]!;
    send.opaque = this.#opaques[index]!;
    send.serializeType = this.#serializeTypes[index] as SerializeType;
    send.queueId = this.#queueIds[index]!;
    send.queueOffset = doubles[index * DESCRIPTOR_DOUBLES + DescriptorDouble.queueOffset]!;
    send.logOffset = doubles[index * DESCRIPTOR_DOUBLES + DescriptorDouble.logOffset]!;
    send.logEnd = send.logOffset + ints[index * DESCRIPTOR_INTS + DescriptorInt.length]!;
    send.queuedAtUs = ints[index * DESCRIPTOR_INTS + DescriptorInt.queuedAtUs]!;
    send.key = bytes.bytes;
    send.keyStart = this.#keyAt[index]!;
    send.keyEnd = send.keyStart + this.#keyLength[index]!;
    const records = ints[index * DESCRIPTOR_INTS + DescriptorInt.recordCount]!;
    send.offsets = records === 1 ? null : this.#offsetsOf(index, records);
  }

  /** Where the messages of a batch lie, by the sizes of their records in the ring. */
  #offsetsOf(index: number, records: number): number[] {
    const { bytes, descriptors } = this.#ports;
    const start = bytes.index(
      asRingPosition(descriptors.doubles[index * DESCRIPTOR_DOUBLES + DescriptorDouble.bytesPosition]!),
    );
    const offsets: number[] = [];
    let at = start;
    for (let record = 0; record < records; record++) {
      offsets.push(this.#send.logOffset + at - start);
      at += bytes.view.getInt32(at + RecordAt.totalSize);
    }
    return offsets;
  }

  #answer(code: StoredCode, isFlushed: boolean, nowUs: number): void {
    const { answers, answerTime } = this.#ports;
    answers.answer(this.#send, code, isFlushed ? 'flushed' : 'written');
    answerTime.record((nowUs - this.#send.queuedAtUs) & QUEUED_AT_MASK);
    this.#send.reply = null;
  }

  #refuse(index: number, status: number): void {
    const refusal = refusalOf(status);
    if (status === DescriptorStatus.diskFull) this.#ports.diskIsFull();
    const request = {
      opaque: this.#opaques[index]!,
      serializeType: this.#serializeTypes[index] as SerializeType,
      flag: this.#flags[index]!,
    };
    refuse(request, refusal, this.#replies[index]!, this.#ports.extFields);
  }
}

/** Why append has not stored a request (spec/store.md 17). */
function refusalOf(status: number): Refusal {
  switch (status) {
    case DescriptorStatus.diskFull:
      return { code: ResponseCode.SERVICE_NOT_AVAILABLE, remark: 'the disk of the broker is full' };
    case DescriptorStatus.queueGone:
      return { code: ResponseCode.TOPIC_NOT_EXIST, remark: 'the topic was deleted while the message was on its way' };
    default:
      return { code: ResponseCode.SERVICE_NOT_AVAILABLE, remark: 'the broker is stopping' };
  }
}
