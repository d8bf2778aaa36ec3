/**
 * The net thread's end of its port to control: what it says in one turn goes as one array, in order; what control says is taken in the
 * order in which it was said.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { FromControl, ToControl } from '../../broker/control-protocol.ts';

export class ControlLink {
  readonly #port: MessagePort;
  #outgoing: ToControl[] = [];

  constructor(port: MessagePort) {
    this.#port = port;
  }

  send(message: ToControl): void {
    this.#outgoing.push(message);
  }

  get hasOutgoing(): boolean {
    return this.#outgoing.length > 0;
  }

  /** Posts what was said since the last time. */
  flush(): void {
    if (this.#outgoing.length === 0) return;
    this.#port.postMessage(this.#outgoing);
    this.#outgoing = [];
  }

  /** Takes what is there already, before anything else happens on this thread. */
  takeNow(receive: (message: FromControl) => void): void {
    for (let entry = receiveMessageOnPort(this.#port); entry; entry = receiveMessageOnPort(this.#port)) {
      for (const message of entry.message as FromControl[]) receive(message);
    }
  }

  /** From now on calls `receive` for each message and `wake` after each delivery. */
  listen(receive: (message: FromControl) => void, wake: () => void): void {
    this.#port.on('message', (messages: FromControl[]) => {
      for (const message of messages) receive(message);
      wake();
    });
  }

  close(): void {
    this.flush();
    this.#port.close();
  }
}
