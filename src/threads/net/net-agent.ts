/**
 * The net thread's agent: owns its sockets, cuts their bytes into frames, hands what it encodes to append and turns results, arrivals and
 * control's messages into answers. Frames are taken in the socket's callback; the rest is done in turns, at the end of which each
 * connection's answers go out in one write.
 */
import type { Clock } from '../../base/clock.ts';
import { counted } from '../../base/counted.ts';
import type { QueueSlot } from '../../base/units.ts';
import type { FromControl } from '../../broker/control-protocol.ts';
import type { NetTables } from '../../broker/net-tables.ts';
import type { PendingSends } from '../../broker/pending-sends.ts';
import type { PullMessages } from '../../broker/pull-message.ts';
import { PULL_BACKLOG_MAX_BYTES } from '../../broker/slow-readers.ts';
import { FrameError } from '../../remoting/command.ts';
import type { FrameSink } from '../../remoting/frame-reader.ts';
import { CLOSED_BY_PEER, type Connection, type ConnectionEvents } from '../../transport/connection.ts';
import type { Agent } from '../agent.ts';
import type { DeletedFiles } from '../deleted-files.ts';
import type { NetEnds } from '../topology.ts';
import { ClientConnection, Hold } from './client-connection.ts';
import type { CommitBatch } from './commit-batch.ts';
import type { ControlLink } from './control-link.ts';
import { waitingBytesOf } from './control-share.ts';
import type { NetRequests } from './net-requests.ts';
import { SlabPool } from './slab-pool.ts';

/** How often deadlines are looked at. */
const TICK_MS = 50;
/** Without a client there is no deadline. */
const IDLE_TICK_MS = 1000;
const US_PER_MS = 1000;
/** A peer that has not taken so much of its answers, whatever they answer, is not read from until it has. */
const CONNECTION_BACKLOG_MAX_BYTES = 2 * PULL_BACKLOG_MAX_BYTES;
/** Unfinished frames of all connections of this thread. */
const PARTIAL_FRAMES_MAX_BYTES = 256 * 1024 * 1024;
/** Frames that wait for their turn at control, of all connections of this thread: two chunks each of a thousand, and some of 16 MiB. */
const WAITING_FRAMES_MAX_BYTES = 128 * 1024 * 1024;

export interface NetAgentParts {
  readonly ends: NetEnds;
  readonly clock: Clock;
  readonly tables: NetTables;
  readonly requests: NetRequests;
  readonly pending: PendingSends;
  readonly pulls: PullMessages;
  readonly commits: CommitBatch;
  readonly control: ControlLink;
  readonly deleted: DeletedFiles;
  readonly log: (line: string) => void;
  /** Asks for a turn soon. */
  readonly wake: () => void;
}

export class NetAgent implements Agent, ConnectionEvents {
  readonly name: string;
  readonly #parts: NetAgentParts;
  readonly #pool = new SlabPool();
  readonly #clients = new Map<number, ClientConnection>();
  /** Those with answers to write at the end of the turn. */
  #answered: ClientConnection[] = [];
  #writing: ClientConnection[] = [];
  readonly #remember = (client: ClientConnection): void => {
    this.#answered.push(client);
  };
  readonly #arrived = (slot: QueueSlot): void => this.#parts.pulls.arrived(slot);
  /** Whose chunk is being cut into frames. */
  #current: ClientConnection | null = null;
  #nowUs = 0;
  /** How far dispatch is behind append, as of the last look: reading a watermark costs as much as scanning a header's field. */
  undispatchedBytes = 0;
  readonly #sink: FrameSink = {
    frame: (bytes, start, end) => {
      const client = this.#current!;
      if (client.isOpen) this.#parts.requests.frame(client, bytes, start, end, this.#nowUs);
    },
  };
  #partialBytes = 0;
  #tickAtUs = 0;
  #parked = 0;
  #isStopping = false;

  constructor(parts: NetAgentParts) {
    this.#parts = parts;
    this.name = `net-${parts.ends.net}`;
  }

  /**
   * Something that a client has asked is not answered, or its answer is not with the kernel yet. Long polls are not owed an answer: their
   * consumers go elsewhere when the connection ends. A broker that has failed owes nothing.
   */
  get isOwing(): boolean {
    const { ends, pending, requests, pulls } = this.#parts;
    if (ends.page.status.failed()) return false;
    if (pending.count + requests.owed + pulls.owed > 0) return true;
    for (const client of this.#clients.values()) if (client.backlogBytes > 0) return true;
    return false;
  }

  /** From now on no request is taken; those that were taken are carried out and answered as ever. */
  stopReading(): void {
    this.#isStopping = true;
    this.#parts.commits.flush();
    for (const client of this.#clients.values()) client.hold(Hold.farewell);
    this.#parts.wake();
  }

  opened(connection: Connection): void {
    const client = new ClientConnection(connection, this.#pool, this.#remember);
    this.#clients.set(connection.id, client);
    if (this.#parts.ends.page.status.failed()) connection.close('the broker has failed');
    if (this.#isStopping) client.hold(Hold.farewell);
    const { remote, local } = client;
    this.#parts.control.send({ kind: 'opened', connectionId: connection.id, remote, local });
    this.#parts.wake();
  }

  chunk(connection: Connection, bytes: Uint8Array): void {
    const client = this.#clients.get(connection.id)!;
    const { ends, clock, wake } = this.#parts;
    this.#nowUs = clock.monotonicUs();
    this.undispatchedBytes = ends.written.read() - ends.dispatched.read();
    this.#current = client;
    const partialBefore = client.reader.bufferedBytes;
    try {
      client.reader.push(bytes, this.#sink);
    } catch (cause) {
      if (!(cause instanceof FrameError)) throw cause;
      this.#badFrame(client, cause.message);
    }
    this.#partialBytes += client.reader.bufferedBytes - partialBefore;
    if (this.#partialBytes > PARTIAL_FRAMES_MAX_BYTES) this.#endLargestPartial();
    if (this.#parts.requests.waitingBytes > WAITING_FRAMES_MAX_BYTES) this.#endLargestWaiting();
    wake();
    if (ends.descriptors.publish()) ends.append.ring();
  }

  drained(connection: Connection): void {
    const client = this.#clients.get(connection.id)!;
    client.letGo(Hold.backlog);
    this.#parts.requests.drained(client);
    this.#parts.pulls.drained(connection.id);
    this.#parts.wake();
  }

  closed(connection: Connection, reason: string): void {
    const client = this.#clients.get(connection.id)!;
    const { control, pulls, log, wake } = this.#parts;
    client.closed();
    this.#clients.delete(connection.id);
    this.#partialBytes -= client.reader.bufferedBytes;
    this.#lastWords(client);
    pulls.closed(connection.id);
    control.send({ kind: 'closed', connectionId: connection.id });
    if (reason !== CLOSED_BY_PEER) log(`connection of ${client.remote} closed: ${reason}`);
    wake();
  }

  /** Control's messages, in its order. */
  receive(message: FromControl): void {
    const { tables, requests } = this.#parts;
    if (tables.take(message)) return;
    switch (message.kind) {
      case 'frame':
        this.#clients.get(message.connectionId)?.frame(message.frame);
        break;
      case 'close':
        this.#clients.get(message.connectionId)?.connection.close(message.reason);
        break;
      case 'ensured':
        requests.ensured(message);
        break;
      case 'carriedOut':
        requests.carriedOut(message.count);
        break;
    }
  }

  hasWork(): boolean {
    const { ends, pending, control } = this.#parts;
    return pending.hasWork() || !ends.arrivals.isEmpty() || control.hasOutgoing || this.#answered.length > 0;
  }

  sleepMaxMs(): number {
    return this.#clients.size === 0 ? IDLE_TICK_MS : TICK_MS;
  }

  doWork(): number {
    const { ends, clock, pending, requests } = this.#parts;
    const nowUs = clock.monotonicUs();
    this.#nowUs = nowUs;
    // Before anything is answered: what does not fit a connection's memory is written at once.
    if (ends.page.status.failed()) this.#hangUp();
    let work = pending.harvest(nowUs);
    if (requests.waiting > 0) work += requests.retry(nowUs);
    work += this.#takeArrivals();
    if (nowUs >= this.#tickAtUs) work += this.#tick(nowUs);
    if (ends.descriptors.publish()) ends.append.ring();
    this.#parts.control.flush();
    // Before the answers go: who has one is counted.
    requests.showCounts();
    this.#write();
    this.#showParked();
    return work;
  }

  /** The answers to the pulls that brought them have gone out: the offsets may not stay behind. */
  close(): void {
    this.#parts.commits.flush();
    this.#parts.control.close();
  }

  /** The offsets that a client has committed go to control before it hears of the end: who takes the queues asks for them. */
  #lastWords(client: ClientConnection): void {
    const { commits, requests, log } = this.#parts;
    commits.flush();
    const dropped = requests.closed(client);
    if (dropped > 0)
      log(`${counted(dropped, 'offset')} of ${client.remote} not committed: it has gone, and so many wait`);
  }

  #takeArrivals(): number {
    const { arrivals } = this.#parts.ends;
    const count = arrivals.drain(this.#arrived);
    if (arrivals.takeOverflow()) this.#parts.pulls.arrivedAll();
    return count;
  }

  #tick(nowUs: number): number {
    const { pending, pulls, commits, deleted } = this.#parts;
    this.#tickAtUs = nowUs + TICK_MS * US_PER_MS;
    commits.flush();
    deleted.look(nowUs);
    return pending.expire(nowUs) + pulls.expire(nowUs / US_PER_MS);
  }

  #write(): void {
    if (this.#parts.ends.page.status.failed()) this.#hangUp();
    if (this.#answered.length === 0) return;
    const clients = this.#answered;
    this.#answered = this.#writing;
    for (const client of clients) {
      client.flush();
      if (!client.isHeld(Hold.backlog) && client.backlogBytes > CONNECTION_BACKLOG_MAX_BYTES) client.hold(Hold.backlog);
    }
    clients.length = 0;
    this.#writing = clients;
  }

  /** Nothing leaves a broker that has failed: what it would say may not be true any more. */
  #hangUp(): void {
    this.#answered.length = 0;
    for (const client of this.#clients.values()) {
      client.isOpen = false;
      client.connection.close('the broker has failed');
    }
  }

  #showParked(): void {
    const { parked } = this.#parts.pulls;
    if (parked === this.#parked) return;
    this.#parts.ends.page.add('parkedPulls', parked - this.#parked);
    this.#parked = parked;
  }

  #endLargestPartial(): void {
    const largest = this.#clientWithMost(({ reader }) => reader.bufferedBytes);
    this.#partialBytes -= largest.reader.bufferedBytes;
    largest.reader.forget();
    this.#badFrame(largest, 'too many unfinished frames');
  }

  #endLargestWaiting(): void {
    const largest = this.#clientWithMost(waitingBytesOf);
    this.#lastWords(largest);
    largest.isOpen = false;
    largest.connection.close('too many of its requests wait');
  }

  /** Whoever has the most memory is ended, and not whoever came last: that may be anybody. */
  #clientWithMost(bytesOf: (client: ClientConnection) => number): ClientConnection {
    let largest: ClientConnection | null = null;
    let mostBytes = -1;
    for (const client of this.#clients.values()) {
      const bytes = bytesOf(client);
      if (bytes <= mostBytes) continue;
      largest = client;
      mostBytes = bytes;
    }
    return largest!;
  }

  #badFrame(client: ClientConnection, reason: string): void {
    this.#parts.ends.page.add('badFrames', 1);
    client.isOpen = false;
    client.connection.close(`bad frame: ${reason}`);
  }
}
