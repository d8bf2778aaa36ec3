/**
 * Runs our Java and Go client programs and reads the JSON lines they print. Both speak the same events, so a test does not care
 * which client it drives.
 */

import { Child } from '../../support/child.ts';
import { temporaryFolder } from '../../support/folders.ts';
import { type ClientVersion, classPath, goProgram } from './artifacts.ts';

const DEADLINE_MS = 90_000;

/** Options of a client program, written `--name value`. */
export type Options = Record<string, string | number | boolean | undefined>;

export interface MessageEvent {
  event: 'sent' | 'received';
  topic: string;
  index: number;
  tag: string | null;
  keys: string | null;
  flag: number;
  length: number;
  crc: number;
  properties: Record<string, string>;
  queueId: number;
  offset: number;
  msgId: string;
  offsetMsgId?: string;
  status?: string;
  order?: number;
  batchIds?: number;
  reconsumeTimes?: number;
  /** The whole record's bytes in the log: fewer than `length` when the body lies there compressed. */
  storeSize?: number;
  storeHost?: string;
  overlap?: boolean;
}

export interface OtherEvent {
  event: string;
  [field: string]: unknown;
}

/** Which program to run: a Java client version, with or without the binary header codec, or Go. */
export interface Client {
  readonly name: string;
  command(): { command: string; args: string[] };
}

export function javaClient(version: ClientVersion, serialization: 'JSON' | 'ROCKETMQ' = 'JSON'): Client {
  return {
    name: `Java ${version}${serialization === 'JSON' ? '' : ` ${serialization}`}`,
    command: () => ({
      command: 'java',
      args: [
        '-Xms64m',
        '-Xmx256m',
        '-XX:TieredStopAtLevel=1',
        `-Duser.home=${temporaryFolder('client')}`,
        `-Drocketmq.serialize.type=${serialization}`,
        '-cp',
        classPath(`client-${version}`),
        'ringmq.interop.Main',
      ],
    }),
  };
}

export const goClient: Client = { name: 'Go v2', command: () => ({ command: goProgram, args: [] }) };

/** A running client program and what it has said so far. */
export class ClientProgram {
  readonly child: Child;
  #parsed = 0;
  readonly #events: OtherEvent[] = [];

  constructor(client: Client, scenario: string, options: Options) {
    const { command, args } = client.command();
    this.child = new Child(`${client.name} ${scenario}`, command, [...args, scenario, ...flags(options)]);
  }

  /** All events so far; lines that are not JSON (a client's own notices) are left out. */
  events(): OtherEvent[] {
    for (; this.#parsed < this.child.lines.length; this.#parsed++) {
      const line = this.child.lines[this.#parsed] as string;
      if (line.startsWith('{"event"')) this.#events.push(JSON.parse(line) as OtherEvent);
    }
    return this.#events;
  }

  named(name: string): OtherEvent[] {
    return this.events().filter((event) => event.event === name);
  }

  sent(): MessageEvent[] {
    return this.named('sent') as unknown as MessageEvent[];
  }

  received(): MessageEvent[] {
    return this.named('received') as unknown as MessageEvent[];
  }

  /** The queues this consumer holds now, `topic@broker@queue`. */
  assigned(): string[] {
    return (this.named('assigned').at(-1)?.queues as string[] | undefined) ?? [];
  }

  until(what: string, probe: () => boolean, deadlineMs = DEADLINE_MS): Promise<boolean> {
    return this.child.until(what, deadlineMs, probe);
  }

  /** Waits until a consumer's group knows of it; a JVM that starts beside others takes its time. */
  async started(): Promise<void> {
    await this.until('its start', () => this.named('started').length > 0);
  }

  async receives(count: number, deadlineMs = DEADLINE_MS): Promise<void> {
    await this.until(`${count} messages`, () => this.received().length >= count, deadlineMs);
  }

  /** Ends a consumer the orderly way and waits until it said so. */
  async stop(): Promise<void> {
    if (this.child.exit === null) this.child.writeLine('stop');
    await this.finished();
  }

  /** Waits for the program's own end; throws what it printed when it failed. */
  async finished(deadlineMs = DEADLINE_MS): Promise<this> {
    const { code } = await this.child.ended(deadlineMs);
    if (code !== 0) throw new Error(`${this.child.name} failed (${code}):\n${this.child.tail()}`);
    return this;
  }
}

/** Starts a program that goes on until told to stop. */
export function startClient(client: Client, scenario: string, options: Options): ClientProgram {
  return new ClientProgram(client, scenario, options);
}

/** Runs a program to its end. */
export function runClient(client: Client, scenario: string, options: Options): Promise<ClientProgram> {
  return new ClientProgram(client, scenario, options).finished();
}

function flags(options: Options): string[] {
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
}
