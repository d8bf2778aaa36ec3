/**
 * What a pull of 32 messages of 1 KiB costs a net thread, sockets apart: the header is scanned, the entries are read and filtered, the
 * records read from real files into a slab behind the answer's header. Run: `npx tsc -b && node dist/native-free-bench/broker/pulls.js`.
 *
 *   pull frame -> scanPullHeader -> PullMessages -> [queue table or ConsumeQueue file] -> [CommitLog files, page cache] -> slab
 *
 * Each case pulls its queues from their start to their end, in turn, again and again. Before it is timed, one pass is checked: every
 * record that is asked for has to come exactly once, in order and whole.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { assert } from '../../src/base/assert.ts';
import { systemClock } from '../../src/base/clock.ts';
import { asLogOffset, asQueueOffset, asQueueSlot } from '../../src/base/units.ts';
import { NetTables } from '../../src/broker/net-tables.ts';
import { PullMessages } from '../../src/broker/pull-message.ts';
import type { PullPorts } from '../../src/broker/pull-ports.ts';
import type { ReplyPort } from '../../src/broker/reply-port.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ, type SerializeType } from '../../src/layout/remoting-frame.ts';
import { decodeFrame, encodeFrame, requestOf } from '../../src/remoting/frame-codec.ts';
import { PullHeader } from '../../src/remoting/pull-header.ts';
import { scanPullHeader } from '../../src/remoting/pull-header-scanner.ts';
import { QueueTable } from '../../src/ring/queue-table.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { ConsumeQueueReader, ConsumeQueueWriter } from '../../src/store/consume-queue.ts';
import { NodeDisk } from '../../src/store/disk.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { plainGroup, plainPullSettings, plainTopic } from '../../test/support/plain-views.ts';

/** A body of 1 KiB and what the Java client adds to it. */
const RECORD_BYTES = 1230;
const BATCH = 32;
const BATCHES = 250;
const QUEUE_LENGTH = BATCH * BATCHES;
const SLAB_BYTES = 8 * 1024 * 1024;
/** The hash of TagA, and which of a queue's messages have this tag. */
const TAG_HASH = 2598919;
const EVERY_TAGGED = 4;

const directory = mkdtempSync(join(tmpdir(), 'ringmq-pulls-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const disk = new NodeDisk();

/** A connection that takes everything. */
class Slab implements ReplyPort {
  readonly connectionId = 1;
  readonly remoteHost = new Uint8Array(8);
  readonly remote = '127.0.0.1:50000';
  readonly isOpen = true;
  readonly backlogBytes = 0;
  readonly bytes = Buffer.alloc(SLAB_BYTES);
  /** Where the last answer lies. */
  start = 0;
  end = 0;

  reserve(size: number): number {
    if (this.end + size > SLAB_BYTES) this.end = 0;
    this.start = this.end;
    return this.start;
  }

  wrote(length: number): void {
    this.end = this.start + length;
  }

  frame(bytes: Uint8Array): void {
    throw new Error(`refused: ${decodeFrame(bytes, 0, bytes.length).remark}`);
  }
}

interface Case {
  readonly title: string;
  readonly serializeType: SerializeType;
  /** The log holds one message of each of so many queues in turn. */
  readonly queues: number;
  /** So many of the queues are pulled in turn. */
  readonly readers: number;
  readonly subscription: string;
  /** Pull the newest 32 messages only, whose entries are in the queue's tail. */
  readonly atTheEnd: boolean;
}

/** One store, and the frames of the pulls that read it. */
class Store {
  readonly slab = new Slab();
  readonly #pulls: PullMessages;
  readonly #queues: QueueTable;
  readonly #frames: Uint8Array[] = [];
  readonly #header = new PullHeader();
  readonly #case: Case;
  #next = 0;

  constructor(of: Case) {
    this.#case = of;
    const root = join(directory, of.title.replace(/\W/g, '-'));
    const files = { directory: join(root, 'commitlog'), segmentSizeBytes: 64 * 1024 * 1024 };
    const queueFileBytes = 300_000 * QUEUE_ENTRY_BYTES;
    const queues = new QueueTable(QueueTable.allocate(of.queues));
    const logEnd = fill(of.queues, files, join(root, 'consumequeue'), queueFileBytes, queues);
    const ports: PullPorts = {
      tables: tables(of.queues),
      settings: plainPullSettings(files.segmentSizeBytes, queueFileBytes),
      queues,
      entries: new ConsumeQueueReader(disk, join(root, 'consumequeue'), queueFileBytes, 8),
      log: new LogReader(disk, files),
      coldReads: null,
      clock: systemClock,
      memoryLimitBytes: 2 ** 34,
      lines: { info() {}, warn() {}, error: (line) => console.error(line) },
      logEnd: () => asLogOffset(logEnd),
      add() {},
      setParked() {},
      commitOffset() {},
      ensureGroup() {},
      outOfTurn() {},
    };
    this.#queues = queues;
    this.#pulls = new PullMessages(ports);
    for (let offset = of.atTheEnd ? QUEUE_LENGTH - BATCH : 0; offset < QUEUE_LENGTH; offset += BATCH) {
      for (let queueId = 0; queueId < of.readers; queueId++) this.#frames.push(this.#frame(queueId, offset));
    }
  }

  /** Goes on with BATCHES pulls. */
  pass(): void {
    for (let i = 0; i < BATCHES; i++) this.pull(this.#next++ % this.#frames.length);
  }

  pull(index: number): void {
    const frame = this.#frames[index]!;
    assert(scanPullHeader(frame, 0, frame.length, this.#header), 'the scanner reads its frame');
    this.#pulls.pull(this.#header, this.slab, 0);
  }

  /** BATCHES times: a pull at the end of queue 0 is parked, and woken by one message. */
  parkAndWake(): void {
    const slot = asQueueSlot(0);
    const frame = this.#frame(0, QUEUE_LENGTH - 1);
    for (let i = 0; i < BATCHES; i++) {
      this.#queues.publishMax(slot, asQueueOffset(QUEUE_LENGTH - 1));
      assert(scanPullHeader(frame, 0, frame.length, this.#header), 'the scanner reads its frame');
      this.#pulls.pull(this.#header, this.slab, 0);
      const { start, end } = this.slab;
      assert(this.#pulls.parked === 1, 'the pull is parked');
      this.#queues.publishMax(slot, asQueueOffset(QUEUE_LENGTH));
      this.#pulls.arrived(slot);
      assert(this.slab.start === end || this.slab.start < start, 'the pull is answered');
    }
  }

  /** Every record that the case wants comes once, in order and whole. */
  verify(): void {
    const step = this.#case.subscription === '*' ? 1 : EVERY_TAGGED;
    for (let i = 0; i < this.#frames.length; i++) {
      this.pull(i);
      const { queueId, queueOffset } = this.#header;
      const { body, remark } = decodeFrame(this.slab.bytes, this.slab.start, this.slab.end);
      assert(remark === 'FOUND' && body !== null, 'messages are found');
      const view = new DataView(body.buffer, body.byteOffset, body.length);
      let expected = queueOffset;
      for (let at = 0; at < body.length; at += RECORD_BYTES) {
        assert(view.getInt32(at) === RECORD_BYTES && view.getInt32(at + 4) === expected, 'this is the next record');
        assert(body[at + RECORD_BYTES - 1] === markOf(queueId, expected), 'to its last byte');
        expected += step;
      }
      assert(body.length === BATCH * RECORD_BYTES || (step > 1 && expected >= QUEUE_LENGTH), 'batches are full');
    }
  }

  #frame(queueId: number, offset: number): Uint8Array {
    const fields = {
      consumerGroup: 'GID_benchmark_consumers',
      topic: 'benchmark_topic',
      queueId: String(queueId),
      queueOffset: String(offset),
      maxMsgNums: String(BATCH),
      sysFlag: '6',
      commitOffset: '0',
      suspendTimeoutMillis: '15000',
      subscription: this.#case.subscription,
      subVersion: '1795405856191',
      expressionType: 'TAG',
    };
    const command = requestOf(11, 1000 + offset, new Map(Object.entries(fields)));
    return encodeFrame({ ...command, serializeType: this.#case.serializeType });
  }
}

function tables(queues: number): NetTables {
  const net = new NetTables();
  const slots = Array.from({ length: queues }, (_, slot) => slot);
  net.take({ kind: 'topic', topic: plainTopic('benchmark_topic', slots) });
  net.take({ kind: 'group', group: plainGroup('GID_benchmark_consumers') });
  return net;
}

/** The byte that a record is filled with. */
function markOf(queueId: number, offset: number): number {
  return (offset * 31 + queueId) % 251;
}

/** Writes the log and the queues; returns the log's end. A record holds its size and its number in the queue before its fill. */
function fill(
  queueCount: number,
  files: { directory: string; segmentSizeBytes: number },
  queueDirectory: string,
  queueFileBytes: number,
  table: QueueTable,
): number {
  const log = new CommitLogWriter(disk, files, asLogOffset(0));
  const queue = new ConsumeQueueWriter(disk, queueDirectory, queueFileBytes, 64);
  const record = new Uint8Array(RECORD_BYTES);
  const recordView = new DataView(record.buffer);
  const entry = new Uint8Array(QUEUE_ENTRY_BYTES);
  const entryView = new DataView(entry.buffer);
  for (let offset = 0; offset < QUEUE_LENGTH; offset++) {
    for (let queueId = 0; queueId < queueCount; queueId++) {
      record.fill(markOf(queueId, offset));
      recordView.setInt32(0, RECORD_BYTES);
      recordView.setInt32(4, offset);
      if (log.roomInSegment() < RECORD_BYTES) log.roll();
      const tagsCode = offset % EVERY_TAGGED === 0 ? TAG_HASH : 1;
      writeQueueEntry(entryView, 0, log.end, RECORD_BYTES, tagsCode);
      queue.append('benchmark_topic', queueId, asQueueOffset(offset), entry, 0, QUEUE_ENTRY_BYTES);
      const slot = asQueueSlot(queueId);
      table.put(slot, asQueueOffset(offset), log.end, RECORD_BYTES, tagsCode);
      table.publishMax(slot, asQueueOffset(offset + 1));
      table.setFiled(slot, asQueueOffset(offset + 1));
      log.write(record, 0, RECORD_BYTES);
    }
  }
  const end = log.end;
  log.close();
  queue.close();
  return end;
}

const one: Case = {
  title: '',
  serializeType: SERIALIZE_JSON,
  queues: 1,
  readers: 1,
  subscription: '*',
  atTheEnd: false,
};
const mixed = (queues: number, readers: number): Case => ({
  ...one,
  title: `${queues} queues in turn, ${readers} of them read`,
  queues,
  readers,
});
const cases: readonly Case[] = [
  { ...one, title: 'one queue, entries from its file' },
  { ...one, title: 'the same, ROCKETMQ header', serializeType: SERIALIZE_ROCKETMQ },
  { ...one, title: 'one queue, its newest 32 messages again and again', atTheEnd: true },
  { ...one, title: 'one queue, a tag that every fourth message has', subscription: 'TagA' },
  ...[2, 4, 8, 32].flatMap((queues) => [mixed(queues, queues), mixed(queues, 1)]),
];

console.log(
  `Node ${process.version}, ${cpus()[0]?.model}, ${cpus().length} cores, ${BATCH} messages of ${RECORD_BYTES} bytes a pull`,
);
const bench = new Bench({ time: 2000, warmupTime: 500 });
for (const each of cases) {
  const store = new Store(each);
  store.verify();
  bench.add(each.title, () => store.pass());
}
const waiting = new Store({ ...one, title: 'waiting' });
const PARKED = 'a pull that is parked and woken by one message';
bench.add(PARKED, () => waiting.parkAndWake());
await bench.run();
console.table(
  bench.tasks.map(({ name, result }) => {
    if (result === undefined || result.error !== undefined) throw new Error(`${name} failed`, { cause: result?.error });
    const microseconds = (milliseconds = 0): number => Math.round((milliseconds * 1e5) / BATCHES) / 100;
    const { mean, min, p99 } = result.latency;
    return {
      case: name,
      'us a pull (mean)': microseconds(mean),
      'us a pull (fastest pass)': microseconds(min),
      'us a pull (p99 of passes)': microseconds(p99),
      'k messages/s (mean)': Math.round((BATCHES * (name === PARKED ? 1 : BATCH)) / mean),
    };
  }),
);
