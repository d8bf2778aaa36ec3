/**
 * A NameServer in a thread of its own, for programs whose event loop may be busy: it goes on answering. Called by embed/ on the program's
 * thread.
 */
import { Worker } from 'node:worker_threads';
import type { NameServerOptions } from '../../config/name-server-schema.ts';
import type { NameServerStats } from '../../nameserver/nameserver.ts';
import type { FromNameServer, NameServerWorkerData, ToNameServer } from './nameserver-messages.ts';

export interface NameServerThread {
  readonly host: string;
  readonly port: number;
  stats(): Promise<NameServerStats>;
  close(): Promise<void>;
  /** The thread is gone: null when it was closed, else why. */
  readonly ended: Promise<string | null>;
}

interface Question {
  resolve(stats: NameServerStats): void;
  reject(error: Error): void;
}

/** Rejects when the NameServer could not be opened. */
export async function startNameServerThread(
  options: NameServerOptions,
  log: (line: string) => void,
): Promise<NameServerThread> {
  const workerData: NameServerWorkerData = { options };
  const worker = new Worker(new URL('./nameserver-worker.js', import.meta.url), {
    workerData,
    name: 'namesrv',
    execArgv: [],
  });
  const tell = (message: ToNameServer): void => worker.postMessage(message);
  let isClosing = false;
  let hasEnded = false;
  let failure: string | null = null;
  /** Answers come in the order of the questions. */
  let questions: Question[] = [];

  const ended = new Promise<string | null>((resolve) => {
    worker.on('error', (error: Error) => {
      failure = `the thread of the NameServer failed: ${error.stack ?? error.message}`;
    });
    worker.on('exit', () => {
      for (const { reject } of questions) reject(new Error('the NameServer is closed'));
      questions = [];
      hasEnded = true;
      resolve(failure ?? (isClosing ? null : 'the thread of the NameServer ended'));
    });
  });
  const opened = new Promise<{ host: string; port: number }>((resolve, reject) => {
    worker.on('message', (message: FromNameServer) => {
      if (message.kind === 'open') resolve(message);
      else if (message.kind === 'refused') reject(new Error(message.message));
      else if (message.kind === 'log') log(message.line);
      else questions.shift()?.resolve(message.stats);
    });
    // A failure before the first message; after it this rejection is nobody's.
    void ended.then((reason) => reject(new Error(reason ?? 'closed')));
  });

  const { host, port } = await opened;
  return {
    host,
    port,
    ended,
    stats: () =>
      new Promise((resolve, reject) => {
        if (hasEnded) return reject(new Error('the NameServer is closed'));
        questions.push({ resolve, reject });
        tell({ kind: 'stats' });
      }),
    async close() {
      isClosing = true;
      tell({ kind: 'close' });
      await ended;
    },
  };
}
