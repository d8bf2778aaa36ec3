/**
 * Every frame that a client sends passes here: sends and pulls are read by their scanners and carried out on this thread, everything else
 * goes to control. Keeps the requests that have to wait: for room in the ring, for a topic that control is making.
 */
import type { Clock } from '../../base/clock.ts';
import type { BrokerSettings } from '../../broker/broker-settings.ts';
import type { FromControl } from '../../broker/control-protocol.ts';
import type { PullMessages } from '../../broker/pull-message.ts';
import type { GroupEnsured } from '../../broker/pull-ports.ts';
import { type Refusal, refuse } from '../../broker/refusal.ts';
import { refusedTopic } from '../../broker/send-checks.ts';
import { type SendMessages, SendOutcome } from '../../broker/send-message.ts';
import { ByteBudget, WaitingRequests } from '../../broker/waiting-requests.ts';
import { RequestCode, ResponseCode } from '../../remoting/codes.ts';
import { HeaderError, type RemotingCommand } from '../../remoting/command.ts';
import { decodeFrame, isResponse } from '../../remoting/frame-codec.ts';
import { PullHeader, pullHeaderOf } from '../../remoting/pull-header.ts';
import { scanPullHeader } from '../../remoting/pull-header-scanner.ts';
import { SendHeader, sendHeaderOf } from '../../remoting/send-header.ts';
import { scanSendHeader } from '../../remoting/send-header-scanner.ts';
import type { ThreadPage } from '../topology.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Commit, CommitBatch } from './commit-batch.ts';
import type { ControlLink } from './control-link.ts';
import { ControlShare } from './control-share.ts';
import { MissingGroups } from './missing-groups.ts';

/** Frames of sends that wait for room in the rings, over all connections of this thread. */
const WAITING_FOR_ROOM_MAX_BYTES = 64 * 1024 * 1024;
/** Frames that wait for topics, all topics together: a client can name as many as it likes. */
const WAITING_FOR_TOPICS_MAX_BYTES = 64 * 1024 * 1024;
const US_PER_MS = 1000;

export interface NetRequestPorts {
  readonly settings: Pick<BrokerSettings, 'waitTimeMillsInSendQueue'>;
  readonly sends: SendMessages;
  readonly pulls: PullMessages;
  readonly control: ControlLink;
  readonly commits: CommitBatch;
  readonly page: ThreadPage;
  readonly clock: Clock;
}

interface MissingTopic {
  readonly name: string;
  readonly waiting: WaitingRequests<ClientConnection>;
}

export class NetRequests {
  readonly #ports: NetRequestPorts;
  readonly #send = new SendHeader();
  readonly #pull = new PullHeader();
  readonly #waitingForRoom = new WaitingRequests<ClientConnection>(new ByteBudget(WAITING_FOR_ROOM_MAX_BYTES));
  readonly #topicBudget = new ByteBudget(WAITING_FOR_TOPICS_MAX_BYTES);
  /** Topics that control has been asked for, by ticket and by name. */
  readonly #missing = new Map<number, MissingTopic>();
  readonly #ticketOf = new Map<string, number>();
  readonly #groups = new MissingGroups();
  readonly #controlShare: ControlShare;
  #ticket = 0;
  #nowUs = 0;
  /** Counted here, because finding a counter by its name costs as much as a field of a header, and shown once a turn. */
  #frames = 0;
  #sends = 0;
  #sendBytes = 0;

  constructor(ports: NetRequestPorts) {
    this.#ports = ports;
    this.#controlShare = new ControlShare((message) => ports.control.send(message));
  }

  /**
   * Takes the frame in `bytes[start, end)`, whose memory the caller has back afterwards.
   * @throws FrameError when it is none: the caller closes the connection.
   */
  frame(client: ClientConnection, bytes: Uint8Array, start: number, end: number, nowUs: number): void {
    this.#nowUs = nowUs;
    this.#frames++;
    if (client.pullsLast && scanPullHeader(bytes, start, end, this.#pull)) {
      this.#doPull(client);
    } else if (this.#isSend(client, bytes, start, end)) {
      client.pullsLast = false;
      this.#doSend(client, bytes, start, end);
    } else if (!client.pullsLast && scanPullHeader(bytes, start, end, this.#pull)) {
      client.pullsLast = true;
      this.#doPull(client);
    } else {
      this.#general(client, bytes, start, end);
    }
  }

  #isSend(client: ClientConnection, bytes: Uint8Array, start: number, end: number): boolean {
    if (client.sendsBefore.recall(bytes, start, end, this.#send)) return true;
    if (!scanSendHeader(bytes, start, end, this.#send)) return false;
    client.sendsBefore.learn(bytes, start, this.#send);
    return true;
  }

  /** Control's answer to a request for a topic or a group. */
  ensured({ ticket, code, remark }: Extract<FromControl, { kind: 'ensured' }>): void {
    if (this.#groups.ensured(ticket, code, remark)) return;
    const topic = this.#missing.get(ticket);
    if (topic === undefined) return;
    this.#missing.delete(ticket);
    this.#ticketOf.delete(topic.name);
    const refusal = code === ResponseCode.SUCCESS ? null : { code, remark: remark ?? '' };
    for (let request = topic.waiting.first(); request !== undefined; request = topic.waiting.first()) {
      topic.waiting.removeFirst();
      this.#readSend(request.frame);
      if (refusal !== null) this.#refuseSend(request.reply, refusal);
      else this.#doSend(request.reply, request.frame, 0, request.frame.length, UNKNOWN_AFTER_ALL);
    }
  }

  /** Control has carried out the next `count` requests. */
  carriedOut(count: number): void {
    this.#controlShare.carriedOut(count);
  }

  /** The client has taken its answers and may be given more. */
  drained(client: ClientConnection): void {
    this.#controlShare.feed(client);
  }

  /** Of frames that wait for their turn at control. */
  get waitingBytes(): number {
    return this.#controlShare.waitingBytes;
  }

  /** Before control is told so: the offsets that the client has committed go to it still. Returns how many were too many. */
  closed(client: ClientConnection): number {
    return this.#controlShare.forget(client);
  }

  /** Requests whose answer waits for room, for a topic, for a group or for control. */
  get owed(): number {
    let count = this.#waitingForRoom.count + this.#groups.count + this.#controlShare.count;
    for (const { waiting } of this.#missing.values()) count += waiting.count;
    return count;
  }

  /** Takes an offset that has come with a pull. It does not overtake what the client has asked of control before. */
  commitOffset(client: ClientConnection, commit: Commit): void {
    if (client.notAtControl.length === 0) this.#ports.commits.add(commit);
    else this.#controlShare.commitLater(client, commit);
  }

  /** Asks control for a group that a pull of `client` names, unless it has been asked already. `bytes` are held for the pull. */
  ensureGroup(client: ClientConnection, group: string, bytes: number, then: GroupEnsured): void {
    const hasRoom = this.#groups.hasRoom(bytes);
    if (hasRoom && this.#groups.wait(group, bytes, then)) return;
    if (hasRoom && this.#controlShare.mayQuestion) {
      const ticket = ++this.#ticket;
      this.#groups.asked(ticket, group, bytes, then);
      this.#controlShare.question(client, { kind: 'ensureGroup', ticket, group });
    } else {
      this.#ports.page.add('busyAnswers', 1);
      then(ResponseCode.SYSTEM_BUSY, `[OVERLOAD]broker busy, too many pulls wait for their groups`);
    }
  }

  /** There may be room in the ring again, and some may have waited too long. Returns how many requests went on. */
  retry(nowUs: number): number {
    this.#nowUs = nowUs;
    const waiting = this.#waitingForRoom;
    const limitUs = this.#ports.settings.waitTimeMillsInSendQueue * US_PER_MS;
    let count = 0;
    for (let request = waiting.first(); request !== undefined; request = waiting.first(), count++) {
      const { reply, frame, sinceUs } = request;
      this.#readSend(frame);
      const waitedUs = nowUs - sinceUs;
      if (waitedUs > limitUs) {
        this.#busy(
          reply,
          `[TIMEOUT_CLEAN_QUEUE]broker busy, the send waited ${Math.round(waitedUs / US_PER_MS)} ms for room`,
        );
      } else if (!this.#encode(reply, frame, 0, frame.length, sinceUs)) {
        break;
      }
      waiting.removeFirst();
    }
    return count;
  }

  /** Adds what was counted since the last time to the page. */
  showCounts(): void {
    if (this.#frames === 0 && this.#sends === 0) return;
    const { page } = this.#ports;
    page.add('frames', this.#frames);
    page.add('sends', this.#sends);
    page.add('sendBytes', this.#sendBytes);
    this.#frames = 0;
    this.#sends = 0;
    this.#sendBytes = 0;
  }

  get waiting(): number {
    return this.#waitingForRoom.count;
  }

  #doPull(client: ClientConnection): void {
    this.#ports.pulls.pull(this.#pull, client, this.#nowUs / US_PER_MS);
  }

  #doSend(
    client: ClientConnection,
    bytes: Uint8Array,
    start: number,
    end: number,
    unknownTopic: Refusal | null = null,
  ): void {
    // Those that came before wait for room: this one may not overtake them.
    if (this.#waitingForRoom.count === 0 && this.#encode(client, bytes, start, end, this.#nowUs, unknownTopic)) return;
    if (!this.#waitingForRoom.add(client, bytes, start, end, this.#nowUs)) {
      this.#busy(client, '[OVERLOAD]broker busy, too many sends wait for room');
    }
  }

  /** False when there is no room; otherwise the send is on its way, refused, or waits for its topic. */
  #encode(
    client: ClientConnection,
    bytes: Uint8Array,
    start: number,
    end: number,
    sinceUs: number,
    unknownTopic: Refusal | null = null,
  ): boolean {
    switch (this.#ports.sends.send(this.#send, client, sinceUs)) {
      case SendOutcome.noRoom:
        return false;
      case SendOutcome.queued:
        this.#sends++;
        this.#sendBytes += end - start;
        return true;
      case SendOutcome.unknownTopic:
        if (unknownTopic === null) this.#askForTopic(client, bytes, start, end);
        else this.#refuseSend(client, unknownTopic);
        return true;
      case SendOutcome.refused:
        return true;
    }
  }

  #askForTopic(client: ClientConnection, bytes: Uint8Array, start: number, end: number): void {
    const { names, topicStart, topicEnd, defaultTopicStart, defaultTopicEnd, defaultTopicQueueNums } = this.#send;
    const name = textOf(names, topicStart, topicEnd);
    const refusal = refusedTopic(name);
    if (refusal !== null) {
      this.#refuseSend(client, refusal);
      return;
    }
    let ticket = this.#ticketOf.get(name);
    if (ticket === undefined) {
      if (!this.#controlShare.mayQuestion) {
        this.#busy(client, '[OVERLOAD]broker busy, too many topics are being made');
        return;
      }
      ticket = ++this.#ticket;
      this.#ticketOf.set(name, ticket);
      this.#missing.set(ticket, { name, waiting: new WaitingRequests(this.#topicBudget) });
      const defaultTopic = textOf(names, defaultTopicStart, defaultTopicEnd);
      this.#controlShare.question(client, {
        kind: 'ensureTopic',
        ticket,
        topic: name,
        defaultTopic,
        defaultTopicQueueNums,
      });
    }
    if (!this.#missing.get(ticket)!.waiting.add(client, bytes, start, end, this.#nowUs)) {
      this.#busy(client, `[OVERLOAD]broker busy, too many sends wait for topic ${name}`);
    }
  }

  /** What the scanners leave: unusual sends and pulls, and all that is control's. */
  #general(client: ClientConnection, bytes: Uint8Array, start: number, end: number): void {
    const command = decodeFrame(bytes, start, end);
    if (isResponse(command.flag)) return;
    switch (command.code) {
      case RequestCode.SEND_MESSAGE:
      case RequestCode.SEND_MESSAGE_V2:
      case RequestCode.SEND_BATCH_MESSAGE:
        if (this.#understood(client, command, () => sendHeaderOf(command, this.#send))) {
          this.#doSend(client, bytes, start, end);
        }
        break;
      case RequestCode.PULL_MESSAGE:
      case RequestCode.LITE_PULL_MESSAGE:
        if (this.#understood(client, command, () => pullHeaderOf(command, this.#pull))) this.#doPull(client);
        break;
      default:
        this.#ports.commits.flush();
        this.#controlShare.request(client, Uint8Array.prototype.slice.call(bytes, start, end));
    }
  }

  /** A header with missing fields or garbage for numbers is answered 1, and the connection goes on (spec/api.md 25). */
  #understood(client: ClientConnection, command: RemotingCommand, read: () => void): boolean {
    try {
      read();
      return true;
    } catch (cause) {
      if (!(cause instanceof HeaderError)) throw cause;
      refuse(command, { code: ResponseCode.SYSTEM_ERROR, remark: cause.message }, client, this.#ports.sends.extFields);
      return false;
    }
  }

  /** Reads a frame that has been understood before. */
  #readSend(frame: Uint8Array): void {
    if (scanSendHeader(frame, 0, frame.length, this.#send)) return;
    sendHeaderOf(decodeFrame(frame, 0, frame.length), this.#send);
  }

  #refuseSend(client: ClientConnection, refusal: Refusal): void {
    this.#ports.sends.refuse(this.#send, refusal, client);
  }

  #busy(client: ClientConnection, remark: string): void {
    this.#ports.page.add('busyAnswers', 1);
    this.#refuseSend(client, { code: ResponseCode.SYSTEM_BUSY, remark });
  }
}

const UNKNOWN_AFTER_ALL: Refusal = { code: ResponseCode.TOPIC_NOT_EXIST, remark: 'the topic is not there' };

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}
