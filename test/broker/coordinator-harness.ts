/**
 * A coordinator without threads: a clock that is turned by hand, settings files in a map, queue bounds in a table, and two net threads
 * whose messages are kept. Used by the tests of control.
 */
import type { Clock } from '../../src/base/clock.ts';
import type { FoundMessages, KeyQuery, MessagePort, QueuePort, SettingsFiles } from '../../src/broker/control-ports.ts';
import type { FromControl } from '../../src/broker/control-protocol.ts';
import { type ControlSettings, DEFAULT_CONTROL_SETTINGS } from '../../src/broker/control-settings.ts';
import { Coordinator } from '../../src/broker/coordinator.ts';
import { FrameFlag, type RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame, encodeFrame, requestOf } from '../../src/remoting/frame-codec.ts';

export class FakeClock implements Clock {
  wallMs = 1_700_000_000_000;
  #sinceStartMs = 5_000;

  nowMs(): number {
    return this.wallMs;
  }

  monotonicUs(): number {
    return this.#sinceStartMs * 1000;
  }

  pass(ms: number): void {
    this.wallMs += ms;
    this.#sinceStartMs += ms;
  }
}

/** Settings files by name, as texts. */
export class MemoryFiles implements SettingsFiles {
  readonly texts = new Map<string, string>();
  /** Names in the order of writing. */
  readonly saved: string[] = [];
  isFull = false;

  load<T>(name: string, parse: (text: string) => T): T | null {
    const text = this.texts.get(name);
    return text === undefined ? null : parse(text);
  }

  save(name: string, text: string): void {
    if (this.isFull) throw new Error('no space left on device');
    this.saved.push(name);
    this.texts.set(name, text);
  }
}

export interface FakeQueue {
  min: number;
  /** Store time of each message from `min` on. */
  readonly times: number[];
  resident: boolean;
}

export class FakeQueues implements QueuePort {
  readonly #queues = new Map<string, FakeQueue>();

  /** A queue whose messages were stored at `times`. */
  set(topic: string, queueId: number, times: number[], min = 0, resident = true): void {
    this.#queues.set(`${topic}/${queueId}`, { min, times, resident });
  }

  #queue(topic: string, queueId: number): FakeQueue {
    return this.#queues.get(`${topic}/${queueId}`) ?? { min: 0, times: [], resident: false };
  }

  max(topic: string, queueId: number): number {
    const { min, times } = this.#queue(topic, queueId);
    return min + times.length;
  }

  min(topic: string, queueId: number): number {
    return this.#queue(topic, queueId).min;
  }

  storeTime(topic: string, queueId: number, offset: number): number {
    const { min, times } = this.#queue(topic, queueId);
    return times[offset - min] ?? -1;
  }

  searchOffset(topic: string, queueId: number, timestamp: number, boundary: 'LOWER' | 'UPPER'): number {
    const { min, times } = this.#queue(topic, queueId);
    const at = times.findIndex((time) => (boundary === 'LOWER' ? time >= timestamp : time > timestamp));
    if (boundary === 'LOWER') return at < 0 ? min + times.length : min + at;
    return at < 0 ? min + times.length - 1 : Math.max(min, min + at - 1);
  }

  isResident(topic: string, queueId: number): boolean {
    return this.#queue(topic, queueId).resident;
  }
}

/** Records by log offset, and what the index knows of them. */
export class FakeMessages implements MessagePort {
  areIndexed = true;
  readonly records = new Map<number, Uint8Array>();
  /** Log offsets by `topic#key`. */
  readonly keys = new Map<string, readonly number[]>();
  readonly asked: KeyQuery[] = [];

  isChanging = false;

  byKey(query: KeyQuery): FoundMessages | null {
    if (this.isChanging) return null;
    this.asked.push(query);
    const offsets = this.keys.get(`${query.topic}#${query.key}`) ?? [];
    return { records: offsets.map((offset) => this.records.get(offset)!), indexedAt: 7, indexedTo: 5 };
  }

  at(logOffset: number): Uint8Array | null {
    return this.records.get(logOffset) ?? null;
  }
}

export class ControlHarness {
  readonly clock: FakeClock;
  readonly files: MemoryFiles;
  readonly queues = new FakeQueues();
  readonly messages = new FakeMessages();
  readonly coordinator: Coordinator;
  /** All messages to the net threads, in order. */
  readonly sent: { net: number; message: FromControl }[] = [];
  readonly changedTopics: string[][] = [];
  readonly logged: string[] = [];
  /** What operators have asked to delete. */
  readonly cleanings: string[] = [];
  /** Rows given out so far; at this many there are none left. */
  slotsMax = 65_536;
  slots = 0;
  runtimeFigures: Record<string, string> = {};
  #opaque = 0;

  constructor(
    settings: Partial<ControlSettings> = {},
    { files = new MemoryFiles(), clock = new FakeClock() }: { files?: MemoryFiles; clock?: FakeClock } = {},
  ) {
    this.files = files;
    this.clock = clock;
    this.coordinator = new Coordinator({
      settings: { ...DEFAULT_CONTROL_SETTINGS, ...settings },
      clock,
      files,
      queues: this.queues,
      messages: this.messages,
      cleaning: {
        deleteExpiredFiles: () => this.cleanings.push('log'),
        cleanQueues: () => this.cleanings.push('queues'),
      },
      createSlot: () => (this.slots < this.slotsMax ? this.slots++ : -1),
      send: (net, message) => this.sent.push({ net, message }),
      topicsChanged: (names) => this.changedTopics.push([...names]),
      runtime: () => this.runtimeFigures,
      configText: () => 'brokerName=broker-a\n',
      log: {
        info: (message) => this.logged.push(message),
        warn: (message) => this.logged.push(message),
        error: (message) => this.logged.push(message),
      },
    });
    this.coordinator.announce(0);
    this.coordinator.announce(1);
    this.sent.length = 0;
  }

  /** Connection ids below 100 live on net 0, the others on net 1. */
  open(connectionId: number): void {
    const remote = `10.0.0.${connectionId % 100}:5000`;
    this.coordinator.receive(netOf(connectionId), [{ kind: 'opened', connectionId, remote, local: '10.0.0.1:10911' }]);
  }

  close(connectionId: number): void {
    this.coordinator.receive(netOf(connectionId), [{ kind: 'closed', connectionId }]);
  }

  /** Sends a whole frame and returns the answer; null when there is none. */
  frame(connectionId: number, frame: Uint8Array): RemotingCommand | null {
    const before = this.sent.length;
    this.coordinator.receive(netOf(connectionId), [{ kind: 'request', connectionId, frame }]);
    for (const { message } of this.sent.slice(before).reverse()) {
      if (message.kind !== 'frame' || message.connectionId !== connectionId) continue;
      const command = decodeFrame(message.frame, 0, message.frame.length);
      if ((command.flag & FrameFlag.response) !== 0) return command;
    }
    return null;
  }

  request(
    connectionId: number,
    code: number,
    fields: Record<string, string | number | boolean> = {},
    body: unknown = null,
    flag = 0,
  ): RemotingCommand {
    const extFields = new Map(Object.entries(fields).map(([name, value]) => [name, String(value)]));
    const bytes = body === null ? null : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const command = { ...requestOf(code, ++this.#opaque, extFields, bytes), flag };
    const answer = this.frame(connectionId, encodeFrame(command));
    if (answer === null) throw new Error(`request ${code} was not answered`);
    return answer;
  }

  /** A one-way request; true when it was answered all the same. */
  oneWay(connectionId: number, code: number, fields: Record<string, string | number>): boolean {
    const extFields = new Map(Object.entries(fields).map(([name, value]) => [name, String(value)]));
    const command = { ...requestOf(code, ++this.#opaque, extFields), flag: FrameFlag.oneWay };
    return this.frame(connectionId, encodeFrame(command)) !== null;
  }

  /** Messages of one kind since the last {@link forget}. */
  of<Kind extends FromControl['kind']>(kind: Kind): (Extract<FromControl, { kind: Kind }> & { net: number })[] {
    return this.sent.flatMap(({ net, message }) =>
      message.kind === kind ? [{ ...(message as Extract<FromControl, { kind: Kind }>), net }] : [],
    );
  }

  /** Connections that were sent a 40 for `group`, in order. */
  notified(group: string): number[] {
    return this.of('frame').flatMap(({ connectionId, frame }) => {
      const command = decodeFrame(frame, 0, frame.length);
      const isNotice = command.flag === FrameFlag.oneWay && command.extFields?.get('consumerGroup') === group;
      return isNotice ? [connectionId] : [];
    });
  }

  forget(): void {
    this.sent.length = 0;
  }
}

function netOf(connectionId: number): number {
  return connectionId < 100 ? 0 : 1;
}

/** The text of an answer's body. */
export function textOf(command: RemotingCommand): string {
  return Buffer.from(command.body ?? []).toString();
}

/** An answer's body, when it is standard JSON. */
export function bodyOf(command: RemotingCommand): Record<string, unknown> {
  return JSON.parse(textOf(command)) as Record<string, unknown>;
}

export interface HeartbeatOptions {
  readonly clientID?: string;
  readonly group?: string;
  readonly topics?: Readonly<Record<string, string>>;
  readonly subVersion?: number;
  readonly messageModel?: string;
  readonly producers?: readonly string[];
  readonly fingerprint?: number;
  readonly withoutSub?: boolean;
}

/** The body of a heartbeat of one consumer (or none, without a group) and some producers. */
export function heartbeatBody(options: HeartbeatOptions): object {
  const { clientID = 'c1', group, topics = {}, subVersion = 1, messageModel = 'CLUSTERING', producers = [] } = options;
  const consumer = {
    consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
    consumeType: 'CONSUME_PASSIVELY',
    groupName: group,
    messageModel,
    subscriptionDataSet: Object.entries(topics).map(([topic, subString]) => ({
      classFilterMode: false,
      codeSet: [],
      expressionType: 'TAG',
      subString,
      subVersion,
      tagsSet: [],
      topic,
    })),
    unitMode: false,
  };
  return {
    clientID,
    consumerDataSet: group === undefined ? [] : [consumer],
    heartbeatFingerprint: options.fingerprint ?? 0,
    producerDataSet: producers.map((groupName) => ({ groupName })),
    withoutSub: options.withoutSub ?? false,
  };
}
