/**
 * A broker's net thread as the pull family sees it, in plain memory: one log cut into segments, queues with tails and files, clients whose
 * answers are decoded. Records are as long as a test says, and filled with a byte of their own.
 */
import { assert } from '../../src/base/assert.ts';
import type { Clock } from '../../src/base/clock.ts';
import { asLogOffset, asQueueOffset, asQueueSlot, type LogOffset, type QueueSlot } from '../../src/base/units.ts';
import type { ColdBytes, ColdReads, LogRun } from '../../src/broker/cold-reads.ts';
import type { ConsumerGroupView, GroupView, SubscriptionView, TopicView } from '../../src/broker/control-protocol.ts';
import { NetTables } from '../../src/broker/net-tables.ts';
import { PullMessages } from '../../src/broker/pull-message.ts';
import type { PullPorts, PullSettings } from '../../src/broker/pull-ports.ts';
import type { ReplyPort } from '../../src/broker/reply-port.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { SERIALIZE_JSON, type SerializeType } from '../../src/layout/remoting-frame.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame } from '../../src/remoting/frame-codec.ts';
import { FrameReader } from '../../src/remoting/frame-reader.ts';
import { PullHeader } from '../../src/remoting/pull-header.ts';
import { QueueTable } from '../../src/ring/queue-table.ts';
import { plainGroup, plainPullSettings, plainTopic } from '../support/plain-views.ts';

export const SEGMENT_BYTES = 64 * 1024;
export const ENTRIES_PER_FILE = 1000;

const SETTINGS = plainPullSettings(SEGMENT_BYTES, ENTRIES_PER_FILE * QUEUE_ENTRY_BYTES);
const GROUP = plainGroup('G');
const TOPIC = plainTopic('T', [0, 1, 2, 3]);

const SUBSCRIPTION: SubscriptionView = {
  topic: 'T',
  expressionType: 'TAG',
  expression: '*',
  codeSet: [],
  subVersion: 100,
};

/** What a test may say of a pull; the rest is a pull of 32 from the start of queue 0 of T by G, with its own subscription to all. */
export interface PullFields {
  readonly code?: number;
  readonly opaque?: number;
  readonly flag?: number;
  readonly serializeType?: SerializeType;
  readonly group?: string;
  readonly topic?: string;
  readonly queueId?: number;
  readonly queueOffset?: number;
  readonly maxMsgNums?: number;
  readonly sysFlag?: number;
  readonly commitOffset?: number;
  readonly suspendTimeoutMillis?: number;
  readonly subVersion?: number;
  readonly subscription?: string | null;
  readonly expressionType?: string | null;
}

export function pullHeader(fields: PullFields): PullHeader {
  const header = new PullHeader();
  header.code = fields.code ?? 11;
  header.opaque = fields.opaque ?? 7;
  header.flag = fields.flag ?? 0;
  header.serializeType = fields.serializeType ?? SERIALIZE_JSON;
  header.queueId = fields.queueId ?? 0;
  header.queueOffset = fields.queueOffset ?? 0;
  header.maxMsgNums = fields.maxMsgNums ?? 32;
  header.sysFlag = fields.sysFlag ?? 4;
  header.commitOffset = fields.commitOffset ?? 0;
  header.suspendTimeoutMillis = fields.suspendTimeoutMillis ?? 15_000;
  header.subVersion = fields.subVersion ?? 0;
  const { subscription = '*', expressionType = 'TAG' } = fields;
  header.hasSubscription = subscription !== null;
  header.hasExpressionType = expressionType !== null;
  // As in a frame: the texts lie somewhere in the middle of it, with other bytes between them.
  const texts = [fields.group ?? 'G', subscription ?? '', fields.topic ?? 'T', expressionType ?? ''];
  let at = 11;
  const places = texts.map((text) => {
    const start = at;
    const end = start + Buffer.byteLength(text);
    at = end + 3;
    return { start, end };
  });
  const names = Buffer.alloc(at + 100, '#');
  for (const [i, text] of texts.entries()) names.write(text, places[i]!.start);
  header.names = names;
  ({ start: header.consumerGroupStart, end: header.consumerGroupEnd } = places[0]!);
  ({ start: header.subscriptionStart, end: header.subscriptionEnd } = places[1]!);
  ({ start: header.topicStart, end: header.topicEnd } = places[2]!);
  ({ start: header.expressionTypeStart, end: header.expressionTypeEnd } = places[3]!);
  return header;
}

/** A client's connection. The slab is a small one that moves, so that a position kept over a `reserve` is found out. */
export class TestReply implements ReplyPort {
  readonly connectionId: number;
  readonly remoteHost = new Uint8Array(8);
  readonly remote = '127.0.0.1:51310';
  isOpen = true;
  backlogBytes = 0;
  bytes = Buffer.alloc(0);
  readonly answers: RemotingCommand[] = [];
  readonly #frames = new FrameReader();

  constructor(connectionId: number) {
    this.connectionId = connectionId;
  }

  reserve(size: number): number {
    const at = 5;
    this.bytes = Buffer.alloc(at + size, 0xee);
    return at;
  }

  wrote(length: number): void {
    this.frame(this.bytes.subarray(5, 5 + length));
  }

  frame(bytes: Uint8Array): void {
    this.#frames.push(Uint8Array.from(bytes), {
      frame: (chunk, start, end) => {
        this.answers.push(decodeFrame(chunk, start, end));
      },
    });
  }

  /** Takes the only answer. */
  answer(): RemotingCommand {
    if (this.answers.length !== 1) throw new Error(`${this.answers.length} answers`);
    return this.answers.pop()!;
  }
}

/** Reads when a test says so. */
export class TestColdReads implements ColdReads {
  readonly waiting: { runs: readonly LogRun[]; then: (result: ColdBytes | Error) => void }[] = [];
  /** Results that were not given back. */
  readonly held = new Set<ColdBytes>();
  readonly #broker: PullHarness;

  constructor(broker: PullHarness) {
    this.#broker = broker;
  }

  read(runs: readonly LogRun[], then: (result: ColdBytes | Error) => void): void {
    this.waiting.push({ runs: [...runs], then });
  }

  /** Does the read that has waited longest and returns what it was asked for. */
  finish(): readonly LogRun[] {
    const { runs, then } = this.waiting.shift()!;
    const bytes = Buffer.alloc(runs.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    const lengths = runs.map(({ offset, length }) => {
      const read = this.#broker.readAll(offset, length, bytes, at);
      at += length;
      return read;
    });
    const release = (): void => {
      assert(this.held.delete(result), 'a result is given back once');
      // Others use the memory from now on.
      bytes.fill(0xff);
    };
    const result: ColdBytes = { bytes, lengths, release };
    this.held.add(result);
    then(result);
    return runs;
  }

  fail(cause: Error): void {
    this.waiting.shift()!.then(cause);
  }

  async close(): Promise<void> {
    this.waiting.length = 0;
  }
}

export interface TestMessage {
  readonly size?: number;
  readonly tagsCode?: number;
  readonly queueId?: number;
}

export class PullHarness {
  readonly tables = new NetTables();
  readonly queues = new QueueTable(QueueTable.allocate(8));
  pulls: PullMessages;
  readonly coldReads = new TestColdReads(this);
  readonly counters = new Map<string, number>();
  readonly commits: unknown[][] = [];
  readonly groupRequests: { group: string; then: (code: number, remark: string | null) => void }[] = [];
  readonly errors: string[] = [];
  /** Length and log offset of each read. */
  readonly reads: [number, number][] = [];
  /** Queue ids whose entries were read from a file. */
  readonly fileReads: number[] = [];
  parkedTold = 0;
  outOfTurn = 0;
  nowUs = 0;
  readUs = 5;
  /** What the process has read from the disk. */
  blocksRead = 0;
  /** Bytes of the log below this are gone. */
  logStart = 0;
  logEnd = 0;
  /** A segment that is gone although those before it are there. */
  lostSegment = -1;
  readError: Error | null = null;
  /** Called after a commit. */
  committed: () => void = () => {};
  /** Called before entries are read from a file. */
  beforeEntries: () => void = () => {};
  /** Called after dispatch was told how many pulls are parked. */
  afterParked: () => void = () => {};
  readonly #log = Buffer.alloc(40 * SEGMENT_BYTES);
  readonly #files: Buffer[] = [];
  readonly #ports: PullPorts;
  #messages = 0;

  constructor(options: { settings?: Partial<PullSettings>; memoryLimitBytes?: number; cold?: boolean } = {}) {
    this.topic({});
    this.group({});
    const clock: Clock = { nowMs: () => 0, monotonicUs: () => this.nowUs };
    this.#ports = {
      tables: this.tables,
      settings: { ...SETTINGS, ...options.settings },
      queues: this.queues,
      entries: {
        read: (topic, queueId, from, count, into, at) => {
          this.beforeEntries();
          return this.#readEntries(topic, queueId, from, count, into, at);
        },
      },
      log: { read: (offset, length, into, at) => this.read(offset, length, into, at) },
      coldReads: options.cold ? this.coldReads : null,
      clock,
      memoryLimitBytes: options.memoryLimitBytes ?? 2 ** 40,
      lines: { info: () => {}, warn: () => {}, error: (line) => this.errors.push(line) },
      logEnd: () => asLogOffset(this.logEnd),
      add: (counter, amount) => this.counters.set(counter, (this.counters.get(counter) ?? 0) + amount),
      setParked: (count) => {
        this.parkedTold = count;
        this.afterParked();
      },
      commitOffset: (_, ...commit) => {
        this.commits.push(commit);
        this.committed();
      },
      ensureGroup: (_, group, then) => this.groupRequests.push({ group, then }),
      outOfTurn: () => {
        this.outOfTurn++;
      },
    };
    this.pulls = new PullMessages(this.#ports, () => this.blocksRead);
  }

  /** The same log and queues after a new start of the broker: nothing in it counts as read lately. */
  restarted(): this {
    this.pulls = new PullMessages(this.#ports, () => this.blocksRead);
    return this;
  }

  topic(change: Partial<TopicView>): void {
    this.tables.take({ kind: 'topic', topic: { ...TOPIC, ...change } });
  }

  group(change: Partial<GroupView>): void {
    this.tables.take({ kind: 'group', group: { ...GROUP, ...change } });
  }

  /** The group's live members subscribe; null: the last has gone. */
  consumers(
    change: Partial<SubscriptionView> | null,
    messageModel: ConsumerGroupView['messageModel'] = 'CLUSTERING',
    group = 'G',
  ): void {
    const consumers = change === null ? null : { messageModel, subscriptions: [{ ...SUBSCRIPTION, ...change }] };
    this.tables.take({ kind: 'consumers', group, consumers });
  }

  client(connectionId = 1): TestReply {
    return new TestReply(connectionId);
  }

  /** Sends a pull and returns its answer. */
  ask(fields: PullFields = {}, reply = this.client()): RemotingCommand {
    this.pulls.pull(pullHeader(fields), reply, this.nowUs / 1000);
    return reply.answer();
  }

  /** Appends messages to the log and their queues, which readers see at once; nobody is told. */
  put(...messages: TestMessage[]): void {
    for (const message of messages) this.#put(message);
  }

  many(count: number, message: TestMessage = {}): void {
    for (let i = 0; i < count; i++) this.#put(message);
  }

  /** Appends records as they are. */
  putRecords(queueId: number, records: readonly Uint8Array[], tagsCodeOf: (record: Uint8Array) => number): void {
    for (const record of records) {
      const at = this.#put({ size: record.length, tagsCode: tagsCodeOf(record), queueId });
      this.#log.set(record, at);
    }
  }

  /** Appends bytes that belong to nobody here. */
  skip(bytes: number): void {
    this.logEnd += bytes;
  }

  #put({ size = 100, tagsCode = 0, queueId = 0 }: TestMessage): number {
    const left = SEGMENT_BYTES - (this.logEnd % SEGMENT_BYTES);
    if (size + 8 > left) this.logEnd += left;
    const at = this.logEnd;
    this.#log.fill(++this.#messages % 251, at, at + size);
    this.logEnd += size;
    const slot = asQueueSlot(queueId);
    const offset = this.queues.max(slot);
    this.queues.put(slot, offset, asLogOffset(at), size, tagsCode);
    this.queues.publishMax(slot, asQueueOffset(offset + 1));
    this.#files[queueId] ??= Buffer.alloc(ENTRIES_PER_FILE * 3 * QUEUE_ENTRY_BYTES);
    const file = this.#files[queueId]!;
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    writeQueueEntry(view, offset * QUEUE_ENTRY_BYTES, at, size, tagsCode);
    this.queues.setFiled(slot, asQueueOffset(offset + 1));
    return at;
  }

  arrived(queueId = 0): void {
    this.pulls.arrived(asQueueSlot(queueId) as QueueSlot);
  }

  at(ms: number): number {
    this.nowUs = ms * 1000;
    return this.pulls.expire(ms);
  }

  read(offset: LogOffset, length: number, into: Uint8Array, at: number): number {
    if (this.readError !== null) throw this.readError;
    this.nowUs += this.readUs;
    this.reads.push([length, offset]);
    const segment = Math.floor(offset / SEGMENT_BYTES);
    if (segment < Math.floor(this.logStart / SEGMENT_BYTES) || segment === this.lostSegment) return 0;
    const left = SEGMENT_BYTES - (offset % SEGMENT_BYTES);
    return this.#log.copy(into, at, offset, offset + Math.min(length, left));
  }

  /** As a pool's worker reads: over the ends of segments. */
  readAll(offset: LogOffset, length: number, into: Uint8Array, at: number): number {
    let done = 0;
    while (done < length) {
      const read = this.read(asLogOffset(offset + done), length - done, into, at + done);
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  #readEntries(_topic: string, queueId: number, from: number, count: number, into: Uint8Array, at: number): number {
    this.fileReads.push(queueId);
    const file = this.#files[queueId];
    if (file === undefined) return 0;
    const left = ENTRIES_PER_FILE - (from % ENTRIES_PER_FILE);
    const start = from * QUEUE_ENTRY_BYTES;
    const wanted = Math.min(count, left) * QUEUE_ENTRY_BYTES;
    return file.copy(into, at, start, start + wanted) / QUEUE_ENTRY_BYTES;
  }
}

/** The bytes of records by the numbers of their messages, counted from 1, in order. */
export function bodyOf(...records: [message: number, size: number][]): Buffer {
  return Buffer.concat(records.map(([message, size]) => Buffer.alloc(size, message % 251)));
}

/** `[code, remark, next, min, max]` of an answer. */
export function outcome(answer: RemotingCommand): unknown[] {
  const offset = (name: string): number => Number(answer.extFields?.get(name));
  return [answer.code, answer.remark, offset('nextBeginOffset'), offset('minOffset'), offset('maxOffset')];
}

/** `[code, remark, forbiddenType]` of a refusal. */
export function refusalOf(answer: RemotingCommand): unknown[] {
  return [answer.code, answer.remark, answer.extFields?.get('forbiddenType') ?? null];
}
