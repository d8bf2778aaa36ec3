/**
 * How much each connection may ask of control at a time. Control is slower than a socket, and its answers can be long, so one client must
 * not make it late for all others: a connection that is too far ahead is not read, and what it has already said waits here until control
 * has caught up with it and the client has taken its answers. Part of the net thread.
 */
import type { ToControl } from '../../broker/control-protocol.ts';
import { decodeFrame, isOneWay } from '../../remoting/frame-codec.ts';
import { type ClientConnection, Hold } from './client-connection.ts';

/** A usual client asks for a few things a second. */
const AHEAD_MAX = 64;
/** A lock request for thousands of queues is some hundred KiB. One request may always go, up to the 16 MiB of a frame. */
const AHEAD_MAX_BYTES = 8 * 1024 * 1024;

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
}

export class ControlShare {
  readonly #send: (message: Counted) => void;
  /** What was asked, in the order in which control carries it out. */
  #asked: Asked[] = [];
  /** The first that is not carried out; the array is cut when half of it has gone. */
  #head = 0;
  /** Frames of all connections that may not go yet. */
  #waiting = 0;

  constructor(send: (message: Counted) => void) {
    this.#send = send;
  }

  /** Requests that control has not carried out, those that are not there yet included. */
  get count(): number {
    return this.#asked.length - this.#head + this.#waiting;
  }

  /** `frame` is control's to keep. */
  request(client: Asker, frame: Uint8Array): void {
    client.notAtControl.push(frame);
    this.#waiting++;
    this.feed(client);
  }

  /** A question of this thread, which others may wait for already; who has caused too many is not read. */
  now(client: Asker, message: Exclude<Counted, { kind: 'request' }>): void {
    this.#ask(client, message, 0);
    this.feed(client);
  }

  /** Control has carried out the next `count`. */
  carriedOut(count: number): void {
    for (let i = 0; i < count; i++) {
      const { client, bytes } = this.#asked[this.#head++]!;
      client.atControl--;
      client.bytesAtControl -= bytes;
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
    while (waiting.length > 0 && mayAsk(client, waiting[0]!.length) && !client.isHeld(Hold.backlog)) {
      this.#waiting--;
      this.#askFor(client, waiting.shift()!);
    }
    if (waiting.length > 0 || client.atControl > AHEAD_MAX) client.hold(Hold.control);
    else client.letGo(Hold.control);
  }

  /**
   * The client has gone, and nobody waits for its answers. What wants none is carried out: a consumer that stops commits the offsets of all
   * its queues so, and closes. That is at most what was read of it at a time.
   */
  forget(client: Asker): void {
    const waiting = client.notAtControl.splice(0);
    this.#waiting -= waiting.length;
    for (const frame of waiting) {
      if (isOneWay(decodeFrame(frame, 0, frame.length).flag)) this.#askFor(client, frame);
    }
  }

  #askFor(client: Asker, frame: Uint8Array): void {
    this.#ask(client, { kind: 'request', connectionId: client.connectionId, frame }, frame.length);
  }

  #ask(client: Asker, message: Counted, bytes: number): void {
    this.#send(message);
    this.#asked.push({ client, bytes });
    client.atControl++;
    client.bytesAtControl += bytes;
  }
}

function mayAsk({ atControl, bytesAtControl }: Asker, bytes: number): boolean {
  if (atControl >= AHEAD_MAX) return false;
  return bytesAtControl === 0 || bytesAtControl + bytes <= AHEAD_MAX_BYTES;
}
