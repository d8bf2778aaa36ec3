/** A broker as a user starts it: the command line in a process of its own, to be stopped or killed. Its log goes to a file. Used by life.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { after, systemClock } from '../../src/base/clock.ts';
import { atEnd } from '../support/clean-up.ts';
import { repository } from '../support/paths.ts';

const LOG_TAIL_BYTES = 3000;
const START_DEADLINE_MS = 60_000;
const END_DEADLINE_MS = 60_000;
const running = new Set<ChildProcess>();

atEnd(() => {
  for (const child of running) child.kill('SIGKILL');
});

export interface BrokerStart {
  /** The command line's main.js. */
  readonly main: string;
  readonly command: 'broker' | 'standalone';
  readonly store: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly logPath: string;
}

export const MAIN = `${repository}dist/src/cli/main.js`;

export class BrokerProcess {
  /** host:port, when it serves. Rejects when it ends before. */
  readonly ready: Promise<string>;
  /** From the spawn to the ready line. */
  startMs = Number.NaN;
  exit: { readonly code: number | null; readonly signal: string | null } | null = null;
  readonly #child: ChildProcess;
  readonly #logPath: string;
  readonly #ended: Promise<void>;

  constructor({ main, command, store, settings, logPath }: BrokerStart) {
    const args = [main, command, '--store', store, '--json'];
    args.push(...(command === 'broker' ? ['--port', '0'] : ['--broker-port', '0', '--namesrv-port', '0']));
    for (const [name, value] of Object.entries(settings)) args.push('--set', `${name}=${value}`);
    const log = openSync(logPath, 'a');
    const spawnedUs = systemClock.monotonicUs();
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', log] });
    closeSync(log);
    this.#logPath = logPath;
    running.add(this.#child);
    this.#ended = once(this.#child, 'close').then(([code, signal]) => {
      this.exit = { code, signal };
      running.delete(this.#child);
    });
    this.ready = this.#readyLine().then((address) => {
      this.startMs = (systemClock.monotonicUs() - spawnedUs) / 1000;
      return address;
    });
    this.ready.catch(() => {});
  }

  get processId(): number {
    return this.#child.pid!;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  /** Waits for its end, whoever has brought it about. */
  async ended(): Promise<void> {
    const late = after(END_DEADLINE_MS, () => this.#child.kill('SIGABRT'));
    await this.#ended;
    late.stop();
    if (this.exit?.signal === 'SIGABRT') throw new Error(`the broker did not end within ${END_DEADLINE_MS} ms`);
  }

  logTail(): string {
    return readFileSync(this.#logPath, 'utf8').slice(-LOG_TAIL_BYTES);
  }

  #readyLine(): Promise<string> {
    return new Promise((resolve, reject) => {
      let output = '';
      const late = after(START_DEADLINE_MS, () => reject(new Error(`no broker within ${START_DEADLINE_MS} ms`)));
      this.#child.stdout!.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (!output.includes('\n')) return;
        late.stop();
        resolve((JSON.parse(output) as { broker: string }).broker);
      });
      void this.#ended.then(() => {
        late.stop();
        reject(new Error(`the broker ended during its start (${JSON.stringify(this.exit)})`));
      });
    });
  }
}
