/**
 * The data path of a broker on one thread and a disk in memory: net threads that encode sends, append, flush, dispatch. Nothing moves
 * unless a test says so, and the clock stands still. Rings are small, so that they wrap often.
 */
import { asLogOffset, type QueueSlot } from '../../src/base/units.ts';
import type { BrokerSettings } from '../../src/broker/broker-settings.ts';
import type { TopicView } from '../../src/broker/control-protocol.ts';
import { DelayLevels } from '../../src/broker/delay-levels.ts';
import { assignmentsOfObject } from '../../src/config/assignment.ts';
import type { BrokerOptions } from '../../src/config/broker-schema.ts';
import { resolveBroker } from '../../src/config/resolve.ts';
import type { IndexFileShape } from '../../src/layout/index-file.ts';
import type { QueueDirectory } from '../../src/ring/queue-directory.ts';
import type { QueueTable } from '../../src/ring/queue-table.ts';
import type { StatusPage } from '../../src/ring/status-page.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { CommitLogSync } from '../../src/store/commit-log-sync.ts';
import { ConsumeQueueWriter } from '../../src/store/consume-queue.ts';
import type { IndexFiles } from '../../src/store/index-files.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { LogScanner, Scanned } from '../../src/store/log-scanner.ts';
import { type FlushedLogFiles, logFilesOf } from '../../src/store/segments.ts';
import { type StorePaths, storePathsOf } from '../../src/store/store-paths.ts';
import { AppendAgent } from '../../src/threads/append/append-agent.ts';
import { NextOffsets, type RecoveredQueue } from '../../src/threads/append/next-offsets.ts';
import { DeletedFiles } from '../../src/threads/deleted-files.ts';
import { DispatchAgent } from '../../src/threads/dispatch/dispatch-agent.ts';
import { IndexFiling } from '../../src/threads/dispatch/index-filing.ts';
import { QueueFiling } from '../../src/threads/dispatch/queue-filing.ts';
import { FlushAgent } from '../../src/threads/flush/flush-agent.ts';
import { QueueRounds } from '../../src/threads/flush/queue-rounds.ts';
import type { QueueRound, StartedQueue } from '../../src/threads/thread-messages.ts';
import { appendEnds, type BrokerMemory, controlEnds, dispatchEnds, flushEnds } from '../../src/threads/topology.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { plainTopic } from '../support/plain-views.ts';
import { smallMemory, TestClock, TestNet } from './test-net.ts';

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

export interface DataPathOptions {
  readonly nets?: number;
  readonly ringBytes?: number;
  readonly slots?: number;
  readonly segmentBytes?: number;
  readonly queueFileBytes?: number;
  readonly settings?: Partial<BrokerOptions>;
  readonly disk?: MemoryDisk;
  /** Left out: no key index. */
  readonly indexShape?: IndexFileShape;
  /** Queues of T, one row each. */
  readonly queues?: number;
  readonly recovered?: readonly RecoveredQueue[];
  readonly logEnd?: number;
  readonly dispatchFrom?: number;
  readonly lastStoreTimestamp?: number;
  readonly batchTopics?: readonly string[];
  /** The queues have all records before this log offset. */
  readonly completeTo?: number;
  /** Queues as dispatch's start found them. */
  readonly started?: readonly StartedQueue[];
}

export class DataPath {
  readonly warnings: string[] = [];
  readonly disk: MemoryDisk;
  readonly clock = new TestClock();
  readonly settings: BrokerSettings;
  readonly paths: StorePaths = storePathsOf('/store');
  readonly logFiles: FlushedLogFiles;
  readonly indexFiles: IndexFiles;
  readonly memory: BrokerMemory;
  readonly status: StatusPage;
  readonly directory: QueueDirectory;
  readonly queueTable: QueueTable;
  readonly nets: readonly TestNet[];
  readonly log: CommitLogWriter;
  readonly append: AppendAgent;
  readonly checkpoints: {
    readonly logAt: number;
    readonly queuesAt: number;
    readonly filedTo: number;
    readonly lookFrom: number;
    readonly logStart: number;
  }[] = [];
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
    this.logFiles = logFilesOf(this.paths, { segmentSizeBytes: segmentBytes });
    const { indexShape } = options;
    this.indexFiles = { directory: this.paths.index, shape: indexShape ?? { slots: 1, entries: 2 } };
    this.memory = smallMemory({
      placement: 'full',
      nets,
      ringBytes,
      slots,
      queues: 256,
      indexSlots: indexShape?.slots ?? null,
    });
    const control = controlEnds(this.memory, false);
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
      warn: (message) => this.warnings.push(message),
    });
  }

  get net(): TestNet {
    return this.nets[0]!;
  }

  /** Gives a topic its rows and tells the net threads. */
  addTopic(name: string, queues: number, view: Partial<TopicView> = {}): readonly QueueSlot[] {
    const slots = Array.from({ length: queues }, (_, queueId) => this.directory.add(name, queueId));
    const topic = { ...plainTopic(name, slots), ...view };
    for (const net of this.nets) net.tables.take({ kind: 'topic', topic });
    return slots;
  }

  /** Lets append write all that was published. */
  write(): void {
    while (this.append.doWork() > 0);
  }

  dispatcher({ syncFlush = false, startedAt = 0 } = {}): {
    readonly agent: DispatchAgent;
    readonly filing: QueueFiling;
  } {
    const ends = dispatchEnds(this.memory, syncFlush);
    const queueFileBytes = this.#options.queueFileBytes ?? 2000;
    const files = new ConsumeQueueWriter(this.disk, this.paths.consumeQueue, queueFileBytes, 64);
    const index =
      ends.indexTable === null ? null : new IndexFiling(this.disk, this.indexFiles, ends.indexTable, this.clock);
    const filing = new QueueFiling({
      ends,
      files,
      index,
      nowUs: this.clock.monotonicUs(),
      lookFrom: 0,
      startedAt,
      handOver: (round) => this.rounds.push(round),
    });
    const log = new LogReader(this.disk, this.logFiles);
    const agent = new DispatchAgent({
      ends,
      log,
      filing,
      index,
      delays: new DelayLevels(),
      batchTopics: new Set(this.#options.batchTopics ?? []),
      completeTo: this.#options.completeTo ?? 0,
      queues: this.#options.started ?? [],
      clock: this.clock,
      deleted: new DeletedFiles(ends, log, files),
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
      saveCheckpoint: ({ logTimestamp, round, logStart }) => {
        if (this.checkpointsFail) return false;
        this.checkpoints.push({
          logAt: logTimestamp,
          queuesAt: round.storeTimestamp,
          filedTo: round.logOffset,
          lookFrom: round.lookFrom,
          logStart,
        });
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
