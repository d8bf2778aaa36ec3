/**
 * A whole broker: starts its threads, watches and stops them. Lives on the caller's thread, which may be busy for as long as it likes:
 * nothing on the data path passes here. Called by embed/ and the command line, with settings that config/ has checked.
 */
import { sleep, systemClock } from '../base/clock.ts';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import {
  COUNTERS,
  type CounterName,
  STAGES,
  type StageName,
  StatusPage,
  WATERMARKS,
  type WatermarkName,
} from '../ring/status-page.ts';
import { type StageFigures, stageFigures } from './control/runtime-figures.ts';
import type { NodeFailure, NodeLog } from './node-events.ts';
import { NodeThreads } from './node-threads.ts';
import type { Address, FromWorker, StoreStart } from './thread-messages.ts';
import { type AgentName, allocateBrokerMemory, workersOf } from './topology.ts';

export interface BrokerStats {
  readonly placement: string;
  readonly uptimeMs: number;
  /** Log offsets, but for the two store times in ms. */
  readonly watermarks: Readonly<Record<WatermarkName, number>>;
  readonly counters: Readonly<Record<CounterName, number>>;
  /** In microseconds. */
  readonly stages: Readonly<Record<StageName, StageFigures>>;
  readonly failure: { readonly thread: number; readonly code: number } | null;
}

export interface BrokerNode extends Address {
  stats(): BrokerStats;
  /** Answers what is owed, flushes and files everything, and gives the store up. */
  close(): Promise<void>;
  /** The node has ended: null after {@link close}, otherwise why. */
  readonly ended: Promise<NodeFailure | null>;
}

export interface NodeOptions {
  readonly log: NodeLog;
  /** Instead of `namesrvAddr`: where NameServers will be that start at the same time. Asked for when the broker listens. */
  readonly nameServers?: Promise<string>;
}

/** Rejects when the store cannot be opened or the port not be had; then nothing of the node is left. */
export async function startBrokerNode(settings: BrokerSettings, options: NodeOptions): Promise<BrokerNode> {
  const node = new Node(settings, options);
  try {
    return await node.start();
  } catch (cause) {
    await node.abandon();
    throw cause;
  }
}

const FLUSH_LOOK_MS = 2;
/** A stop waits so long for flush without any progress of it. */
const FLUSH_PATIENCE_US = 5_000_000;
const US_PER_MS = 1000;

class Node {
  readonly #settings: BrokerSettings;
  readonly #nameServers: string | Promise<string>;
  readonly #status: StatusPage;
  readonly #threads: NodeThreads;
  readonly #startedUs = systemClock.monotonicUs();
  readonly #ended: Promise<NodeFailure | null>;
  #end: (failure: NodeFailure | null) => void = () => {};
  #closing: Promise<void> | null = null;
  /** After a failure: resolves when the threads are gone and the store is given up. */
  #terminating: Promise<void> | null = null;

  constructor(settings: BrokerSettings, { log, nameServers }: NodeOptions) {
    this.#nameServers = nameServers ?? settings.namesrvAddr;
    const indexSlots = settings.messageIndexEnable ? settings.maxHashSlotNum : null;
    const memory = allocateBrokerMemory(settings.placement, settings.netThreads, indexSlots);
    this.#settings = settings;
    this.#status = new StatusPage(memory.status);
    this.#threads = new NodeThreads(settings, memory, {
      log,
      failed: (failure) => void this.#failed(failure),
    });
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async start(): Promise<BrokerNode> {
    const threads = this.#threads;
    threads.spawn();
    const { start } = await threads.next('recovered');
    // Append makes the log's first file, which the others open; nobody is served before the queues are as long as they were.
    await this.#begin('append', start);
    await Promise.all([this.#begin('dispatch', start), this.#begin('flush', start)]);
    const address = await this.#listen(start);
    threads.tell('control', { kind: 'serving', address, nameServers: await this.#nameServers });
    await threads.next('registered');
    return {
      ...address,
      stats: () => this.#stats(),
      close: () => this.close(),
      ended: this.#ended,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().catch(async (cause: unknown) => {
      await this.#terminating;
      throw cause;
    });
    return this.#closing;
  }

  /** Each agent ends when those that feed it have ended. */
  async #close(): Promise<void> {
    const threads = this.#threads;
    threads.tell('control', { kind: 'leave' });
    await threads.next('left');
    await Promise.all(this.#nets().map((net) => this.#stop(net)));
    await this.#stop('append');
    await this.#flushed();
    await this.#stop('dispatch');
    await this.#stop('flush');
    await this.#stop('control');
    await threads.over();
    this.#end(null);
  }

  /**
   * Under sync flush dispatch sees what is flushed, and it is to see everything. A disk that fails now ends the waiting, and so does flush when
   * it gets nothing done, for want of descriptors perhaps: the stop is not a clean one then.
   */
  async #flushed(): Promise<void> {
    const status = this.#status;
    if (this.#settings.flushDiskType !== 'SYNC_FLUSH') return;
    const written = status.watermark('written').read();
    const watermark = status.watermark('flushed');
    let flushed = watermark.read();
    let deadlineUs = systemClock.monotonicUs() + FLUSH_PATIENCE_US;
    while (flushed < written && !status.failed() && systemClock.monotonicUs() < deadlineUs) {
      await sleep(FLUSH_LOOK_MS);
      const now = watermark.read();
      if (now > flushed) deadlineUs = systemClock.monotonicUs() + FLUSH_PATIENCE_US;
      flushed = now;
    }
  }

  async #failed(failure: NodeFailure): Promise<void> {
    await this.#terminate();
    this.#end(failure);
  }

  /** The first net thread finds the port, the others share it. */
  async #listen(start: StoreStart): Promise<Address> {
    let address: Address | null = null;
    for (const net of this.#nets()) {
      const { address: opened } = await this.#begin(net, start, address?.port ?? this.#settings.listenPort);
      address ??= opened;
    }
    return address!;
  }

  async #begin(agent: AgentName, start: StoreStart, listenPort = 0): Promise<Extract<FromWorker, { kind: 'begun' }>> {
    this.#threads.tell(agent, { kind: 'begin', agent, start, listenPort });
    return this.#threads.next('begun', agent);
  }

  async #stop(agent: AgentName): Promise<void> {
    this.#threads.tell(agent, { kind: 'end', agent });
    await this.#threads.next('ended', agent);
  }

  #nets(): AgentName[] {
    return workersOf(this.#settings.placement, this.#settings.netThreads)
      .flat()
      .filter((agent) => agent.startsWith('net-'));
  }

  #stats(): BrokerStats {
    const status = this.#status;
    const table = <Name extends string, Value>(names: readonly Name[], value: (name: Name) => Value) =>
      Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, Value>;
    return {
      placement: this.#settings.placement,
      uptimeMs: Math.round((systemClock.monotonicUs() - this.#startedUs) / US_PER_MS),
      watermarks: table(WATERMARKS, (name) => status.watermark(name).read()),
      counters: table(COUNTERS, (name) => status.counter(name)),
      stages: table(STAGES, (name) => stageFigures(status.stage(name).snapshot())),
      failure: status.failure(),
    };
  }

  /** Ends whatever has been started, without ceremony. */
  async abandon(): Promise<void> {
    await this.#terminate();
    this.#end(null);
  }

  /** Whoever closes a broker that has failed may open its store again behind that. */
  #terminate(): Promise<void> {
    this.#terminating ??= this.#threads.terminate();
    this.#closing ??= this.#terminating;
    return this.#terminating;
  }
}
