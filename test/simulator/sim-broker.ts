/**
 * A whole broker on one thread and a simulated disk: the real openers of control, append, dispatch and flush, and the encoding side of a
 * net thread. Nothing moves unless the run says so. It is opened and stopped in the order of threads/broker-node.ts.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { QUEUE_SLOTS_MAX } from '../../src/base/limits.ts';
import { asQueueSlot, type QueueSlot } from '../../src/base/units.ts';
import type { BrokerSettings } from '../../src/broker/broker-settings.ts';
import type { FromControl, ToControl } from '../../src/broker/control-protocol.ts';
import { assignmentsOfObject } from '../../src/config/assignment.ts';
import { resolveBroker } from '../../src/config/resolve.ts';
import type { IndexFileShape } from '../../src/layout/index-file.ts';
import { RecordCursor } from '../../src/layout/message-record.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import { decodeFrame, encodeFrame, requestOf } from '../../src/remoting/frame-codec.ts';
import { asObject, objectMember, parseObject } from '../../src/remoting/json-fields.ts';
import { QueueDirectory } from '../../src/ring/queue-directory.ts';
import { QueueTable } from '../../src/ring/queue-table.ts';
import { StatusPage } from '../../src/ring/status-page.ts';
import { logFilesOf } from '../../src/store/segments.ts';
import { type StorePaths, storePathsOf } from '../../src/store/store-paths.ts';
import type { Agent } from '../../src/threads/agent.ts';
import { openAppend } from '../../src/threads/append/open-append.ts';
import type { ControlAgent } from '../../src/threads/control/control-agent.ts';
import { openControl } from '../../src/threads/control/open-control.ts';
import { openDispatch } from '../../src/threads/dispatch/open-dispatch.ts';
import { openFlush } from '../../src/threads/flush/open-flush.ts';
import type { StoreStart, WorkerPorts } from '../../src/threads/thread-messages.ts';
import type { BrokerMemory } from '../../src/threads/topology.ts';
import type { OpenedAgent, WorkerContext } from '../../src/threads/worker-context.ts';
import type { SimDisk } from '../support/sim-disk.ts';
import { smallMemory, type TestClock, TestNet } from '../threads/test-net.ts';

export const STORE_ROOT = '/data/store';
export const STORE_PATHS: StorePaths = storePathsOf(STORE_ROOT);
/** The topics that every broker has take about 1100. */
const QUEUE_ROWS = Math.min(1400, QUEUE_SLOTS_MAX);
const THREADS = 5;
const CONNECTION = 1;
const FAR_FUTURE_MS = 4_000_000_000_000;

export interface SimSizes {
  readonly syncFlush: boolean;
  readonly zeroWrite: boolean;
  readonly segmentBytes: number;
  readonly queueFileBytes: number;
  /** Of an index file; null: no key index is kept. */
  readonly index: IndexFileShape | null;
  readonly ringBytes: number;
  /** Open files that the process may have. */
  readonly descriptors: number;
}

export type SimLog = (level: string, message: string) => void;

/** Settings take a while to be checked, and there are few sorts of them. */
const checked = new Map<string, BrokerSettings>();

function settingsOf({ syncFlush, zeroWrite, queueFileBytes, segmentBytes, index }: SimSizes): BrokerSettings {
  const given = {
    storePathRootDir: STORE_ROOT,
    placement: 'inline',
    netThreads: '1',
    flushDiskType: syncFlush ? 'SYNC_FLUSH' : 'ASYNC_FLUSH',
    zeroWriteNextSegment: String(zeroWrite),
    mappedFileSizeConsumeQueue: String(queueFileBytes),
    messageIndexEnable: String(index !== null),
  };
  const key = JSON.stringify(given);
  let settings = checked.get(key);
  if (settings === undefined) {
    settings = resolveBroker(assignmentsOfObject(given, 'simulator')).settings;
    checked.set(key, settings);
  }
  // Smaller than an operator may have it.
  return { ...settings, mappedFileSizeCommitLog: segmentBytes, fileReservedTime: 0, deleteWhen: '' };
}

export class SimBroker {
  readonly disk: SimDisk;
  readonly settings: BrokerSettings;
  readonly memory: BrokerMemory;
  readonly status: StatusPage;
  readonly table: QueueTable;
  readonly directory: QueueDirectory;
  readonly net: TestNet;
  /** In the order in which they are opened. */
  readonly agents: readonly Agent[];
  readonly start: StoreStart;
  readonly #clock: TestClock;
  readonly #control: OpenedAgent;
  readonly #append: OpenedAgent;
  readonly #dispatch: OpenedAgent;
  readonly #flush: OpenedAgent;
  readonly #toNet: MessagePort;
  readonly #fromControl: MessagePort;
  readonly #toFlush: MessagePort;
  readonly #fromDispatch: MessagePort;
  #answer: Uint8Array | null = null;

  /** Throws what the start of a broker fails with. */
  constructor(disk: SimDisk, clock: TestClock, sizes: SimSizes, life: number, log: SimLog) {
    this.disk = disk;
    this.#clock = clock;
    this.settings = settingsOf(sizes);
    this.memory = smallMemory({
      placement: 'inline',
      nets: 1,
      ringBytes: sizes.ringBytes,
      slots: 64,
      queues: QUEUE_ROWS,
      indexSlots: sizes.index?.slots ?? null,
    });
    this.status = new StatusPage(this.memory.status);
    this.table = new QueueTable(this.memory.queueTable);
    this.directory = new QueueDirectory(this.memory.queueDirectory);
    ({ port1: this.#toNet, port2: this.#fromControl } = new MessageChannel());
    ({ port1: this.#toFlush, port2: this.#fromDispatch } = new MessageChannel());
    showProcess(disk, life, sizes.descriptors);
    const context = this.#context(log, sizes);
    try {
      this.#control = openControl(context);
      this.start = this.#control.recovered!;
      this.#append = openAppend(context, this.start);
      this.#dispatch = openDispatch(context, this.start);
      this.#flush = openFlush(context);
      this.net = new TestNet(this.memory, 0, this.settings, clock);
    } catch (cause) {
      this.letGo();
      throw cause;
    }
    this.agents = [this.#control, this.#append, this.#dispatch, this.#flush].map(({ agent }) => agent);
    this.tellControl({ kind: 'opened', connectionId: CONNECTION, remote: '127.0.0.1:1', local: '127.0.0.1:2' });
  }

  get control(): ControlAgent {
    return this.#control.agent as ControlAgent;
  }

  get append(): Agent {
    return this.#append.agent;
  }

  get dispatch(): Agent {
    return this.#dispatch.agent;
  }

  get flush(): Agent {
    return this.#flush.agent;
  }

  written(): number {
    return this.status.watermark('written').read();
  }

  flushed(): number {
    return this.status.watermark('flushed').read();
  }

  /** What lies before is deleted, or about to be. */
  logStart(): number {
    return this.status.watermark('logStart').read();
  }

  /** Bodies of the messages that a client finds by a unique key. */
  byKey(topic: string, key: string): string[] {
    const fields = { topic, key, maxNum: '32', beginTimestamp: '0', endTimestamp: String(FAR_FUTURE_MS) };
    const { body } = this.ask(
      RequestCode.QUERY_MESSAGE,
      new Map(Object.entries({ ...fields, _UNIQUE_KEY_QUERY: 'true' })),
    );
    return body === null ? [] : bodiesOf(body);
  }

  /** A turn of control's loop: what is due, and what it says to the net thread. */
  controlTurn(): void {
    for (let thread = 0; thread < THREADS; thread++) this.status.beat(thread);
    this.control.doWork();
    this.#listen();
  }

  tellControl(message: ToControl): void {
    this.control.receive(0, [message]);
    this.#listen();
  }

  /** Asks control as a client does. */
  ask(
    code: number,
    fields: ReadonlyMap<string, string> = new Map(),
  ): { readonly code: number; readonly body: Uint8Array | null } {
    this.#answer = null;
    const frame = encodeFrame(requestOf(code, 1, new Map(fields)));
    this.tellControl({ kind: 'request', connectionId: CONNECTION, frame });
    if (this.#answer === null) throw new Error(`control has not answered ${code}`);
    const answer = this.#answer as Uint8Array;
    return decodeFrame(answer, 0, answer.length);
  }

  knowsTopic(topic: string): boolean {
    const name = Buffer.from(topic);
    return this.net.tables.topic(name, 0, name.length) !== null;
  }

  /** What control holds of consumer offsets, by `topic@group@queue`. */
  consumerOffsets(): Map<string, number> {
    const { body } = this.ask(RequestCode.GET_ALL_CONSUMER_OFFSET);
    const table = objectMember(parseObject(Buffer.from(body!).toString(), 'consumer offsets'), 'offsetTable');
    const offsets = new Map<string, number>();
    for (const [key, queues] of Object.entries(table)) {
      for (const [queueId, offset] of Object.entries(asObject(queues, key)))
        offsets.set(`${key}@${queueId}`, Number(offset));
    }
    return offsets;
  }

  /** Offset of the queue's next message. */
  maxOf(topic: string, queueId: number): number {
    for (const slot of this.usedRows()) {
      const row = this.directory.entry(slot);
      if (row.topic === topic && row.queueId === queueId) return this.table.max(slot);
    }
    return 0;
  }

  /** All rows with a message in them, now or earlier. */
  usedRows(): QueueSlot[] {
    const rows: QueueSlot[] = [];
    for (let row = 0; row < this.directory.count(); row++) {
      const slot = asQueueSlot(row);
      if (this.table.max(slot) > 0) rows.push(slot);
    }
    return rows;
  }

  /** In order, as broker-node.ts does it; `harvest` takes the answers that come on the way. */
  stop(harvest: () => void): void {
    for (let turns = 0; this.net.pending.count > 0; turns++) {
      if (turns > 1000) throw new Error('the answers that are owed do not come');
      this.append.doWork();
      if (this.flush.doWork() === 0) this.#clock.passMs(100);
      harvest();
    }
    this.append.close();
    for (let turns = 0; this.settings.flushDiskType === 'SYNC_FLUSH' && this.flushed() < this.written(); turns++) {
      if (turns > 1000) throw new Error('the log is not flushed');
      if (this.flush.doWork() === 0) this.#clock.passMs(100);
    }
    this.dispatch.close();
    this.#dispatch.closed?.();
    this.flush.close();
    this.#flush.closed?.();
    void this.#control.finish?.();
    while (this.disk.stepAside());
    this.control.close();
    this.#control.closed?.();
    this.letGo();
  }

  /** After a failure of the disk: what control still does for the store. */
  abandon(): void {
    this.#control.abandon?.();
  }

  /** The process has ended: its ports are closed, its files are the disk's affair. */
  letGo(): void {
    for (const port of [this.#toNet, this.#fromControl, this.#toFlush, this.#fromDispatch]) port.close();
  }

  #listen(): void {
    for (let entry = receiveMessageOnPort(this.#fromControl); entry; entry = receiveMessageOnPort(this.#fromControl)) {
      for (const message of entry.message as FromControl[]) {
        if (message.kind === 'frame') this.#answer = message.frame;
        else this.net.tables.take(message);
      }
    }
  }

  #context(log: SimLog, { index }: SimSizes): WorkerContext {
    const ports: WorkerPorts = {
      toNets: [this.#toNet],
      toControl: null,
      toFlush: this.#toFlush,
      fromDispatch: this.#fromDispatch,
    };
    return {
      memory: this.memory,
      settings: this.settings,
      paths: STORE_PATHS,
      logFiles: logFilesOf(STORE_PATHS, { segmentSizeBytes: this.settings.mappedFileSizeCommitLog }),
      indexFiles: index === null ? null : { directory: STORE_PATHS.index, shape: index },
      disk: this.disk,
      clock: this.#clock,
      ports,
      log,
      wake: () => {},
      beat: () => {},
      guard: (callback) => callback(),
    };
  }
}

/** Records as a pull or a query answers them. */
function bodiesOf(records: Uint8Array): string[] {
  const bytes = Buffer.from(records);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const cursor = new RecordCursor();
  const bodies: string[] = [];
  for (let at = 0; at < bytes.length; at += cursor.totalSize) {
    if (!cursor.load(view, at)) throw new Error(`no record at ${at} of an answer`);
    bodies.push(bytes.toString('latin1', cursor.bodyStart, cursor.bodyStart + cursor.bodyLength));
  }
  return bodies;
}

/** A process of its own for each life, with few descriptors. */
function showProcess(disk: SimDisk, life: number, descriptors: number): void {
  disk.system.set('/proc/sys/kernel/random/boot_id', '0123456789abcdef');
  disk.system.set('/proc/stat', 'btime 1600000000\n');
  disk.system.set('/proc/self/limits', `Max open files  ${descriptors}  ${descriptors}  files\n`);
  const fields = Array.from({ length: 30 }, (_, field) => (field === 19 ? String(1000 + life) : '0'));
  disk.system.set(`/proc/${process.pid}/stat`, `${process.pid} (node) ${fields.join(' ')}\n`);
}
