/**
 * How much may be asked of control. It is slower than a socket, and its answers can be long, so one client must not make it late for all
 * others, whether it stays or closes and comes again. Control has a bound number of requests of this thread before it, whoever has sent them
 * and may have gone since; what is more waits here, where connections take turns. A connection that is too far ahead of control is not read,
 * and one that does not take its answers has no turn. What waits of a client that goes is dropped, but for the offsets that it has
 * committed, up to a bound for all that have gone. Part of the net thread.
 *
 * This thread's own questions, for topics and groups that sends and pulls name, do not wait, because they are not of one client alone. They
 * have a bound of their own, and beyond it the send or pull is refused. Offsets that ride on pulls are not counted (docs/decisions/0008).
 */
import { assert } from '../../base/assert.ts';
import { FRAME_SIZE_MAX_BYTES } from '../../base/limits.ts';
import type { ToControl } from '../../broker/control-protocol.ts';
import { RequestCode } from '../../remoting/codes.ts';
import { decodeFrame } from '../../remoting/frame-codec.ts';
import { type ClientConnection, Hold } from './client-connection.ts';
import type { Commit } from './commit-batch.ts';

/** Requests that control has before it: each may be a file to be written, and more would keep it no busier. */
const AT_CONTROL_MAX = 64;
/** The longest, and usual ones beside it. */
const AT_CONTROL_MAX_BYTES = 32 * 1024 * 1024;
/** Topics and groups that control has been asked for: they take it 0.3 s. */
const QUESTIONS_MAX = 1024;
/** Of a connection that is read, those that wait here included. A usual client asks for a few things a second. */
const AHEAD_MAX = 64;
/** A lock request for thousands of queues is some hundred KiB. */
const AHEAD_MAX_BYTES = 8 * 1024 * 1024;
/** What all connections that have gone have left with control: some 18 000 offsets, which take it 0.2 s. */
const LEFT_MAX_BYTES = 4 * 1024 * 1024;

assert(
  AT_CONTROL_MAX_BYTES >= 2 * FRAME_SIZE_MAX_BYTES,
  'a frame that waits for room has it when another has been carried out',
);

/** What is used of a connection. */
type Asker = Pick<
  ClientConnection,
  'connectionId' | 'isOpen' | 'ahead' | 'aheadBytes' | 'notAtControl' | 'hold' | 'letGo' | 'isHeld'
>;
/** What control says that it has carried out. */
type Counted = Extract<ToControl, { kind: 'request' | 'ensureTopic' | 'ensureGroup' }>;

/** What control has not carried out, of one kind. Offsets that ride on pulls have no bytes. */
interface Load {
  count: number;
  bytes: number;
}

interface Asked {
  readonly client: Asker;
  readonly load: Load;
  /** Of its frame; 0 for what this thread asks on its behalf. */
  readonly bytes: number;
}

export class ControlShare {
  readonly #send: (message: Counted | Commit) => void;
  /** What was asked, in the order in which control carries it out. */
  #asked: Asked[] = [];
  /** The first that is not carried out; the array is cut when half of it has gone. */
  #head = 0;
  readonly #requests: Load = { count: 0, bytes: 0 };
  /** For topics and groups. */
  readonly #questions: Load = { count: 0, bytes: 0 };
  /** Of clients that have gone. */
  readonly #left: Load = { count: 0, bytes: 0 };
  /** Connections of which something waits and may go, the next first. */
  readonly #turns = new Set<Asker>();
  /** What may not go yet, of all connections. */
  readonly #waiting: Load = { count: 0, bytes: 0 };

  constructor(send: (message: Counted | Commit) => void) {
    this.#send = send;
  }

  /** Requests that control has not carried out, those that are not there yet included. */
  get count(): number {
    return this.#asked.length - this.#head + this.#waiting.count;
  }

  /** Of frames that wait; the net agent ends the connection with the most when they are too many. */
  get waitingBytes(): number {
    return this.#waiting.bytes;
  }

  /** `frame` is control's to keep. */
  request(client: Asker, frame: Uint8Array): void {
    this.#wait(client, frame);
    this.feed(client);
  }

  /** Keeps an offset behind the frames of `client` that wait, one of which may commit an earlier offset of the same queue. */
  commitLater(client: Asker, commit: Commit): void {
    this.#wait(client, commit);
    holdOrLetGo(client);
  }

  get mayQuestion(): boolean {
    return this.#questions.count < QUESTIONS_MAX;
  }

  /** Asks at once for a topic or a group, which others than `client` may wait for too; who has caused too many questions is not read. */
  question(client: Asker, message: Exclude<Counted, { kind: 'request' }>): void {
    client.ahead++;
    this.#ask(client, message, this.#questions, 0);
    holdOrLetGo(client);
  }

  /** Control has carried out the next `count`. */
  carriedOut(count: number): void {
    for (let i = 0; i < count; i++) {
      const { client, load, bytes } = this.#asked[this.#head++]!;
      drop(load, bytes);
      client.ahead--;
      client.aheadBytes -= bytes;
      if (client.isOpen) holdOrLetGo(client);
    }
    if (this.#head * 2 >= this.#asked.length) {
      this.#asked = this.#asked.slice(this.#head);
      this.#head = 0;
    }
    this.#takeTurns();
  }

  /** Hands over what may go now. */
  feed(client: Asker): void {
    if (client.notAtControl.length > 0) this.#turns.add(client);
    this.#takeTurns();
    holdOrLetGo(client);
  }

  /**
   * The client has gone. The offsets that it has committed are carried out, because a consumer that stops commits those of all its queues and
   * closes; nobody waits for anything else. Not of one that did not take its answers: what it has said may have waited for minutes, and its
   * queues be another's since. Returns how many offsets were too many.
   */
  forget(client: Asker): number {
    const waiting = client.notAtControl.splice(0);
    for (const what of waiting) drop(this.#waiting, bytesOf(what));
    this.#turns.delete(client);
    if (client.isHeld(Hold.backlog)) return 0;
    let dropped = 0;
    for (const next of waiting) {
      if (!(next instanceof Uint8Array)) this.#send(next);
      else if (!commitsOffset(next)) continue;
      else if (this.#left.bytes + next.length > LEFT_MAX_BYTES) dropped++;
      else this.#request(client, next, this.#left);
    }
    return dropped;
  }

  /** One request of each connection at a time, as long as there is room at control. */
  #takeTurns(): void {
    if (this.#requests.count >= AT_CONTROL_MAX) return;
    for (const client of this.#turns) {
      if (client.isOpen && !client.isHeld(Hold.backlog)) {
        // Offsets wait behind frames only.
        const frame = client.notAtControl[0] as Uint8Array;
        // It keeps its place, and shorter ones go before it.
        if (this.#requests.bytes + frame.length > AT_CONTROL_MAX_BYTES) continue;
        this.#goOn(client);
        if (this.#requests.count >= AT_CONTROL_MAX) return;
      } else {
        this.#turns.delete(client);
      }
    }
  }

  /** Its next request, and the offsets behind that, which cost control next to nothing. What is left waits for another turn. */
  #goOn(client: Asker): void {
    const waiting = client.notAtControl;
    this.#turns.delete(client);
    const frame = waiting.shift() as Uint8Array;
    drop(this.#waiting, frame.length);
    this.#request(client, frame, this.#requests);
    for (let next = waiting[0]; next !== undefined && !(next instanceof Uint8Array); next = waiting[0]) {
      waiting.shift();
      drop(this.#waiting, 0);
      client.ahead--;
      this.#send(next);
    }
    if (waiting.length > 0) this.#turns.add(client);
    holdOrLetGo(client);
  }

  #wait(client: Asker, what: Uint8Array | Commit): void {
    client.notAtControl.push(what);
    client.ahead++;
    client.aheadBytes += bytesOf(what);
    add(this.#waiting, bytesOf(what));
  }

  #request(client: Asker, frame: Uint8Array, load: Load): void {
    this.#ask(client, { kind: 'request', connectionId: client.connectionId, frame }, load, frame.length);
  }

  #ask(client: Asker, message: Counted, load: Load, bytes: number): void {
    this.#send(message);
    this.#asked.push({ client, load, bytes });
    add(load, bytes);
  }
}

function add(load: Load, bytes: number): void {
  load.count++;
  load.bytes += bytes;
}

function drop(load: Load, bytes: number): void {
  load.count--;
  load.bytes -= bytes;
}

/** Of the frames of a connection that wait. */
export function waitingBytesOf({ notAtControl }: Pick<Asker, 'notAtControl'>): number {
  return notAtControl.reduce((sum, what) => sum + bytesOf(what), 0);
}

function bytesOf(what: Uint8Array | Commit): number {
  return what instanceof Uint8Array ? what.length : 0;
}

function holdOrLetGo(client: Asker): void {
  if (client.ahead > AHEAD_MAX || client.aheadBytes > AHEAD_MAX_BYTES) client.hold(Hold.control);
  else client.letGo(Hold.control);
}

function commitsOffset(frame: Uint8Array): boolean {
  return decodeFrame(frame, 0, frame.length).code === RequestCode.UPDATE_CONSUMER_OFFSET;
}
