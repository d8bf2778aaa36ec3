/**
 * The workers of one node and the ports to them: spawns them, passes on their log lines, and lets the node wait for what they report. In
 * the inline placement there is no worker: the agents run on this thread, behind the same port.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { after, sleep } from '../base/clock.ts';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import type { Bell } from '../ring/doorbell.ts';
import { StatusPage } from '../ring/status-page.ts';
import { FailureCode } from './agent.ts';
import { type NodeFailure, type NodeLog, reasonOf } from './node-events.ts';
import { type FromWorker, portsOf, type ToWorker, type WorkerStart } from './thread-messages.ts';
import { type AgentName, allBells, type BrokerMemory, threadOf, workersOf } from './topology.ts';
import { runWorker } from './worker.ts';

/** So long a thread that has ended waits for the word of the one that failed. */
const REASON_WAIT_MS = 1000;
/**
 * Net threads make garbage of chunks that dies young: a small space for it is collected in a fraction of a millisecond, a large one in up to
 * six, in which nobody is answered, and no message costs less for it (docs/decisions/0011).
 */
const YOUNG_GENERATION_MB = 3;
/** How long control may take to give the store up. */
const ABANDON_MS = 1_000;

interface Thread {
  readonly agents: readonly AgentName[];
  readonly port: Pick<MessagePort, 'postMessage'>;
  readonly bell: Bell;
  /** Resolves when the thread has ended. */
  readonly over: Promise<void>;
  terminate(): Promise<unknown>;
}

interface Waiting {
  readonly fits: (message: FromWorker) => boolean;
  readonly resolve: (message: FromWorker) => void;
  readonly reject: (cause: Error) => void;
}

export interface NodeThreadsOptions {
  readonly log: NodeLog;
  readonly failed: (failure: NodeFailure) => void;
}

export class NodeThreads {
  readonly #settings: BrokerSettings;
  readonly #memory: BrokerMemory;
  readonly #options: NodeThreadsOptions;
  readonly #status: StatusPage;
  #threads: readonly Thread[] = [];
  #waiting: Waiting[] = [];
  /** Reports that nobody has waited for yet. */
  #reports: FromWorker[] = [];
  #failure: NodeFailure | null = null;
  #isStopping = false;

  constructor(settings: BrokerSettings, memory: BrokerMemory, options: NodeThreadsOptions) {
    this.#settings = settings;
    this.#memory = memory;
    this.#options = options;
    this.#status = new StatusPage(memory.status);
  }

  spawn(): void {
    const { placement, netThreads } = this.#settings;
    const links = this.#memory.nets.map(() => new MessageChannel());
    const rounds = new MessageChannel();
    const bells = allBells(this.#memory);
    this.#threads = workersOf(placement, netThreads).map((agents, index) => {
      const net = agents.map((agent) => threadOf(agent).net).find((found) => found >= 0);
      const start: WorkerStart = {
        agents,
        memory: this.#memory,
        settings: this.#settings,
        ports: {
          toNets: agents.includes('control') ? links.map(({ port1 }) => port1) : [],
          toControl: net === undefined ? null : links[net]!.port2,
          toFlush: agents.includes('dispatch') ? rounds.port1 : null,
          fromDispatch: agents.includes('flush') ? rounds.port2 : null,
        },
      };
      return placement === 'inline' ? this.#runHere(start, bells[index]!) : this.#spawn(start, bells[index]!);
    });
  }

  tell(agent: AgentName, message: ToWorker): void {
    const thread = this.#threads.find(({ agents }) => agents.includes(agent))!;
    thread.port.postMessage(message);
    // A thread that blocks looks at its port when it is awake.
    thread.bell.ring();
  }

  /** The next report of this kind (and agent); rejects when a thread fails first. */
  next<Kind extends FromWorker['kind']>(kind: Kind, agent?: AgentName): Promise<Extract<FromWorker, { kind: Kind }>> {
    if (this.#failure !== null) return Promise.reject(errorOf(this.#failure));
    return this.#reported(kind, agent);
  }

  #reported<Kind extends FromWorker['kind']>(
    kind: Kind,
    agent?: AgentName,
  ): Promise<Extract<FromWorker, { kind: Kind }>> {
    type Wanted = Extract<FromWorker, { kind: Kind }>;
    const fits = (message: FromWorker): boolean =>
      message.kind === kind && (agent === undefined || ('agent' in message && message.agent === agent));
    const ready = this.#reports.find(fits);
    if (ready !== undefined) {
      this.#reports.splice(this.#reports.indexOf(ready), 1);
      return Promise.resolve(ready as Wanted);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ fits, resolve: (message) => resolve(message as Wanted), reject });
    });
  }

  /** All agents have been told to end: resolves when their threads are gone. */
  async over(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#threads.map(({ over }) => over));
  }

  /** Ends all threads at once; control last, which gives the store up, so that it can be opened again in this process. */
  async terminate(): Promise<void> {
    this.#isStopping = true;
    const control = this.#threads.find(({ agents }) => agents.includes('control'));
    await Promise.all(this.#threads.filter((thread) => thread !== control).map((thread) => thread.terminate()));
    if (control === undefined) return;
    control.port.postMessage({ kind: 'abandon' } satisfies ToWorker);
    await Promise.race([this.#reported('abandoned'), control.over, sleep(ABANDON_MS)]);
    await control.terminate();
  }

  #spawn(start: WorkerStart, bell: Bell): Thread {
    const name = start.agents.join('+');
    const worker = new Worker(new URL('./worker-main.js', import.meta.url), {
      name,
      workerData: start,
      transferList: portsOf(start.ports),
      // What a program tells its own thread is not for these: `--input-type`, preloaded modules.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    worker.on('message', (message: FromWorker) => this.#receive(message));
    worker.on('error', (cause: Error) => this.#lost(start.agents[0]!, cause.stack ?? cause.message));
    const over = new Promise<void>((resolve) => {
      worker.on('exit', () => {
        if (!this.#isStopping && !this.#hasEnded(start.agents)) this.#gone(start.agents);
        resolve();
      });
    });
    return { agents: start.agents, port: worker, bell, over, terminate: () => worker.terminate() };
  }

  #runHere(start: WorkerStart, bell: Bell): Thread {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (message: FromWorker) => this.#receive(message));
    const over = new Promise<void>((resolve) => {
      port1.on('close', resolve);
    });
    runWorker(start, port2).catch((cause: Error) => this.#lost(start.agents[0]!, cause.stack ?? cause.message));
    const terminate = async (): Promise<void> => port1.close();
    return { agents: start.agents, port: port1, bell, over, terminate };
  }

  readonly #ended = new Set<AgentName>();

  #hasEnded(agents: readonly AgentName[]): boolean {
    return agents.every((agent) => this.#ended.has(agent));
  }

  #receive(message: FromWorker): void {
    if (message.kind === 'log') {
      this.#options.log(message.level, message.thread, message.message);
      return;
    }
    if (message.kind === 'failed') {
      this.#fail({ thread: message.agent, code: message.code, message: message.message });
      return;
    }
    if (message.kind === 'ended') this.#ended.add(message.agent);
    const waiting = this.#waiting.find(({ fits }) => fits(message));
    if (waiting === undefined) {
      this.#reports.push(message);
      return;
    }
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    waiting.resolve(message);
  }

  /** A thread ended early. When another has failed this one only followed it, and the reason is on its way from there. */
  #gone(agents: readonly AgentName[]): void {
    const report = (): void => this.#lost(agents[0]!, `thread ${agents.join('+')} has ended`);
    const failure = this.#status.failure();
    if (failure === null || agents.some((agent) => threadOf(agent).index === failure.thread)) report();
    else after(REASON_WAIT_MS, report, false);
  }

  /** A thread ended without having said why: out of memory, or a mistake outside of its agents. */
  #lost(agent: AgentName, message: string): void {
    this.#status.fail(threadOf(agent).index, FailureCode.exited);
    for (const bell of allBells(this.#memory)) bell.ring();
    this.#fail({ thread: agent, code: FailureCode.exited, message });
  }

  #fail(failure: NodeFailure): void {
    if (this.#failure !== null || this.#isStopping) return;
    this.#failure = failure;
    for (const { reject } of this.#waiting.splice(0)) reject(errorOf(failure));
    this.#options.failed(failure);
  }
}

function errorOf(failure: NodeFailure): Error {
  return new Error(reasonOf(failure), { cause: failure });
}
