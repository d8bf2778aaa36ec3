/**
 * How much each connection may ask of control at a time. Control is slower than a socket, and its answers can be long, so one client must
 * not make it late for all others: a connection that is too far ahead is not read, and what it has already said waits here until control
 * has caught up with it and the client has taken its answers. What waits here of a client that goes is dropped, but for the offsets that it
 * has committed, up to a bound for all that have gone. Part of the net thread.
 */
import type { ToControl } from '../../broker/control-protocol.ts';
import { RequestCode } from '../../remoting/codes.ts';
import { decodeFrame } from '../../remoting/frame-codec.ts';
import { type ClientConnection, Hold } from './client-connection.ts';
import type { Commit } from './commit-batch.ts';

/** A usual client asks for a few things a second. */
const AHEAD_MAX = 64;
/** A lock request for thousands of queues is some hundred KiB. One request may always go, up to the 16 MiB of a frame. */
const AHEAD_MAX_BYTES = 8 * 1024 * 1024;
/** What all connections that have gone have left with control: some 18 000 offsets, which take it 0.2 s. */
const LEFT_MAX_BYTES = 4 * 1024 * 1024;

/** What is used of a connection. */
type Asker = Pick<
  ClientConnection,
  'connectionId' | 'isOpen' | 'atControl' | 'bytesAtControl' | 'notAtControl' | 'hold' | 'letGo' | 'isHeld'
>;
/** What control says that it has carried out. */
type Counted = Extract<ToControl, { kind: 'request' | 'ensureTopic' | 'ensureGroup' }>;

interface Asked {
  readonly client: Asker;
  /** Of its frame; 0 for what this thread asks on its behalf. */
  readonly bytes: number;
  /** The client had gone when this was asked. */
  readonly isLeft: boolean;
}

export class ControlShare {
  readonly #send: (message: Counted | Commit) => void;
  /** What was asked, in the order in which control carries it out. */
  #asked: Asked[] = [];
  /** The first that is not carried out; the array is cut when half of it has gone. */
  #head = 0;
  /** What may not go yet, of all connections. */
  #waiting = 0;
  #leftBytes = 0;

  constructor(send: (message: Counted | Commit) => void) {
    this.#send = send;
  }

  /** Requests that control has not carried out, those that are not there yet included. */
  get count(): number {
    return this.#asked.length - this.#head + this.#waiting;
  }

  /** `frame` is control's to keep. */
  request(client: Asker, frame: Uint8Array): void {
    this.#wait(client, frame);
    this.feed(client);
  }

  /** Keeps an offset behind the frames of `client` that wait, one of which may commit an earlier offset of the same queue. */
  commitLater(client: Asker, commit: Commit): void {
    this.#wait(client, commit);
  }

  /** A question of this thread, which others may wait for already; who has caused too many is not read. */
  now(client: Asker, message: Exclude<Counted, { kind: 'request' }>): void {
    this.#ask(client, message, 0);
    this.feed(client);
  }

  /** Control has carried out the next `count`. */
  carriedOut(count: number): void {
    for (let i = 0; i < count; i++) {
      const { client, bytes, isLeft } = this.#asked[this.#head++]!;
      client.atControl--;
      client.bytesAtControl -= bytes;
      if (isLeft) this.#leftBytes -= bytes;
      this.feed(client);
    }
    if (this.#head * 2 < this.#asked.length) return;
    this.#asked = this.#asked.slice(this.#head);
    this.#head = 0;
  }

  /** Hands over what may go now, and has the connection read again when that is everything. */
  feed(client: Asker): void {
    const waiting = client.notAtControl;
    if (!client.isOpen) this.forget(client);
    while (waiting.length > 0 && mayGo(client, waiting[0]!)) {
      this.#waiting--;
      this.#go(client, waiting.shift()!);
    }
    if (waiting.length > 0 || client.atControl > AHEAD_MAX) client.hold(Hold.control);
    else client.letGo(Hold.control);
  }

  /**
   * The client has gone. The offsets that it has committed are carried out, because a consumer that stops commits those of all its queues and
   * closes; nobody waits for anything else. Not of one that did not take its answers: what it has said may have waited for minutes, and its
   * queues be another's since. Returns how many offsets were too many.
   */
  forget(client: Asker): number {
    const waiting = client.notAtControl.splice(0);
    this.#waiting -= waiting.length;
    if (client.isHeld(Hold.backlog)) return 0;
    let dropped = 0;
    for (const next of waiting) {
      if (!(next instanceof Uint8Array)) this.#send(next);
      else if (!commitsOffset(next)) continue;
      else if (this.#leftBytes + next.length > LEFT_MAX_BYTES) dropped++;
      else this.#request(client, next);
    }
    return dropped;
  }

  #wait(client: Asker, what: Uint8Array | Commit): void {
    client.notAtControl.push(what);
    this.#waiting++;
  }

  #go(client: Asker, what: Uint8Array | Commit): void {
    if (what instanceof Uint8Array) this.#request(client, what);
    else this.#send(what);
  }

  #request(client: Asker, frame: Uint8Array): void {
    this.#ask(client, { kind: 'request', connectionId: client.connectionId, frame }, frame.length);
  }

  #ask(client: Asker, message: Counted, bytes: number): void {
    const isLeft = !client.isOpen;
    this.#send(message);
    this.#asked.push({ client, bytes, isLeft });
    client.atControl++;
    client.bytesAtControl += bytes;
    if (isLeft) this.#leftBytes += bytes;
  }
}

/** An offset costs control next to nothing: it only waits for what is before it. */
function mayGo(client: Asker, what: Uint8Array | Commit): boolean {
  if (!(what instanceof Uint8Array)) return true;
  const { atControl, bytesAtControl } = client;
  if (atControl >= AHEAD_MAX || client.isHeld(Hold.backlog)) return false;
  return bytesAtControl === 0 || bytesAtControl + what.length <= AHEAD_MAX_BYTES;
}

function commitsOffset(frame: Uint8Array): boolean {
  return decodeFrame(frame, 0, frame.length).code === RequestCode.UPDATE_CONSUMER_OFFSET;
}
