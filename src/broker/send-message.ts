/**
 * Sends (10, 310, 320): checks the request, encodes its records in place in the bytes ring (the only copy of a body) and puts a
 * descriptor beside them. Called by the net agent for each send; the answer comes from pending-sends when append has its results.
 */
import { assert } from '../base/assert.ts';
import { REQUEST_SIZE_MAX_BYTES } from '../base/limits.ts';
import { asQueueSlot, type QueueSlot, type RingPosition } from '../base/units.ts';
import { BatchItemCursor } from '../layout/batch-item.ts';
import {
  endsEntry,
  PROPERTY_ENTRY_END,
  ScannedProperties,
  scanProperties,
  stripProperty,
} from '../layout/message-properties.ts';
import {
  BLANK_HEAD_BYTES,
  HOST_V6_BYTES,
  RecordHead,
  recordSizeOf,
  SysFlag,
  writePropertiesLength,
  writeRecordHead,
  writeTopicLength,
} from '../layout/message-record.ts';
import { PropertyName } from '../layout/property-names.ts';
import {
  DESCRIPTOR_DOUBLES,
  DESCRIPTOR_INTS,
  DescriptorDouble,
  DescriptorInt,
  DescriptorStatus,
  QUEUED_AT_MASK,
} from '../layout/request-descriptor.ts';
import { wordsOf } from '../layout/words.ts';
import { ResponseCode } from '../remoting/codes.ts';
import type { SendHeader } from '../remoting/send-header.ts';
import { NO_ROOM } from '../ring/bytes-ring.ts';
import { copyInto, copyWords } from '../ring/copy-into.ts';
import { BrokerProperties } from './broker-properties.ts';
import type { NetTopic } from './net-tables.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { ReplyPort } from './reply-port.ts';
import {
  illegal,
  refusedBatch,
  refusedKind,
  refusedOrderTopic,
  refusedProperties,
  refusedQueue,
  refusedSize,
} from './send-checks.ts';
import type { SendPorts } from './send-ports.ts';

/** What became of a send. `noRoom` and `unknownTopic` leave it to the caller to come again. */
export const SendOutcome = { queued: 0, refused: 1, noRoom: 2, unknownTopic: 3 } as const;
export type SendOutcome = (typeof SendOutcome)[keyof typeof SendOutcome];

const NOTHING = new Uint8Array(0);

export class SendMessages {
  readonly #ports: SendPorts;
  readonly #brokerProperties: BrokerProperties;
  /** Of the request: found by this object, or known by its header. */
  #properties = new ScannedProperties();
  readonly #ownProperties = this.#properties;
  readonly #head = new RecordHead();
  readonly #item = new BatchItemCursor();
  readonly #requestMax: number;
  /** The properties that all records of the request end with, as they came and as the broker adds to them. */
  #sent: Uint8Array = NOTHING;
  #sentStart = 0;
  #sentEnd = 0;
  #added: Uint8Array = NOTHING;
  /** Among what is added is a UNIQ_KEY. */
  #needsKey = false;
  /** Properties of a batch item, which come before those of the request. */
  #own: Uint8Array = NOTHING;
  #ownStart = 0;
  #ownEnd = 0;
  /** Where the request's UNIQ_KEY lies in the ring. */
  #keyAt = 0;
  #keyLength = 0;

  constructor(ports: SendPorts) {
    this.#ports = ports;
    this.#brokerProperties = new BrokerProperties(ports.settings, ports.random);
    this.#head.storeHost = ports.storeHost;
    this.#requestMax = Math.min(REQUEST_SIZE_MAX_BYTES, ports.settings.mappedFileSizeCommitLog - BLANK_HEAD_BYTES);
  }

  /** Extension fields of every answer to a send, errors too (spec/api.md 5). */
  get extFields(): Map<string, string> {
    return this.#brokerProperties.extFields;
  }

  /** `nowUs` is when the frame came. The header is free for another request afterwards. */
  send(header: SendHeader, reply: ReplyPort, nowUs: number): SendOutcome {
    const topic = this.#ports.tables.topic(header.names, header.topicStart, header.topicEnd);
    if (topic === null) return SendOutcome.unknownTopic;
    this.#scanProperties(header);
    const refusal = this.#check(header, topic);
    if (refusal !== null) return this.refuse(header, refusal, reply);
    this.#completeProperties(header);
    return header.batch ? this.#batch(header, topic, reply, nowUs) : this.#single(header, topic, reply, nowUs);
  }

  #scanProperties(header: SendHeader): void {
    this.#properties = header.scannedProperties ?? this.#ownProperties;
    if (header.scannedProperties !== null) return;
    scanProperties(header.properties, header.propertiesStart, header.propertiesEnd, this.#properties);
  }

  refuse(header: SendHeader, refusal: Refusal, reply: ReplyPort): SendOutcome {
    refuse(header, refusal, reply, this.extFields);
    return SendOutcome.refused;
  }

  #check(header: SendHeader, topic: NetTopic): Refusal | null {
    const { view, sendRefusal } = topic;
    const { settings } = this.#ports;
    const refusal =
      sendRefusal ??
      refusedOrderTopic(view, settings) ??
      refusedQueue(header, view) ??
      (header.batch ? refusedBatch(header, view, this.#properties) : refusedKind(header, view, this.#properties));
    if (refusal !== null) return refusal;
    const full = this.#ports.refusedByDisk();
    if (full !== null) return full;
    const behindBytes = this.#ports.undispatchedBytes();
    if (behindBytes <= settings.undispatchedMaxBytes) return null;
    return { code: ResponseCode.SYSTEM_BUSY, remark: `[OVERLOAD]the queues are ${behindBytes} bytes behind the log` };
  }

  /** Decides which properties the request's records end with. */
  #completeProperties(header: SendHeader): void {
    const properties = this.#properties;
    this.#sent = header.properties;
    this.#sentStart = header.propertiesStart;
    this.#sentEnd = header.propertiesEnd;
    if (properties.popCheckPoint) {
      this.#sent = stripProperty(this.#sent, this.#sentStart, this.#sentEnd, PropertyName.POP_CK);
      this.#sentStart = 0;
      this.#sentEnd = this.#sent.length;
      this.#properties = this.#ownProperties;
      scanProperties(this.#sent, 0, this.#sentEnd, this.#properties);
    }
    const { uniqKeyStart, uniqKeyEnd } = this.#properties;
    const needsEnd = this.#sentEnd > this.#sentStart && !endsEntry(this.#sent, this.#sentEnd);
    // The messages of a batch have keys of their own, which one of ours behind them would hide.
    this.#needsKey = !header.batch && uniqKeyStart === uniqKeyEnd;
    this.#added = this.#brokerProperties.added(needsEnd, !this.#needsKey);
  }

  #single(header: SendHeader, topic: NetTopic, reply: ReplyPort, nowUs: number): SendOutcome {
    const bodyLength = header.bodyEnd - header.bodyStart;
    const propertiesLength = this.#sentEnd - this.#sentStart + this.#added.length;
    const refusal =
      refusedSize(bodyLength, propertiesLength, this.#ports.settings.maxMessageSize) ??
      refusedProperties(this.#sent, this.#sentStart, this.#sentEnd);
    if (refusal !== null) return this.refuse(header, refusal, reply);
    const size = this.#sizeOf(bodyLength, topic, propertiesLength, reply);
    if (size > this.#requestMax) return this.refuse(header, this.#tooLong('message', size), reply);
    const slot = this.#prepareHead(header, topic, reply);
    const position = this.#claim(size);
    if (position === NO_ROOM) return SendOutcome.noRoom;
    const at = this.#ports.bytes.index(position);
    this.#ownEnd = this.#ownStart;
    this.#encode(at, size, header.messageFlag, header.body, header.bodyStart, header.bodyEnd, topic.nameBytes);
    this.#describe(header, reply, position, size, 1, slot, nowUs);
    return SendOutcome.queued;
  }

  /** All items are looked at before the first is encoded: a batch is stored as a whole or not at all. */
  #batch(header: SendHeader, topic: NetTopic, reply: ReplyPort, nowUs: number): SendOutcome {
    const { body, bodyStart, bodyEnd } = header;
    const item = this.#item;
    const { settings } = this.#ports;
    const common = this.#sentEnd - this.#sentStart + this.#added.length;
    if (bodyEnd - bodyStart > settings.maxMessageSize) {
      return this.refuse(
        header,
        illegal(`a batch of ${bodyEnd - bodyStart} bytes, the limit is ${settings.maxMessageSize}`),
        reply,
      );
    }
    const refused = refusedProperties(this.#sent, this.#sentStart, this.#sentEnd);
    if (refused !== null) return this.refuse(header, refused, reply);
    let size = 0;
    let count = 0;
    for (let at = bodyStart; at < bodyEnd; at = item.next) {
      if (!item.load(body, at, bodyEnd)) return this.refuse(header, MALFORMED_BATCH, reply);
      const own = this.#itemPropertiesLength(body);
      const refusal =
        refusedSize(item.bodyEnd - item.bodyStart, own + common, settings.maxMessageSize) ??
        refusedProperties(body, item.propertiesStart, item.propertiesEnd);
      if (refusal !== null) return this.refuse(header, refusal, reply);
      size += this.#sizeOf(item.bodyEnd - item.bodyStart, topic, own + common, reply);
      count++;
    }
    if (count === 0) return this.refuse(header, MALFORMED_BATCH, reply);
    if (size > this.#requestMax) return this.refuse(header, this.#tooLong('batch', size), reply);
    const slot = this.#prepareHead(header, topic, reply);
    const position = this.#claim(size);
    if (position === NO_ROOM) return SendOutcome.noRoom;
    let next = this.#ports.bytes.index(position);
    for (let at = bodyStart; at < bodyEnd; at = item.next) {
      item.load(body, at, bodyEnd);
      const own = this.#itemPropertiesLength(body);
      const recordSize = this.#sizeOf(item.bodyEnd - item.bodyStart, topic, own + common, reply);
      this.#own = body;
      this.#ownStart = item.propertiesStart;
      this.#ownEnd = item.propertiesEnd;
      this.#encode(next, recordSize, item.flag, body, item.bodyStart, item.bodyEnd, topic.nameBytes);
      next += recordSize;
    }
    this.#describe(header, reply, position, size, count, slot, nowUs);
    return SendOutcome.queued;
  }

  /** Would not fit the ring, or a segment of the log. */
  #tooLong(what: string, size: number): Refusal {
    return illegal(`a ${what} of ${size} bytes when stored, the limit is ${this.#requestMax}`);
  }

  /** With the end mark that the item may lack. */
  #itemPropertiesLength(body: Uint8Array): number {
    const { propertiesStart, propertiesEnd } = this.#item;
    const length = propertiesEnd - propertiesStart;
    return length === 0 || endsEntry(body, propertiesEnd) ? length : length + 1;
  }

  #sizeOf(bodyLength: number, { nameBytes }: NetTopic, propertiesLength: number, { remoteHost }: ReplyPort): number {
    const bornV6 = remoteHost.length === HOST_V6_BYTES;
    const storeV6 = this.#ports.storeHost.length === HOST_V6_BYTES;
    return recordSizeOf(bodyLength, nameBytes.length, propertiesLength, bornV6, storeV6);
  }

  #claim(size: number): RingPosition | typeof NO_ROOM {
    const { bytes, descriptors } = this.#ports;
    return descriptors.hasRoom() ? bytes.claim(size) : NO_ROOM;
  }

  /** Fills in what all records of the request share. Returns their queue's row; before room is claimed, which must be filled then. */
  #prepareHead(header: SendHeader, { view, nameBytes }: NetTopic, { remoteHost }: ReplyPort): QueueSlot {
    const head = this.#head;
    head.queueId = header.queueId >= 0 ? header.queueId : this.#ports.random.below(view.writeQueueNums);
    head.sysFlag = header.sysFlag | (view.multiTags ? SysFlag.multiTags : 0);
    head.bornTimestamp = header.bornTimestamp;
    head.reconsumeTimes = header.reconsumeTimes;
    head.topicLength = nameBytes.length;
    head.bornHost = remoteHost;
    const slot = view.slots[head.queueId];
    assert(slot !== undefined, 'a send that was not refused has a queue');
    return asQueueSlot(slot);
  }

  /** Encodes one record at `at` in the ring. */
  #encode(
    at: number,
    size: number,
    flag: number,
    source: Uint8Array,
    bodyStart: number,
    bodyEnd: number,
    topic: Uint8Array,
  ): void {
    const { bytes, view } = this.#ports.bytes;
    const head = this.#head;
    head.totalSize = size;
    head.flag = flag;
    head.bodyLength = bodyEnd - bodyStart;
    let next = writeRecordHead(view, bytes, at, head);
    copyInto(bytes, next, source, bodyStart, bodyEnd);
    next = writeTopicLength(view, next + head.bodyLength, topic.length);
    copyInto(bytes, next, topic, 0, topic.length);
    const propertiesLengthAt = next + topic.length;
    next = writePropertiesLength(view, propertiesLengthAt, 0);
    const propertiesStart = next;
    if (this.#ownStart < this.#ownEnd) {
      copyInto(bytes, next, this.#own, this.#ownStart, this.#ownEnd);
      next += this.#ownEnd - this.#ownStart;
      if (!endsEntry(this.#own, this.#ownEnd)) bytes[next++] = PROPERTY_ENTRY_END;
    }
    copyWords(bytes, view, next, this.#sent, wordsOf(this.#sent), this.#sentStart, this.#sentEnd);
    this.#locateKey(next);
    next += this.#sentEnd - this.#sentStart;
    copyWords(bytes, view, next, this.#added, this.#brokerProperties.addedView, 0, this.#added.length);
    writePropertiesLength(view, propertiesLengthAt, next + this.#added.length - propertiesStart);
  }

  /** Where the UNIQ_KEY of the record whose sent properties begin at `at` lies in the ring; a batch may have none. */
  #locateKey(at: number): void {
    const { uniqKeyStart, uniqKeyEnd } = this.#properties;
    if (!this.#needsKey) {
      this.#keyAt = at + uniqKeyStart - this.#sentStart;
      this.#keyLength = uniqKeyEnd - uniqKeyStart;
    } else {
      const added = at + this.#sentEnd - this.#sentStart;
      this.#keyAt = added + this.#brokerProperties.keyStart;
      this.#keyLength = this.#brokerProperties.keyLength;
    }
  }

  #describe(
    header: SendHeader,
    reply: ReplyPort,
    position: RingPosition,
    size: number,
    count: number,
    slot: QueueSlot,
    nowUs: number,
  ): void {
    const { descriptors, queueTable, pending } = this.#ports;
    const index = descriptors.claim();
    const { ints, doubles } = descriptors;
    const at = index * DESCRIPTOR_INTS;
    doubles[index * DESCRIPTOR_DOUBLES + DescriptorDouble.bytesPosition] = position;
    ints[at + DescriptorInt.length] = size;
    ints[at + DescriptorInt.recordCount] = count;
    ints[at + DescriptorInt.queueSlot] = slot;
    ints[at + DescriptorInt.queueOffsetStep] = count;
    ints[at + DescriptorInt.status] = DescriptorStatus.pending;
    ints[at + DescriptorInt.queueGeneration] = queueTable.generation(slot);
    ints[at + DescriptorInt.queuedAtUs] = nowUs & QUEUED_AT_MASK;
    pending.add(index, header, reply, this.#head.queueId, this.#properties.wait, this.#keyAt, this.#keyLength);
  }
}

const MALFORMED_BATCH = illegal('the body is no batch of messages');
