/**
 * A child process whose output is read line by line: servers and client programs alike. Every child is ended when the test process
 * ends, whatever happens to the test.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { atEnd } from './clean-up.ts';
import { waitFor } from './wait.ts';

const TAIL_LINES = 40;
const living = new Set<Child>();

atEnd(() => {
  for (const child of living) child.signal('SIGKILL');
});

export class Child {
  readonly name: string;
  /** Standard output. */
  readonly lines: string[] = [];
  /** Standard error. */
  readonly errors: string[] = [];
  exit: { code: number | null; signal: string | null } | null = null;
  readonly #process: ChildProcess;
  readonly #tail: string[] = [];

  constructor(name: string, command: string, args: string[], options: SpawnOptions = {}) {
    this.name = name;
    this.#process = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    living.add(this);
    splitLines(this.#process.stdout, (line) => {
      this.lines.push(line);
      this.#keep(line);
    });
    splitLines(this.#process.stderr, (line) => {
      this.errors.push(line);
      this.#keep(line);
    });
    this.#process.on('error', (error) => {
      this.#keep(String(error));
      this.#ended(-1, null);
    });
    // 'close' comes after the last byte of output, 'exit' may come before it.
    this.#process.on('close', (code, signal) => this.#ended(code, signal));
    // A child that dies early breaks its pipe; its exit tells the story.
    this.#process.stdin?.on('error', () => {});
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error(`${this.name} did not start`);
    return this.#process.pid;
  }

  /** The last lines of both outputs, for messages. */
  tail(): string {
    return this.#tail.join('\n');
  }

  writeLine(text: string): void {
    this.#process.stdin?.write(`${text}\n`);
  }

  /** Waits for the first line that `accept` maps to something; fails at once when the child ends before. */
  async line<Result>(
    what: string,
    deadlineMs: number,
    accept: (line: string) => Result | undefined | false,
  ): Promise<Result> {
    let at = 0;
    return this.until(what, deadlineMs, () => {
      while (at < this.lines.length) {
        const result = accept(this.lines[at++] as string);
        if (result !== undefined && result !== false) return result;
      }
      return undefined;
    });
  }

  /** Waits for a condition that this child brings about. */
  async until<Result>(what: string, deadlineMs: number, probe: () => Result | undefined | false): Promise<Result> {
    try {
      return await waitFor(`${this.name}: ${what}`, deadlineMs, () => {
        const result = probe();
        if (result !== undefined && result !== false) return result;
        if (this.exit !== null) throw new Error(`${this.name} ended (${JSON.stringify(this.exit)}) before: ${what}`);
        return undefined;
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}\n--- last output of ${this.name}\n${this.tail()}`);
    }
  }

  async ended(deadlineMs: number): Promise<{ code: number | null; signal: string | null }> {
    await waitFor(`the end of ${this.name}\n${this.tail()}`, deadlineMs, () => this.exit !== null);
    return this.exit as { code: number | null; signal: string | null };
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Asks it to stop, and kills it after the deadline. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', deadlineMs = 15_000): Promise<void> {
    if (this.exit !== null) return;
    this.signal(signal);
    try {
      await this.ended(deadlineMs);
    } catch (error) {
      this.signal('SIGKILL');
      throw error;
    }
  }

  #keep(line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
  }

  #ended(code: number | null, signal: string | null): void {
    this.exit ??= { code, signal };
    living.delete(this);
  }
}

function splitLines(stream: NodeJS.ReadableStream | null, sink: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) sink(line);
  });
  stream?.on('end', () => {
    if (rest !== '') sink(rest);
  });
}
