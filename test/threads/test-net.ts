/**
 * The encoding side of a net thread without sockets: frames as clients send them, in small rings, and the answers that come back. Used by
 * the data path of the unit tests and by the simulator's broker.
 */
import type { Clock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import type { BrokerSettings } from '../../src/broker/broker-settings.ts';
import { NetTables } from '../../src/broker/net-tables.ts';
import { PendingSends } from '../../src/broker/pending-sends.ts';
import { SendAnswers } from '../../src/broker/send-answers.ts';
import { refusedFullDisk } from '../../src/broker/send-checks.ts';
import { SendMessages, type SendOutcome } from '../../src/broker/send-message.ts';
import { encodeHost } from '../../src/layout/message-record.ts';
import { SERIALIZE_JSON, type SerializeType } from '../../src/layout/remoting-frame.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame, encodeFrame, requestOf } from '../../src/remoting/frame-codec.ts';
import { SendHeader, sendHeaderOf } from '../../src/remoting/send-header.ts';
import { scanSendHeader } from '../../src/remoting/send-header-scanner.ts';
import { BytesRing } from '../../src/ring/bytes-ring.ts';
import { allocateDescriptorRing } from '../../src/ring/descriptor-ring.ts';
import { IndexTable } from '../../src/ring/index-table.ts';
import { QueueDirectory } from '../../src/ring/queue-directory.ts';
import { QueueTable } from '../../src/ring/queue-table.ts';
import { allocateSlotRing } from '../../src/ring/slot-ring.ts';
import { StatusPage } from '../../src/ring/status-page.ts';
import { type BrokerMemory, type NetEnds, netEnds } from '../../src/threads/topology.ts';
import { TestReply } from '../broker/pull-harness.ts';

export const STORE_HOST = encodeHost('127.0.0.1', 10911);
export const CLIENT_HOST = encodeHost('127.0.0.1', 51310);

export class TestClock implements Clock {
  wallMs = 1_700_000_000_000;
  us = 1_000_000;

  nowMs(): number {
    return this.wallMs;
  }

  monotonicUs(): number {
    return this.us;
  }

  passMs(ms: number): void {
    this.wallMs += ms;
    this.us += ms * 1000;
  }
}

export class SendReply extends TestReply {
  override readonly remoteHost: Uint8Array<ArrayBuffer>;

  constructor(connectionId = 1, remoteHost = CLIENT_HOST) {
    super(connectionId);
    this.remoteHost = Uint8Array.from(remoteHost);
  }

  override frame(bytes: Uint8Array): void {
    if (this.isOpen) super.frame(bytes);
  }
}

/** What a test may say of a send; the rest is a message to queue 0 of T. */
export interface SendFields {
  readonly code?: number;
  readonly opaque?: number;
  readonly oneWay?: boolean;
  readonly serializeType?: SerializeType;
  readonly topic?: string;
  readonly defaultTopic?: string;
  readonly queueId?: number;
  readonly sysFlag?: number;
  readonly bornTimestamp?: number;
  readonly flag?: number;
  readonly properties?: string;
  readonly reconsumeTimes?: number;
  readonly batch?: boolean;
  readonly body?: Uint8Array | string;
}

export const KEY = 'FD0000000000000000000000000000025AD45FFD2B27720E29610000';
export const WITH_KEY = `UNIQ_KEY\u0001${KEY}\u0002`;

/** A frame as a client sends it. */
export function sendFrame(fields: SendFields): Uint8Array {
  const { code = 310, topic = 'T', queueId = 0, sysFlag = 0, flag = 0, batch = false, body = 'body' } = fields;
  const values: Record<string, string> = {
    producerGroup: 'PG',
    topic,
    defaultTopic: fields.defaultTopic ?? 'TBW102',
    defaultTopicQueueNums: '4',
    queueId: String(queueId),
    sysFlag: String(sysFlag),
    bornTimestamp: String(fields.bornTimestamp ?? 1_699_999_999_000),
    flag: String(flag),
    properties: fields.properties ?? WITH_KEY,
    reconsumeTimes: String(fields.reconsumeTimes ?? 0),
    unitMode: 'false',
    maxReconsumeTimes: '16',
    batch: String(batch),
  };
  const names = Object.keys(values);
  const ext = new Map(
    names.map((name, at) => [code === 10 ? name : String.fromCharCode('a'.charCodeAt(0) + at), values[name]!]),
  );
  const command = requestOf(code, fields.opaque ?? 1, ext, typeof body === 'string' ? Buffer.from(body) : body);
  return encodeFrame({
    ...command,
    flag: fields.oneWay === true ? 2 : 0,
    serializeType: fields.serializeType ?? SERIALIZE_JSON,
  });
}

export function headerOf(frame: Uint8Array): SendHeader {
  const header = new SendHeader();
  if (!scanSendHeader(frame, 0, frame.length, header)) sendHeaderOf(decodeFrame(frame, 0, frame.length), header);
  return header;
}

/** The encoding side of one net thread. */
export class TestNet {
  readonly ends: NetEnds;
  readonly tables = new NetTables();
  readonly pending: PendingSends;
  readonly sends: SendMessages;
  readonly reply = new SendReply();
  diskFullAnswers = 0;
  undispatchedBytes = 0;
  readonly #clock: Clock;

  constructor(memory: BrokerMemory, net: number, settings: BrokerSettings, clock: Clock) {
    this.#clock = clock;
    this.ends = netEnds(memory, net);
    const { bytes, descriptors, queueTable, flushed, page } = this.ends;
    const extFields = new Map([
      ['MSG_REGION', settings.regionId],
      ['TRACE_ON', String(settings.traceOn)],
    ]);
    this.pending = new PendingSends({
      bytes,
      descriptors,
      answers: new SendAnswers(settings, STORE_HOST, extFields),
      extFields,
      answerTime: page.status.stage('answer'),
      syncFlush: settings.flushDiskType === 'SYNC_FLUSH',
      flushTimeoutUs: settings.syncFlushTimeout * 1000,
      flushed: () => flushed.read(),
      diskIsFull: () => this.diskFullAnswers++,
    });
    this.sends = new SendMessages({
      settings,
      tables: this.tables,
      bytes,
      descriptors,
      queueTable,
      pending: this.pending,
      storeHost: STORE_HOST,
      random: seededRandom(net + 1),
      refusedByDisk() {
        const full = page.status.diskFull();
        return full === null ? null : refusedFullDisk(full);
      },
      undispatchedBytes: () => this.undispatchedBytes,
    });
  }

  /** Encodes a send and shows it to append. */
  send(fields: SendFields = {}, reply: SendReply = this.reply): SendOutcome {
    const outcome = this.sends.send(headerOf(sendFrame(fields)), reply, this.#clock.monotonicUs());
    this.ends.descriptors.publish();
    return outcome;
  }

  /** Reads append's results and returns the answers of {@link reply}. */
  answers(): RemotingCommand[] {
    this.pending.harvest(this.#clock.monotonicUs());
    return this.reply.answers.splice(0);
  }
}

/** A broker's shared memory with small rings. */
export function smallMemory(sizes: {
  readonly placement: BrokerMemory['placement'];
  readonly nets: number;
  readonly ringBytes: number;
  readonly slots: number;
  readonly queues: number;
  /** Hash slots of the key index; null: none. */
  readonly indexSlots?: number | null;
}): BrokerMemory {
  return {
    placement: sizes.placement,
    status: StatusPage.allocate(),
    queueTable: QueueTable.allocate(sizes.queues),
    queueDirectory: QueueDirectory.allocate(sizes.queues),
    indexTable: sizes.indexSlots == null ? null : IndexTable.allocate(sizes.indexSlots),
    nets: Array.from({ length: sizes.nets }, () => ({
      bytes: BytesRing.allocate(sizes.ringBytes),
      descriptors: allocateDescriptorRing(sizes.slots),
      arrivals: allocateSlotRing(),
    })),
  };
}
