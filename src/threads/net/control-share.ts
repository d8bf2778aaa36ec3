/**
 * How much each connection may ask of control at a time. Control is slower than a socket, and its answers can be long, so one client must
 * not make it late for all others: a connection that is too far ahead is not read, and what it has already said waits here until control
 * has caught up with it and the client has taken its answers. Part of the net thread.
 */
import type { ToControl } from '../../broker/control-protocol.ts';
import { type ClientConnection, Hold } from './client-connection.ts';

/** A usual client asks for a few things a second. */
const AHEAD_MAX = 64;

/** What is used of a connection. */
type Asker = Pick<
  ClientConnection,
  'connectionId' | 'isOpen' | 'atControl' | 'notAtControl' | 'hold' | 'letGo' | 'isHeld'
>;
/** What control says that it has carried out. */
type Counted = Extract<ToControl, { kind: 'request' | 'ensureTopic' }>;

export class ControlShare {
  readonly #send: (message: Counted) => void;
  /** Who has asked, in the order in which control carries the requests out. */
  #askers: Asker[] = [];
  /** The first that is not carried out; the array is cut when half of it has gone. */
  #head = 0;

  constructor(send: (message: Counted) => void) {
    this.#send = send;
  }

  /** `frame` is control's to keep. */
  request(client: Asker, frame: Uint8Array): void {
    client.notAtControl.push(frame);
    this.feed(client);
  }

  /** A message that may not wait. */
  now(client: Asker, message: Counted): void {
    this.#send(message);
    this.#askers.push(client);
    client.atControl++;
  }

  /** Control has carried out the next `count`. */
  carriedOut(count: number): void {
    for (let i = 0; i < count; i++) {
      const client = this.#askers[this.#head++]!;
      client.atControl--;
      this.feed(client);
    }
    if (this.#head * 2 < this.#askers.length) return;
    this.#askers = this.#askers.slice(this.#head);
    this.#head = 0;
  }

  /** Hands over what may go now, and has the connection read again when that is everything. */
  feed(client: Asker): void {
    const waiting = client.notAtControl;
    if (!client.isOpen) waiting.length = 0;
    while (waiting.length > 0 && client.atControl < AHEAD_MAX && !client.isHeld(Hold.backlog)) {
      this.now(client, { kind: 'request', connectionId: client.connectionId, frame: waiting.shift()! });
    }
    if (waiting.length > 0) client.hold(Hold.control);
    else client.letGo(Hold.control);
  }
}
