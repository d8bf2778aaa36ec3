/**
 * Every thread, ring, watermark and bell of a broker on one page. Nothing crosses a thread that is not here. Each thread opens its own
 * ends by the function with its name, so the type check keeps everybody else from writing.
 *
 * ```
 *            bytes ring + descriptors        written            flushed
 *   net i  ==========================> append ------> dispatch, flush ------> dispatch, net i
 *     ^  \                               |   (ring: control, stop)
 *     |   \ port (ordered)               | completed slots
 *     |    <-----------> control         v
 *     |<------------------------------ net i        arrivals ring (queues that grew)
 *     |<------------------------------------------------------------- dispatch ---- port: queue files to fsync ----> flush
 *     +-- queue table (tails, maxima): dispatch writes; its minima, the log's start, the queue directory: control writes; all read
 *         index table (newest key index file): dispatch writes, control reads
 *   net i <--- port: a task and the buffer for it ---> its pool of cold reads: the worker writes the buffer until it answers, then net reads it
 * ```
 */
import { assert } from '../base/assert.ts';
import { BYTES_RING_SIZE, DESCRIPTOR_RING_SLOTS, NET_THREADS_MAX } from '../base/limits.ts';
import type { Placement } from '../broker/broker-settings.ts';
import { BytesRing } from '../ring/bytes-ring.ts';
import { allocateDescriptorRing, DescriptorRingConsumer, DescriptorRingProducer } from '../ring/descriptor-ring.ts';
import { type Bell, Doorbell } from '../ring/doorbell.ts';
import { IndexTable } from '../ring/index-table.ts';
import { QueueDirectory } from '../ring/queue-directory.ts';
import { QueueTable } from '../ring/queue-table.ts';
import { allocateSlotRing, SlotRing } from '../ring/slot-ring.ts';
import { StatusPage } from '../ring/status-page.ts';
import type { Watermark } from '../ring/watermark.ts';

/** How a thread waits: in its event loop (it owns sockets or ports), or blocked on its bell. */
export type Waits = 'events' | 'blocks';

export interface ThreadRow {
  readonly name: ThreadName;
  /** Where its cells are on the status page; net threads follow the last. */
  readonly index: number;
  readonly waits: Waits;
  readonly owns: string;
}

export type ThreadName = 'control' | 'append' | 'dispatch' | 'flush' | 'net';

export const THREADS: Readonly<Record<ThreadName, ThreadRow>> = {
  control: {
    name: 'control',
    index: 0,
    waits: 'events',
    owns: 'groups, offsets, queue locks, topics, the queue directory, settings files, registration at NameServers, liveness watch, where the log and its queues begin, whether their disk takes sends',
  },
  append: { name: 'append', index: 1, waits: 'blocks', owns: 'offsets and the CommitLog files' },
  dispatch: {
    name: 'dispatch',
    index: 2,
    waits: 'blocks',
    owns: 'ConsumeQueue tails, what is in the ConsumeQueue files, where queues end, the key index',
  },
  flush: {
    name: 'flush',
    index: 3,
    waits: 'blocks',
    owns: 'fdatasync of the CommitLog and of the ConsumeQueue files, the next segment, the checkpoint',
  },
  net: {
    name: 'net',
    index: 4,
    waits: 'events',
    owns: 'its sockets, frames, rings, parked pulls and pending answers',
  },
};

/** Agents that share a worker, in the order in which they are run; a worker that holds an event agent is an event thread. */
export function workersOf(placement: Placement, netThreads: number): readonly (readonly AgentName[])[] {
  const nets = Array.from({ length: netThreads }, (_, net): AgentName => `net-${net}`);
  switch (placement) {
    case 'full':
      return [['control'], ['append'], ['dispatch'], ['flush'], ...nets.map((net) => [net])];
    case 'compact':
      assert(netThreads === 1, 'the compact placement has one net thread');
      return [['control'], ['flush'], ['net-0', 'append', 'dispatch']];
    case 'inline':
      assert(netThreads === 1, 'the inline placement has one net thread');
      return [['control', 'net-0', 'append', 'dispatch', 'flush']];
  }
}

export type AgentName = Exclude<ThreadName, 'net'> | `net-${number}`;

export function threadOf(agent: AgentName): { readonly row: ThreadRow; readonly index: number; readonly net: number } {
  if (!agent.startsWith('net-')) {
    const row = THREADS[agent as ThreadName];
    return { row, index: row.index, net: -1 };
  }
  const net = Number(agent.slice('net-'.length));
  return { row: THREADS.net, index: THREADS.net.index + net, net };
}

/** The shared memory of one broker, as it is handed to its workers. */
export interface BrokerMemory {
  readonly placement: Placement;
  readonly status: SharedArrayBuffer;
  readonly queueTable: SharedArrayBuffer;
  readonly queueDirectory: SharedArrayBuffer;
  /** Null without a key index. */
  readonly indexTable: SharedArrayBuffer | null;
  /** One set for each net thread. */
  readonly nets: readonly NetMemory[];
}

interface NetMemory {
  readonly bytes: SharedArrayBuffer;
  readonly descriptors: SharedArrayBuffer;
  readonly arrivals: SharedArrayBuffer;
}

/** `indexSlots`: hash slots of the key index; null without one. */
export function allocateBrokerMemory(
  placement: Placement,
  netThreads: number,
  indexSlots: number | null = null,
): BrokerMemory {
  assert(netThreads >= 1 && netThreads <= NET_THREADS_MAX, `1 to ${NET_THREADS_MAX} net threads`);
  return {
    placement,
    status: StatusPage.allocate(),
    queueTable: QueueTable.allocate(),
    queueDirectory: QueueDirectory.allocate(),
    indexTable: indexSlots === null ? null : IndexTable.allocate(indexSlots),
    nets: Array.from({ length: netThreads }, () => ({
      bytes: BytesRing.allocate(BYTES_RING_SIZE),
      descriptors: allocateDescriptorRing(DESCRIPTOR_RING_SLOTS),
      arrivals: allocateSlotRing(),
    })),
  };
}

/** A watermark for those who only look. */
export type WatermarkReader = Pick<Watermark, 'read'>;

/** What consumers may see of the log: nothing that is not flushed under sync flush (docs/durability.md). */
function visibleOf({ status }: ThreadPage, syncFlush: boolean): WatermarkReader {
  return status.watermark(syncFlush ? 'flushed' : 'written');
}

/** What every thread may do: look at the page, ring others, count for itself. */
export class ThreadPage {
  readonly status: StatusPage;
  readonly index: number;

  constructor(memory: BrokerMemory, index: number) {
    this.status = new StatusPage(memory.status);
    this.index = index;
  }

  add(counter: Parameters<StatusPage['add']>[1], amount: number): void {
    this.status.add(this.index, counter, amount);
  }

  beat(): void {
    this.status.beat(this.index);
  }
}

/** The bell of the worker that runs the agent: agents of one worker share it. */
export function bellAt(memory: BrokerMemory, agent: AgentName): number {
  const group = workersOf(memory.placement, memory.nets.length).find((agents) => agents.includes(agent))!;
  return new StatusPage(memory.status).bellAt(threadOf(group[0]!).index);
}

function bellOf(memory: BrokerMemory, agent: AgentName): Bell {
  return new Doorbell(memory.status, bellAt(memory, agent));
}

function netBells(memory: BrokerMemory): readonly Bell[] {
  return memory.nets.map((_, net) => bellOf(memory, `net-${net}`));
}

/** Every bell of the broker, to tell everybody of a failure or a stop. */
export function allBells(memory: BrokerMemory): readonly Bell[] {
  return workersOf(memory.placement, memory.nets.length).map((agents) => bellOf(memory, agents[0]!));
}

export interface AppendEnds {
  readonly page: ThreadPage;
  readonly producers: readonly { readonly bytes: BytesRing; readonly descriptors: DescriptorRingConsumer }[];
  readonly written: Watermark;
  /** Store time of the newest written record; read before `written` it tells what that covers. */
  readonly writtenAt: Watermark;
  readonly queueTable: Pick<QueueTable, 'generation'>;
  readonly directory: QueueDirectory;
  readonly nets: readonly Bell[];
  readonly dispatch: Bell;
  readonly flush: Bell;
}

export function appendEnds(memory: BrokerMemory): AppendEnds {
  const page = new ThreadPage(memory, THREADS.append.index);
  return {
    page,
    producers: memory.nets.map(({ bytes, descriptors }) => ({
      bytes: new BytesRing(bytes),
      descriptors: new DescriptorRingConsumer(descriptors),
    })),
    written: page.status.watermark('written'),
    writtenAt: page.status.watermark('writtenAt'),
    queueTable: new QueueTable(memory.queueTable),
    directory: new QueueDirectory(memory.queueDirectory),
    nets: netBells(memory),
    dispatch: bellOf(memory, 'dispatch'),
    flush: bellOf(memory, 'flush'),
  };
}

export interface FlushEnds {
  readonly page: ThreadPage;
  readonly written: WatermarkReader;
  readonly writtenAt: WatermarkReader;
  /** Every queue entry of records up to this store time is filed and fsynced. */
  readonly queuesSyncedAt: Watermark;
  /** The same as a log offset, which moves whatever the clock does: what a round waits for. */
  readonly queuesSyncedTo: Watermark;
  readonly flushed: Watermark;
  readonly logStart: WatermarkReader;
  readonly nets: readonly Bell[];
  readonly dispatch: Bell;
}

export function flushEnds(memory: BrokerMemory): FlushEnds {
  const page = new ThreadPage(memory, THREADS.flush.index);
  return {
    page,
    written: page.status.watermark('written'),
    writtenAt: page.status.watermark('writtenAt'),
    queuesSyncedAt: page.status.watermark('queuesSyncedAt'),
    queuesSyncedTo: page.status.watermark('queuesSyncedTo'),
    flushed: page.status.watermark('flushed'),
    logStart: page.status.watermark('logStart'),
    nets: netBells(memory),
    dispatch: bellOf(memory, 'dispatch'),
  };
}

export interface DispatchEnds {
  readonly page: ThreadPage;
  /** Consumers may see the log up to here. */
  readonly visible: WatermarkReader;
  readonly dispatched: Watermark;
  readonly queuesSyncedAt: WatermarkReader;
  readonly queuesSyncedTo: WatermarkReader;
  readonly logStart: WatermarkReader;
  readonly queueFilesDeleted: WatermarkReader;
  readonly queueTable: QueueTable;
  readonly directory: QueueDirectory;
  /** Null without a key index. */
  readonly indexTable: IndexTable | null;
  /** Waits for rounds of queue files. */
  readonly flush: Bell;
  readonly nets: readonly { readonly index: number; readonly arrivals: SlotRing; readonly bell: Bell }[];
}

export function dispatchEnds(memory: BrokerMemory, syncFlush: boolean): DispatchEnds {
  const page = new ThreadPage(memory, THREADS.dispatch.index);
  return {
    page,
    visible: visibleOf(page, syncFlush),
    dispatched: page.status.watermark('dispatched'),
    queuesSyncedAt: page.status.watermark('queuesSyncedAt'),
    queuesSyncedTo: page.status.watermark('queuesSyncedTo'),
    logStart: page.status.watermark('logStart'),
    queueFilesDeleted: page.status.watermark('queueFilesDeleted'),
    queueTable: new QueueTable(memory.queueTable),
    directory: new QueueDirectory(memory.queueDirectory),
    indexTable: memory.indexTable === null ? null : new IndexTable(memory.indexTable),
    flush: bellOf(memory, 'flush'),
    nets: memory.nets.map(({ arrivals }, net) => ({
      index: net,
      arrivals: new SlotRing(arrivals),
      bell: bellOf(memory, `net-${net}`),
    })),
  };
}

export interface NetEnds {
  readonly page: ThreadPage;
  readonly net: number;
  readonly bytes: BytesRing;
  readonly descriptors: DescriptorRingProducer;
  readonly append: Bell;
  readonly written: WatermarkReader;
  readonly flushed: WatermarkReader;
  readonly dispatched: WatermarkReader;
  readonly logStart: WatermarkReader;
  readonly queueFilesDeleted: WatermarkReader;
  readonly arrivals: SlotRing;
  readonly queueTable: QueueTable;
  readonly directory: QueueDirectory;
}

export function netEnds(memory: BrokerMemory, net: number): NetEnds {
  const page = new ThreadPage(memory, THREADS.net.index + net);
  const { bytes, descriptors, arrivals } = memory.nets[net]!;
  return {
    page,
    net,
    bytes: new BytesRing(bytes),
    descriptors: new DescriptorRingProducer(descriptors),
    append: bellOf(memory, 'append'),
    written: page.status.watermark('written'),
    flushed: page.status.watermark('flushed'),
    dispatched: page.status.watermark('dispatched'),
    logStart: page.status.watermark('logStart'),
    queueFilesDeleted: page.status.watermark('queueFilesDeleted'),
    arrivals: new SlotRing(arrivals),
    queueTable: new QueueTable(memory.queueTable),
    directory: new QueueDirectory(memory.queueDirectory),
  };
}

export interface ControlEnds {
  readonly page: ThreadPage;
  readonly directory: QueueDirectory;
  readonly queueTable: QueueTable;
  /** Null without a key index. */
  readonly indexTable: IndexTable | null;
  /** Consumers may see the log up to here. */
  readonly visible: WatermarkReader;
  readonly written: Watermark;
  readonly flushed: Watermark;
  readonly dispatched: Watermark;
  readonly writtenAt: Watermark;
  readonly queuesSyncedAt: Watermark;
  readonly queuesSyncedTo: Watermark;
  /** Control alone moves it, later on as well: before it deletes a segment. */
  readonly logStart: Watermark;
  /** Moves when files of queues are gone: readers close theirs. */
  readonly queueFilesDeleted: Watermark;
}

/** Control sets the watermarks once, to where recovery ended, before the other threads begin. */
export function controlEnds(memory: BrokerMemory, syncFlush: boolean): ControlEnds {
  const page = new ThreadPage(memory, THREADS.control.index);
  return {
    page,
    directory: new QueueDirectory(memory.queueDirectory),
    queueTable: new QueueTable(memory.queueTable),
    indexTable: memory.indexTable === null ? null : new IndexTable(memory.indexTable),
    visible: visibleOf(page, syncFlush),
    written: page.status.watermark('written'),
    flushed: page.status.watermark('flushed'),
    dispatched: page.status.watermark('dispatched'),
    writtenAt: page.status.watermark('writtenAt'),
    queuesSyncedAt: page.status.watermark('queuesSyncedAt'),
    queuesSyncedTo: page.status.watermark('queuesSyncedTo'),
    logStart: page.status.watermark('logStart'),
    queueFilesDeleted: page.status.watermark('queueFilesDeleted'),
  };
}
