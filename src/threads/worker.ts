/**
 * The body of every thread of a broker: opens its agents when main says so, runs them in the shell that fits, ends them one by one. In the
 * inline placement it runs on the caller's thread, otherwise in a worker (worker-main.ts).
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { InvariantError } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { BlockingSleeper } from '../ring/doorbell.ts';
import { StatusPage } from '../ring/status-page.ts';
import { DiskFailedError, DiskFullError, NodeDisk } from '../store/disk.ts';
import { logFilesOf } from '../store/segments.ts';
import { storePathsOf } from '../store/store-paths.ts';
import { FailStopError, FailureCode } from './agent.ts';
import { BlockingShell, type Inbox } from './blocking-shell.ts';
import { EventShell } from './event-shell.ts';
import { loadOpener } from './openers.ts';
import type { Shell } from './shell.ts';
import { type FromWorker, portsOf, type StoreStart, type ToWorker, type WorkerStart } from './thread-messages.ts';
import { type AgentName, allBells, bellAt, threadOf } from './topology.ts';
import type { OpenAgent, OpenedAgent, WorkerContext } from './worker-context.ts';

/** Resolves when the modules are there and the thread listens to main; a thread that blocks resolves at its end. */
export async function runWorker(start: WorkerStart, port: MessagePort): Promise<void> {
  const openers = new Map<AgentName, OpenAgent>();
  for (const agent of start.agents) openers.set(agent, await loadOpener(agent));
  const worker = new BrokerWorker(start, port, openers);
  if (start.agents.every((agent) => threadOf(agent).row.waits === 'blocks')) worker.runBlocking();
  else worker.runInEvents();
}

class BrokerWorker {
  readonly #start: WorkerStart;
  readonly #port: MessagePort;
  readonly #openers: ReadonlyMap<AgentName, OpenAgent>;
  readonly #status: StatusPage;
  readonly #disk = new NodeDisk();
  readonly #opened = new Map<AgentName, OpenedAgent>();
  #hasFailed = false;

  constructor(start: WorkerStart, port: MessagePort, openers: ReadonlyMap<AgentName, OpenAgent>) {
    this.#start = start;
    this.#port = port;
    this.#openers = openers;
    this.#status = new StatusPage(start.memory.status);
  }

  runInEvents(): void {
    const { memory, agents } = this.#start;
    const shell = new EventShell({
      memory: memory.status,
      bellAt: bellAt(memory, agents[0]!),
      beat: () => this.#beat(),
      failed: (cause) => this.#fail(cause),
    });
    this.#port.on('message', (message: ToWorker) => {
      this.#receive(message, shell)
        .then(() => {
          if (!this.#isOver) return;
          shell.close();
          // What was said before still arrives; without its port the thread ends.
          this.#port.close();
        })
        .catch((cause: unknown) => this.#fail(cause));
    });
    // Main lets go of a broker that has failed; a worker ends with that, but these agents may live on main's own thread.
    this.#port.on('close', () => {
      shell.close();
      for (const link of portsOf(this.#start.ports)) link.close();
      const finished = [...this.#opened.values()].map((opened) => opened.finish?.());
      // Nothing more is written: what the agents had open is let go of, as the end of a worker does.
      void Promise.allSettled(finished).then(() => this.#disk.abandonFiles());
    });
    // Control comes first: the others begin with what it finds in the store.
    if (agents.includes('control')) {
      this.#openAsync('control', NOTHING_YET, 0, shell).catch((cause: unknown) => this.#fail(cause));
    }
  }

  runBlocking(): void {
    const { memory, agents } = this.#start;
    const sleeper = new BlockingSleeper(memory.status, bellAt(memory, agents[0]!));
    const inbox = new PortInbox(this.#port);
    const shell = new BlockingShell(
      sleeper,
      () => this.#status.failed(),
      () => this.#beat(),
    );
    try {
      shell.run(inbox, () => {
        for (const message of inbox.takeAll()) this.#receiveBlocking(message, shell);
        return !this.#isOver;
      });
    } catch (cause) {
      this.#fail(cause);
    }
    this.#port.close();
  }

  get #isOver(): boolean {
    return this.#opened.size === 0 && this.#hasEnded;
  }
  #hasEnded = false;

  async #receive(message: ToWorker, shell: Shell): Promise<void> {
    switch (message.kind) {
      case 'begin':
        await this.#openAsync(message.agent, message.start, message.listenPort, shell);
        break;
      case 'serving':
        await this.#opened.get('control')?.serving?.(message.address, message.nameServers);
        this.#tell({ kind: 'registered' });
        break;
      case 'leave':
        await this.#opened.get('control')?.leave?.();
        this.#tell({ kind: 'left' });
        break;
      case 'abandon':
        this.#opened.get('control')?.abandon?.();
        this.#tell({ kind: 'abandoned' });
        break;
      case 'end':
        await this.#opened.get(message.agent)?.finish?.();
        this.#end(message.agent, shell);
        break;
    }
  }

  #receiveBlocking(message: ToWorker, shell: Shell): void {
    switch (message.kind) {
      case 'begin':
        this.#began(message.agent, this.#open(message.agent, message.start, message.listenPort, shell), shell);
        break;
      case 'end':
        this.#end(message.agent, shell);
        break;
      case 'serving':
      case 'leave':
      case 'abandon':
        throw new InvariantError(`${message.kind} is for control`);
    }
  }

  async #openAsync(agent: AgentName, start: StoreStart, listenPort: number, shell: Shell): Promise<void> {
    this.#began(agent, await this.#openers.get(agent)!(this.#context(agent, shell), start, listenPort), shell);
  }

  #open(agent: AgentName, start: StoreStart, listenPort: number, shell: Shell): OpenedAgent {
    const opened = this.#openers.get(agent)!(this.#context(agent, shell), start, listenPort);
    if (opened instanceof Promise) throw new InvariantError(`${agent} opens in its event loop`);
    return opened;
  }

  #began(agent: AgentName, opened: OpenedAgent, shell: Shell): void {
    this.#opened.set(agent, opened);
    shell.add(opened.agent);
    if (opened.recovered !== undefined) this.#tell({ kind: 'recovered', start: opened.recovered });
    this.#tell({ kind: 'begun', agent, address: opened.address ?? null });
  }

  #end(agent: AgentName, shell: Shell): void {
    const opened = this.#opened.get(agent);
    if (opened !== undefined) {
      shell.remove(opened.agent);
      opened.agent.close();
      opened.closed?.();
      this.#opened.delete(agent);
    }
    this.#hasEnded = true;
    this.#tell({ kind: 'ended', agent });
  }

  #context(agent: AgentName, shell: Shell): WorkerContext {
    const { memory, settings, ports } = this.#start;
    const paths = storePathsOf(settings.storePathRootDir, settings.storePathCommitLog);
    return {
      memory,
      settings,
      paths,
      logFiles: logFilesOf(paths, { segmentSizeBytes: settings.mappedFileSizeCommitLog }),
      indexFiles: settings.messageIndexEnable
        ? { directory: paths.index, shape: { slots: settings.maxHashSlotNum, entries: settings.maxIndexNum } }
        : null,
      disk: this.#disk,
      clock: systemClock,
      ports,
      log: (level, message) => this.#tell({ kind: 'log', level, thread: agent, message }),
      wake: () => shell.wake(),
      beat: () => this.#beat(),
      guard: (callback) => {
        try {
          callback();
        } catch (cause) {
          this.#fail(cause);
        }
      },
    };
  }

  #beat(): void {
    this.#status.beat(threadOf(this.#start.agents[0]!).index);
  }

  #tell(message: FromWorker): void {
    this.#port.postMessage(message);
  }

  /** Stops the whole broker: no answer leaves it after this. */
  #fail(cause: unknown): void {
    const agent = this.#start.agents[0]!;
    const code = failureCodeOf(cause);
    this.#status.fail(threadOf(agent).index, code);
    for (const bell of allBells(this.#start.memory)) bell.ring();
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const message = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.#tell({ kind: 'failed', agent, code, message });
  }
}

const NOTHING_YET: StoreStart = {
  logStart: 0,
  logEnd: 0,
  lookFrom: 0,
  queues: [],
  queuesCompleteTo: 0,
  batchTopics: [],
  unsynced: { files: [], folders: [] },
  lastStoreTimestamp: 0,
};

function failureCodeOf(cause: unknown): FailureCode {
  if (cause instanceof FailStopError) return cause.code;
  // A full disk is an answer, unless an fdatasync finds it.
  if (cause instanceof DiskFailedError || cause instanceof DiskFullError) return FailureCode.disk;
  return cause instanceof InvariantError ? FailureCode.invariant : FailureCode.unknown;
}

/** Main's messages for a thread that has no event loop while it runs. */
class PortInbox implements Inbox {
  readonly #port: MessagePort;
  readonly #waiting: ToWorker[] = [];

  constructor(port: MessagePort) {
    this.#port = port;
  }

  hasMessage(): boolean {
    this.#fetch();
    return this.#waiting.length > 0;
  }

  takeAll(): ToWorker[] {
    this.#fetch();
    return this.#waiting.splice(0);
  }

  #fetch(): void {
    for (let entry = receiveMessageOnPort(this.#port); entry; entry = receiveMessageOnPort(this.#port)) {
      this.#waiting.push(entry.message as ToWorker);
    }
  }
}
