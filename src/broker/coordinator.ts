/**
 * The deciding part of the control thread: groups, topics, offsets, locks. Takes what the net threads say, message by message, and
 * answers; a change is told to all net threads before the request that made it is answered. Knows no thread, socket or clock of its own:
 * threads/control gives it the ports and calls {@link Coordinator.doWork}.
 */
import { InvariantError } from '../base/assert.ts';
import { counted } from '../base/counted.ts';
import { ResponseCode, requestCodeName } from '../remoting/codes.ts';
import { FrameError, HeaderError, type RemotingCommand } from '../remoting/command.ts';
import { decodeFrame, encodeFrame, isOneWay, isResponse, responseTo } from '../remoting/frame-codec.ts';
import { type Answer, refusal, SUCCESS } from './answer.ts';
import { AttributeError } from './attributes.ts';
import { ClientSessions } from './client-sessions.ts';
import { ConsumerOffsets } from './consumer-offsets.ts';
import { ConsumerRegistry } from './consumer-registry.ts';
import type { CoordinatorPorts } from './control-ports.ts';
import type { ToControl } from './control-protocol.ts';
import { DataVersion } from './data-version.ts';
import { groupView } from './group-config.ts';
import { groupNotExist } from './group-requests.ts';
import { GroupTable } from './group-table.ts';
import { NetLinks } from './net-links.ts';
import { ProducerRegistry } from './producer-registry.ts';
import { QueueLocks } from './queue-locks.ts';
import { answerRequest, type ControlTables } from './request-switch.ts';
import { systemTopicNames } from './system-names.ts';
import { ensureTopic } from './topic-requests.ts';
import { type TopicSnapshot, TopicTable } from './topic-table.ts';

/** How often silent clients and expired locks are looked for. */
const EXPIRY_SCAN_MS = 10_000;

type Message<Kind extends ToControl['kind']> = Extract<ToControl, { kind: Kind }>;

export class Coordinator {
  readonly #ports: CoordinatorPorts;
  readonly #links: NetLinks;
  readonly #tables: ControlTables;
  /** Topics to be registered when the current messages are done. */
  readonly #changedTopics = new Set<string>();
  #scanAtMs: number;
  #saveAtMs: number;

  /** Reads the settings files and makes what a broker has at start; throws when its queues have no room. */
  constructor(ports: CoordinatorPorts) {
    const { settings, clock, log } = ports;
    const links = new NetLinks((netIndex, message) => ports.send(netIndex, message));
    const topics = new TopicTable(ports, (topic) => {
      links.toAll({ kind: 'topic', topic });
      this.#changedTopics.add(topic.name);
    });
    const groups = new GroupTable(ports, (config) => links.toAll({ kind: 'group', group: groupView(config) }));
    const consumers = new ConsumerRegistry();
    const producers = new ProducerRegistry();
    this.#ports = ports;
    this.#links = links;
    this.#tables = {
      settings,
      systemTopics: systemTopicNames(settings),
      topics,
      groups,
      offsets: new ConsumerOffsets(ports),
      consumers,
      producers,
      sessions: new ClientSessions({ settings, clock, log, topics, groups, consumers, producers, links }),
      locks: new QueueLocks(settings.lockMaxLiveTime),
      queues: ports.queues,
      messages: ports.messages,
      cleaning: ports.cleaning,
      configVersion: new DataVersion(clock.nowMs()),
      runtime: () => ports.runtime(),
      configText: () => ports.configText(),
      monotonicMs: () => Math.floor(clock.monotonicUs() / 1000),
    };
    this.#scanAtMs = this.#tables.monotonicMs() + EXPIRY_SCAN_MS;
    this.#saveAtMs = this.#tables.monotonicMs() + settings.flushConsumerOffsetInterval;
    this.#settle();
  }

  /** At start: no group is further than its queue. `endOf` is the offset of the queue's next message. */
  holdOffsetsBack(endOf: (topic: string, queueId: number) => number): void {
    const moved = this.#tables.offsets.holdBack(endOf);
    if (moved === 0) return;
    // At once: after another crash the queue may be long enough to hide it.
    this.#tables.offsets.document.save();
    this.#ports.log.warn(
      `${moved} places of groups were beyond the end of their queue, whose last messages are lost: they are moved back to it`,
    );
  }

  /** At a start: warns of topics that have messages and are not in the settings. `topics`: all that have had some. */
  warnOfUnknownTopics(topics: Iterable<string>): void {
    const unknown = [...new Set(topics)].filter((topic) => !this.#tables.topics.has(topic));
    if (unknown.length === 0) return;
    this.#ports.log.warn(
      `${counted(unknown.length, 'topic')} with messages not in config/topics.json, for example ${unknown[0]}: nobody can send to them or ` +
        'consume from them. Restore the file, or make them again with as many queues',
    );
  }

  /** A net thread is there: tells it every topic, group and live consumer group, and every change from now on. */
  announce(netIndex: number): void {
    const { topics, groups, consumers } = this.#tables;
    for (const config of topics.all()) this.#links.to(netIndex, { kind: 'topic', topic: topics.view(config) });
    for (const config of groups.all()) this.#links.to(netIndex, { kind: 'group', group: groupView(config) });
    for (const { name } of consumers.all()) {
      this.#links.to(netIndex, { kind: 'consumers', group: name, consumers: consumers.view(name) });
    }
    this.#links.announce(netIndex);
  }

  /** What a net thread has said at once, in its order. Nothing of what is said here goes out before this returns: the files are written once. */
  receive(netIndex: number, messages: readonly ToControl[]): void {
    for (const message of messages) this.#take(netIndex, message);
    this.#settle();
  }

  #take(netIndex: number, message: ToControl): void {
    switch (message.kind) {
      case 'opened':
        this.#links.opened(message.connectionId, { netIndex, remote: message.remote, local: message.local });
        break;
      case 'closed':
        this.#tables.sessions.closed(message.connectionId);
        this.#links.closed(message.connectionId);
        break;
      case 'request':
        this.#request(message.connectionId, message.frame);
        break;
      case 'ensureTopic':
        this.#ensureTopic(netIndex, message);
        break;
      case 'ensureGroup':
        this.#ensureGroup(netIndex, message);
        break;
      case 'commitOffset':
        this.commitOffset(message.group, message.topic, message.queueId, message.offset);
        break;
    }
  }

  /** A pull's ride-along commit. The pull has been through its checks, but its group may be one that could not be made. */
  commitOffset(group: string, topic: string, queueId: number, offset: number): void {
    const { groups, offsets } = this.#tables;
    if (groups.has(group)) offsets.commit(group, topic, queueId, offset);
  }

  /** For the registration at NameServers. */
  topicSnapshot(): TopicSnapshot {
    return this.#tables.topics.snapshot();
  }

  /** Does what is due: expiry, saving. Returns how much there was to do. */
  doWork(): number {
    const { settings, locks, sessions, monotonicMs } = this.#tables;
    const nowMs = monotonicMs();
    let work = 0;
    if (nowMs >= this.#scanAtMs) {
      this.#scanAtMs = nowMs + EXPIRY_SCAN_MS;
      locks.removeExpired(nowMs);
      work += 1 + sessions.expire();
    }
    if (nowMs >= this.#saveAtMs) {
      this.#saveAtMs = nowMs + settings.flushConsumerOffsetInterval;
      this.#save();
      work++;
    }
    return work;
  }

  /** Saves everything. Nothing may be received after that. */
  close(): void {
    this.#save();
  }

  #request(connectionId: number, frame: Uint8Array): void {
    const connection = this.#links.connection(connectionId);
    // Its net thread has said that it is gone: nobody waits for the answer, and a heartbeat must not bring it back.
    if (connection === undefined) return;
    let command: RemotingCommand;
    try {
      command = decodeFrame(frame, 0, frame.length);
    } catch (cause) {
      if (!(cause instanceof FrameError)) throw cause;
      this.#links.close(connectionId, cause.message);
      return;
    }
    if (isResponse(command.flag)) return;
    const { remote, local } = connection;
    const client = { connectionId, remote, local };
    const what = requestCodeName(command.code);
    const answer = this.#guarded(what, () => answerRequest(command, client, this.#tables));
    if (!isOneWay(command.flag)) this.#links.frame(connectionId, encodeAnswer(command, answer));
  }

  #ensureTopic(netIndex: number, message: Message<'ensureTopic'>): void {
    const { ticket, topic, defaultTopic, defaultTopicQueueNums } = message;
    const { topics, settings } = this.#tables;
    const answer = this.#guarded(`creation of topic ${topic}`, () =>
      ensureTopic(topic, defaultTopic, defaultTopicQueueNums, topics, settings),
    );
    this.#links.to(netIndex, { kind: 'ensured', ticket, code: answer.code, remark: answer.remark });
  }

  #ensureGroup(netIndex: number, { ticket, group }: Message<'ensureGroup'>): void {
    const { code, remark } = this.#tables.groups.ensure(group) === null ? groupNotExist(group) : SUCCESS;
    this.#links.to(netIndex, { kind: 'ensured', ticket, code, remark });
  }

  /** What goes wrong is answered SYSTEM_ERROR: quietly when the request is to blame, with a line in the log when this broker is. */
  #guarded(what: string, decide: () => Answer): Answer {
    try {
      return decide();
    } catch (cause) {
      if (cause instanceof InvariantError) throw cause;
      const isTheirs = cause instanceof HeaderError || cause instanceof AttributeError;
      if (!isTheirs) this.#ports.log.error(`${what} failed`, cause);
      return refusal(ResponseCode.SYSTEM_ERROR, cause instanceof Error ? cause.message : String(cause));
    }
  }

  /** Before answers go out: what they promise is in the files, and then those who have to know are told which topics have changed. */
  #settle(): void {
    this.#tables.topics.document.saveFresh();
    this.#tables.groups.document.saveFresh();
    if (this.#changedTopics.size === 0) return;
    const names = [...this.#changedTopics];
    this.#changedTopics.clear();
    this.#ports.topicsChanged(names);
  }

  #save(): void {
    this.#tables.topics.document.save();
    this.#tables.groups.document.save();
    this.#tables.offsets.document.save();
  }
}

function encodeAnswer(command: RemotingCommand, { code, remark, extFields, body }: Answer): Uint8Array {
  try {
    return encodeFrame(responseTo(command, code, remark, extFields, body));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    return encodeFrame(responseTo(command, ResponseCode.SYSTEM_ERROR, cause.message));
  }
}
