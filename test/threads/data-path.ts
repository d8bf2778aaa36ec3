/**
 * The data path of a broker on one thread and a disk in memory: net threads that encode sends, append, flush, dispatch. Nothing moves
 * unless a test says so, and the clock stands still. Rings are small, so that they wrap often.
 */
import type { Clock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import { asLogOffset, type QueueSlot } from '../../src/base/units.ts';
import type { BrokerSettings } from '../../src/broker/broker-settings.ts';
import type { TopicView } from '../../src/broker/control-protocol.ts';
import { DelayLevels } from '../../src/broker/delay-levels.ts';
import { NetTables } from '../../src/broker/net-tables.ts';
import { PendingSends } from '../../src/broker/pending-sends.ts';
import { SendAnswers } from '../../src/broker/send-answers.ts';
import { SendMessages, type SendOutcome } from '../../src/broker/send-message.ts';
import { assignmentsOfObject } from '../../src/config/assignment.ts';
import type { BrokerOptions } from '../../src/config/broker-schema.ts';
import { resolveBroker } from '../../src/config/resolve.ts';
import { encodeHost } from '../../src/layout/message-record.ts';
import { SERIALIZE_JSON, type SerializeType } from '../../src/layout/remoting-frame.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame, encodeFrame, requestOf } from '../../src/remoting/frame-codec.ts';
import { SendHeader, sendHeaderOf } from '../../src/remoting/send-header.ts';
import { scanSendHeader } from '../../src/remoting/send-header-scanner.ts';
import { BytesRing } from '../../src/ring/bytes-ring.ts';
import { allocateDescriptorRing } from '../../src/ring/descriptor-ring.ts';
import { QueueDirectory } from '../../src/ring/queue-directory.ts';
import { QueueTable } from '../../src/ring/queue-table.ts';
import { allocateSlotRing } from '../../src/ring/slot-ring.ts';
import { StatusPage } from '../../src/ring/status-page.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { CommitLogSync } from '../../src/store/commit-log-sync.ts';
import { ConsumeQueueWriter } from '../../src/store/consume-queue.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { LogScanner, Scanned } from '../../src/store/log-scanner.ts';
import { type StorePaths, storePathsOf } from '../../src/store/store-paths.ts';
import { AppendAgent } from '../../src/threads/append/append-agent.ts';
import { NextOffsets, type RecoveredQueue } from '../../src/threads/append/next-offsets.ts';
import { DispatchAgent } from '../../src/threads/dispatch/dispatch-agent.ts';
import { QueueFiling } from '../../src/threads/dispatch/queue-filing.ts';
import { FlushAgent } from '../../src/threads/flush/flush-agent.ts';
import { QueueRounds } from '../../src/threads/flush/queue-rounds.ts';
import type { QueueRound } from '../../src/threads/thread-messages.ts';
import {
  appendEnds,
  type BrokerMemory,
  controlEnds,
  dispatchEnds,
  flushEnds,
  type NetEnds,
  netEnds,
} from '../../src/threads/topology.ts';
import { TestReply } from '../broker/pull-harness.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

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

export interface LoggedRecord {
  readonly bytes: Buffer;
  readonly logOffset: number;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly storeTimestamp: number;
  readonly topic: string;
  readonly body: string;
  readonly properties: string;
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

export interface DataPathOptions {
  readonly nets?: number;
  readonly ringBytes?: number;
  readonly slots?: number;
  readonly segmentBytes?: number;
  readonly queueFileBytes?: number;
  readonly settings?: Partial<BrokerOptions>;
  readonly disk?: MemoryDisk;
  /** Queues of T, one row each. */
  readonly queues?: number;
  readonly recovered?: readonly RecoveredQueue[];
  readonly logEnd?: number;
  readonly dispatchFrom?: number;
  readonly lastStoreTimestamp?: number;
  readonly batchTopics?: readonly string[];
}

export class DataPath {
  readonly disk: MemoryDisk;
  readonly clock = new TestClock();
  readonly settings: BrokerSettings;
  readonly paths: StorePaths = storePathsOf('/store');
  readonly logFiles: { readonly directory: string; readonly segmentSizeBytes: number };
  readonly memory: BrokerMemory;
  readonly status: StatusPage;
  readonly directory: QueueDirectory;
  readonly queueTable: QueueTable;
  readonly nets: readonly TestNet[];
  readonly log: CommitLogWriter;
  readonly append: AppendAgent;
  readonly checkpoints: { readonly logAt: number; readonly queuesAt: number }[] = [];
  /** On their way from dispatch to flush. */
  readonly rounds: QueueRound[] = [];
  /** The checkpoint's disk is full. */
  checkpointsFail = false;
  readonly #options: DataPathOptions;

  constructor(options: DataPathOptions = {}) {
    this.#options = options;
    const { nets = 1, ringBytes = 64 * 1024, slots = 64, segmentBytes = 1024 * 1024, queues = 4 } = options;
    this.disk = options.disk ?? new MemoryDisk();
    this.disk.makeDirectory('/store');
    const given = { mappedFileSizeCommitLog: segmentBytes, storePathRootDir: '/store', ...options.settings };
    this.settings = resolveBroker(assignmentsOfObject(given, 'test')).settings;
    this.logFiles = { directory: this.paths.commitLog, segmentSizeBytes: segmentBytes };
    this.memory = {
      placement: 'full',
      status: StatusPage.allocate(),
      queueTable: QueueTable.allocate(256),
      queueDirectory: QueueDirectory.allocate(256),
      nets: Array.from({ length: nets }, () => ({
        bytes: BytesRing.allocate(ringBytes),
        descriptors: allocateDescriptorRing(slots),
        arrivals: allocateSlotRing(),
      })),
    };
    const control = controlEnds(this.memory);
    this.status = control.page.status;
    this.directory = control.directory;
    this.queueTable = control.queueTable;
    const { recovered = [], logEnd = 0, dispatchFrom = logEnd } = options;
    control.written.advance(logEnd);
    control.flushed.advance(logEnd);
    control.dispatched.advance(dispatchFrom);
    this.nets = this.memory.nets.map((_, net) => new TestNet(this.memory, net, this.settings, this.clock));
    this.addTopic('T', queues);
    this.log = new CommitLogWriter(this.disk, this.logFiles, asLogOffset(logEnd));
    const ends = appendEnds(this.memory);
    this.append = new AppendAgent({
      ends,
      log: this.log,
      nextOffsets: new NextOffsets(ends.directory, recovered),
      clock: this.clock,
      lastStoreTimestamp: options.lastStoreTimestamp ?? 0,
      flushAfterBytes: 0,
    });
  }

  get net(): TestNet {
    return this.nets[0]!;
  }

  /** Gives a topic its rows and tells the net threads. */
  addTopic(name: string, queues: number, view: Partial<TopicView> = {}): readonly QueueSlot[] {
    const slots = Array.from({ length: queues }, (_, queueId) => this.directory.add(name, queueId));
    const topic: TopicView = {
      name,
      readQueueNums: queues,
      writeQueueNums: queues,
      perm: 6,
      order: false,
      multiTags: false,
      topicSysFlag: 0,
      attributes: {},
      slots,
      ...view,
    };
    for (const net of this.nets) net.tables.take({ kind: 'topic', topic });
    return slots;
  }

  /** Lets append write all that was published. */
  write(): void {
    while (this.append.doWork() > 0);
  }

  dispatcher(syncFlush = false): { readonly agent: DispatchAgent; readonly filing: QueueFiling } {
    const ends = dispatchEnds(this.memory, syncFlush);
    const queueFileBytes = this.#options.queueFileBytes ?? 2000;
    const files = new ConsumeQueueWriter(this.disk, this.paths.consumeQueue, queueFileBytes, 64);
    const filing = new QueueFiling(ends, files, this.clock.monotonicUs(), (round) => this.rounds.push(round));
    const agent = new DispatchAgent({
      ends,
      log: new LogReader(this.disk, this.logFiles),
      filing,
      delays: new DelayLevels(),
      batchTopics: new Set(this.#options.batchTopics ?? []),
      clock: this.clock,
    });
    return { agent, filing };
  }

  flusher(zeroWriteNextSegment = false): FlushAgent {
    return new FlushAgent({
      ends: flushEnds(this.memory),
      log: new CommitLogSync(this.disk, this.logFiles),
      queues: new QueueRounds(this.disk, () => this.rounds.shift() ?? null),
      clock: this.clock,
      segmentSizeBytes: this.logFiles.segmentSizeBytes,
      syncFlush: this.settings.flushDiskType === 'SYNC_FLUSH',
      intervalMs: this.settings.flushIntervalCommitLog,
      aheadBytes: this.settings.flushAheadBytes,
      zeroWriteNextSegment,
      saveCheckpoint: (logAt, queuesAt) => {
        if (this.checkpointsFail) return false;
        this.checkpoints.push({ logAt, queuesAt });
        return true;
      },
    });
  }

  /** Every record of the log, checked by the scanner that recovery uses. */
  records(from = 0): LoggedRecord[] {
    const scanner = new LogScanner(new LogReader(this.disk, this.logFiles), true);
    const records: LoggedRecord[] = [];
    scanner.begin(asLogOffset(from), this.log.end);
    for (let found = scanner.next(); found !== Scanned.end; found = scanner.next()) {
      if (found === Scanned.bad) throw new Error(`no record at ${scanner.position}, the log ends at ${this.log.end}`);
      const { cursor, bytes, recordAt } = scanner;
      const text = (start: number, length: number): string => bytes.toString('utf8', start, start + length);
      records.push({
        bytes: Buffer.from(bytes.subarray(recordAt, recordAt + cursor.totalSize)),
        logOffset: scanner.position,
        queueId: cursor.queueId,
        queueOffset: cursor.queueOffset,
        storeTimestamp: cursor.storeTimestamp,
        topic: text(cursor.topicStart, cursor.topicLength),
        body: text(cursor.bodyStart, cursor.bodyLength),
        properties: text(cursor.propertiesStart, cursor.propertiesLength),
      });
    }
    return records;
  }
}
