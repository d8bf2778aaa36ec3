/**
 * Keeps this broker known at every NameServer: all of its topics at the start and every 30 s, which is the sign of life as well, and changed
 * topics at once (spec/api.md 4.2). Each NameServer is served on its own, so one that hangs or is down delays no other. Owned by control.
 */
import { after, every, type Timer } from '../base/clock.ts';
import { ResponseCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import type { RegisterBody } from '../remoting/register-body.ts';
import {
  type RegisterAnswer,
  type RegisterBroker,
  readRegisterAnswer,
  registerBrokerRequest,
  unregisterBrokerRequest,
} from '../remoting/register-broker.ts';
import { Perm } from '../remoting/topic-config.ts';

/** What of a RemotingClient is needed; rejects when there is no answer. */
export interface RegistrationClient {
  invoke(address: string, command: RemotingCommand, timeoutMs: number): Promise<RemotingCommand>;
}

/** Everything in a registration that is not a topic. */
export type BrokerIdentity = Omit<RegisterBroker, keyof RegisterBody>;

/** Topics and their version, of one and the same moment. */
export type TopicSnapshot = Omit<RegisterBody, 'queueMappings'>;

export interface RegistrationOptions {
  readonly client: RegistrationClient;
  /** `host:port` of every NameServer. */
  readonly nameServers: readonly string[];
  readonly identity: BrokerIdentity;
  readonly topics: () => TopicSnapshot;
  /** A failure is a warning: clients of that NameServer do not find this broker. */
  readonly log: (line: string, level: 'info' | 'warn') => void;
  /** The broker's own permission: while it lacks read or write, topics are shown with no more than it. */
  readonly brokerPermission?: number;
  /** Send the compressed form of the body. */
  readonly compressed?: boolean;
  /** A slave learns its master here. */
  readonly onAnswer?: (answer: RegisterAnswer, nameServer: string) => void;
  readonly timeoutMs?: number;
  /** Pause before a NameServer that did not answer is tried again. */
  readonly retryMs?: number;
}

const PERIOD_MS = 30_000;
const TIMEOUT_MS = 24_000;
const RETRY_MS = 3_000;
/** A stopping broker does not wait for long. */
const UNREGISTER_TIMEOUT_MS = 3_000;

export class BrokerRegistration {
  readonly #options: RegistrationOptions;
  readonly #lanes: readonly Lane[];
  #timer: Timer | null = null;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#lanes = options.nameServers.map((address) => new Lane(address, options));
  }

  /** How many NameServers have taken the last registration. */
  get registeredAt(): number {
    return this.#lanes.filter((lane) => lane.isRegistered).length;
  }

  /** Registers everything everywhere. Resolves, never rejects, when each NameServer has answered or failed. */
  async registerAll(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.register(ALL_TOPICS)));
  }

  /** Registers everything every `periodMs` from now on. */
  start(periodMs = PERIOD_MS): void {
    this.#timer ??= every(periodMs, () => void this.registerAll(), false);
  }

  /** These topics are new or changed: they are sent to every NameServer at once, or as soon as its current request is answered. */
  topicChanged(names: Iterable<string>): void {
    const changed = [...names];
    for (const lane of this.#lanes) void lane.register(changed);
  }

  /** The connection to a NameServer is gone, so it has forgotten this broker: told again soon, not after the period. */
  connectionLost(nameServer: string): void {
    for (const lane of this.#lanes) {
      if (lane.address === nameServer) lane.lost();
    }
  }

  /** Stops the timers and withdraws the broker everywhere. Resolves, never rejects. */
  async unregisterAll(): Promise<void> {
    this.#timer?.stop();
    this.#timer = null;
    const request = unregisterBrokerRequest(this.#options.identity);
    await Promise.all(this.#lanes.map((lane) => lane.unregister(request)));
  }
}

const ALL_TOPICS = 'all';
type Wanted = typeof ALL_TOPICS | readonly string[];

function isAnything(wanted: Wanted): boolean {
  return wanted === ALL_TOPICS || wanted.length > 0;
}

/** One NameServer: one request at a time; what comes meanwhile goes together into the next. */
class Lane {
  readonly address: string;
  readonly #options: RegistrationOptions;
  #wanted: Wanted = [];
  #running: Promise<void> | null = null;
  #retry: Timer | null = null;
  #isStopped = false;
  /** Null before the first answer. */
  #isUp: boolean | null = null;

  constructor(address: string, options: RegistrationOptions) {
    this.address = address;
    this.#options = options;
  }

  get isRegistered(): boolean {
    return this.#isUp === true;
  }

  /** Resolves when everything that is wanted so far has been answered or has failed. */
  register(wanted: Wanted): Promise<void> {
    this.#wanted = this.#wanted === ALL_TOPICS || wanted === ALL_TOPICS ? ALL_TOPICS : [...this.#wanted, ...wanted];
    this.#running ??= this.#run();
    return this.#running;
  }

  lost(): void {
    if (this.#isUp === true && !this.#isStopped) this.#failed('the connection is gone');
  }

  async unregister(request: RemotingCommand): Promise<void> {
    this.#isStopped = true;
    this.#retry?.stop();
    if (this.#isUp === false) return;
    try {
      await this.#options.client.invoke(this.address, request, UNREGISTER_TIMEOUT_MS);
    } catch (error) {
      this.#options.log(`could not unregister at NameServer ${this.address}: ${(error as Error).message}`, 'warn');
    }
  }

  async #run(): Promise<void> {
    while (isAnything(this.#wanted) && !this.#isStopped) {
      const wanted = this.#wanted;
      this.#wanted = [];
      await this.#send(wanted);
    }
    this.#running = null;
  }

  async #send(wanted: Wanted): Promise<void> {
    const { client, compressed, timeoutMs = TIMEOUT_MS, onAnswer } = this.#options;
    try {
      const request = registerBrokerRequest(this.#registration(wanted), compressed);
      const answer = await client.invoke(this.address, request, timeoutMs);
      if (answer.code === ResponseCode.SUCCESS) {
        onAnswer?.(readRegisterAnswer(answer), this.address);
        this.#succeeded();
      } else if (wanted !== ALL_TOPICS) {
        // It does not know this broker (any more), and refuses to learn of it by a single topic.
        this.#wanted = ALL_TOPICS;
      } else {
        this.#failed(`answer ${answer.code}, ${answer.remark}`);
      }
    } catch (error) {
      this.#failed((error as Error).message);
    }
  }

  #registration(wanted: Wanted): RegisterBroker {
    const { identity, topics, brokerPermission = Perm.readWrite } = this.#options;
    const permMask = (brokerPermission & Perm.readWrite) === Perm.readWrite ? -1 : brokerPermission;
    const snapshot = topics();
    const names = wanted === ALL_TOPICS ? null : new Set(wanted);
    const chosen = names === null ? snapshot.topics : snapshot.topics.filter(({ topicName }) => names.has(topicName));
    const shown = chosen.map((topic) => ({ ...topic, perm: topic.perm & permMask }));
    return { ...identity, dataVersion: snapshot.dataVersion, topics: shown, queueMappings: [] };
  }

  #succeeded(): void {
    if (this.#isUp !== true) this.#options.log(`registered at NameServer ${this.address}`, 'info');
    this.#isUp = true;
  }

  #failed(reason: string): void {
    if (this.#isUp !== false) this.#options.log(`not registered at NameServer ${this.address}: ${reason}`, 'warn');
    this.#isUp = false;
    this.#retry?.stop();
    if (this.#isStopped) return;
    this.#retry = after(this.#options.retryMs ?? RETRY_MS, () => void this.register(ALL_TOPICS), false);
  }
}
