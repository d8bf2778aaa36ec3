/**
 * How much each connection has asked of control: requests that were handed over and are not carried out yet. Control is slower than a
 * socket, and one client must not make it late for all others, so a connection that is too far ahead is not read until control has caught
 * up with it. Part of the net thread.
 */
import { type ClientConnection, Hold } from './client-connection.ts';

/** A usual client asks for a few things a second; what one chunk of bytes holds comes on top. */
const AHEAD_MAX = 256;

export class ControlShare {
  /** Who has asked, in the order in which control carries the requests out. */
  #askers: Asker[] = [];
  /** The first that is not carried out; the array is cut when half of it has gone. */
  #head = 0;

  handedOver(client: Asker): void {
    this.#askers.push(client);
    if (++client.atControl >= AHEAD_MAX) client.hold(Hold.control);
  }

  /** Control has carried out the next `count`. */
  carriedOut(count: number): void {
    for (let i = 0; i < count; i++) {
      const client = this.#askers[this.#head++]!;
      if (--client.atControl * 2 <= AHEAD_MAX) client.letGo(Hold.control);
    }
    if (this.#head * 2 < this.#askers.length) return;
    this.#askers = this.#askers.slice(this.#head);
    this.#head = 0;
  }
}

type Asker = Pick<ClientConnection, 'atControl' | 'hold' | 'letGo'>;
