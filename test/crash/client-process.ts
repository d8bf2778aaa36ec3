/** A client process as its life sees it. Forked once for a life of a store; each broker of it is one `run`. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Begin, Report } from './client-protocol.ts';
import { WitnessReader } from './witness-log.ts';

const PRODUCE = fileURLToPath(new URL('./produce-process.js', import.meta.url));
const CONSUME = fileURLToPath(new URL('./consume-process.js', import.meta.url));

export class ClientProcess {
  readonly witness: WitnessReader;
  readonly #child: ChildProcess;
  /** Rejects when the process ends, which it never does by itself. */
  readonly #death: Promise<never>;

  constructor(kind: 'producer' | 'consumer', folder: string, stamp: number, number: number) {
    const witnessPath = `${folder}/${kind}-${number}.witness`;
    const script = kind === 'producer' ? PRODUCE : CONSUME;
    this.#child = fork(script, [witnessPath, String(stamp), String(number)]);
    this.#death = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the ${kind} ${number} has ended (${code})`);
    });
    this.#death.catch(() => {});
    this.witness = new WitnessReader(witnessPath);
  }

  /** Resolves when the broker is gone and everything that it has said is in the witness log. */
  run(begin: Begin): Promise<Report> {
    const report = new Promise<Report>((resolve) =>
      this.#child.once('message', (message) => resolve(message as Report)),
    );
    this.#child.send(begin);
    return Promise.race([report, this.#death]);
  }

  close(): void {
    this.witness.close();
    if (this.#child.connected) this.#child.disconnect();
  }
}
