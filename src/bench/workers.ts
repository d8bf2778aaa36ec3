/**
 * Threads of the benchmark: the one place that starts them. A worker has one role and does one call after another; both ends of a call are
 * typed by {@link BenchCalls}. The engine uses {@link BenchWorker}, worker-main.ts uses {@link serveCalls}.
 */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { ConsumeReport, ConsumeSpec, VerifyCall } from './consume-worker.ts';
import type { LoadReport, LoadSpec, LoadTiming } from './load-worker.ts';
import type { PaceSpec } from './pacer.ts';
import type { Window } from './publish-meter.ts';

export interface BenchCalls {
  /** Opens the connections of a load. */
  connect(spec: LoadSpec): Promise<void>;
  /** Runs the load on them. */
  load(timing: LoadTiming): Promise<LoadReport>;
  pace(spec: PaceSpec): Promise<void>;
  /** Starts to read; resolves when all queues are being read. */
  consume(spec: ConsumeSpec): Promise<void>;
  /** Messages that are intended within the window count for the end-to-end latency. */
  measure(window: Window): Promise<void>;
  /** Reads on until all of this has come, or nothing comes any more. */
  verify(call: VerifyCall): Promise<ConsumeReport>;
}

type CallName = keyof BenchCalls;

interface Call {
  readonly name: CallName;
  readonly argument: unknown;
}

type Reply = { readonly value: unknown } | { readonly error: string };

export class BenchWorker {
  readonly #worker: Worker;
  #settle: { resolve(value: unknown): void; reject(error: Error): void } | null = null;

  constructor() {
    this.#worker = new Worker(new URL('./worker-main.js', import.meta.url));
    this.#worker.on('message', (reply: Reply) => {
      if ('error' in reply) this.#end(new Error(reply.error));
      else {
        this.#settle?.resolve(reply.value);
        this.#settle = null;
      }
    });
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('a thread of the benchmark ended')));
  }

  /** One call at a time. */
  call<Name extends CallName>(name: Name, argument: Parameters<BenchCalls[Name]>[0]): ReturnType<BenchCalls[Name]> {
    const result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#worker.postMessage({ name, argument } satisfies Call);
    return result as ReturnType<BenchCalls[Name]>;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #end(error: Error): void {
    this.#settle?.reject(error);
    this.#settle = null;
  }
}

/** The worker's end. */
export function serveCalls(calls: BenchCalls): void {
  if (isMainThread || parentPort === null) throw new Error('this file is the entry of a worker thread');
  const port = parentPort;
  port.on('message', (call: Call) => {
    const handler = calls[call.name] as (argument: unknown) => Promise<unknown>;
    handler(call.argument).then(
      (value) => port.postMessage({ value } satisfies Reply),
      (error: Error) => port.postMessage({ error: error.message } satisfies Reply),
    );
  });
}
