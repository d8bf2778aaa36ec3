/**
 * The control thread's agent: runs the coordinator with what the net threads say, and keeps watch over the others. Lives in its thread's
 * event loop, because ports and NameServers speak to it there.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Clock } from '../../base/clock.ts';
import type { FromControl, ToControl } from '../../broker/control-protocol.ts';
import type { Coordinator } from '../../broker/coordinator.ts';
import type { Agent } from '../agent.ts';
import type { LivenessWatch } from './liveness-watch.ts';
import type { StoreUpkeep } from './store-upkeep.ts';
import type { StoreWatch } from './store-watch.ts';

const TICK_MS = 500;
const US_PER_MS = 1000;

/** What control says to the net threads, gathered into one array per thread and pass of the loop. */
export class NetPosts {
  readonly #ports: readonly MessagePort[];
  readonly #outgoing: FromControl[][];

  constructor(ports: readonly MessagePort[]) {
    this.#ports = ports;
    this.#outgoing = ports.map(() => []);
  }

  send(net: number, message: FromControl): void {
    this.#outgoing[net]!.push(message);
  }

  flush(): void {
    for (let net = 0; net < this.#ports.length; net++) {
      if (this.#outgoing[net]!.length === 0) continue;
      this.#ports[net]!.postMessage(this.#outgoing[net]);
      this.#outgoing[net] = [];
    }
  }

  /** Messages that have come and have not been delivered yet. */
  takeNow(receive: (net: number, messages: readonly ToControl[]) => void): void {
    this.#ports.forEach((port, net) => {
      for (let entry = receiveMessageOnPort(port); entry; entry = receiveMessageOnPort(port)) {
        receive(net, entry.message as ToControl[]);
      }
    });
  }

  close(): void {
    this.flush();
    for (const port of this.#ports) port.close();
  }
}

export interface ControlAgentParts {
  readonly coordinator: Coordinator;
  readonly posts: NetPosts;
  readonly watch: LivenessWatch;
  readonly upkeep: Pick<StoreUpkeep, 'doWork' | 'dueInMs'>;
  readonly store: Pick<StoreWatch, 'look'>;
  readonly clock: Clock;
  /** A thread is stuck: stop the broker. */
  readonly stuck: (thread: string) => void;
  /** Another process writes the same files: stop the broker. */
  readonly taken: (by: string) => void;
}

export class ControlAgent implements Agent {
  readonly name = 'control';
  readonly #parts: ControlAgentParts;

  constructor(parts: ControlAgentParts) {
    this.#parts = parts;
  }

  receive(net: number, messages: readonly ToControl[]): void {
    const { coordinator, posts } = this.#parts;
    coordinator.receive(net, messages);
    let count = 0;
    for (const message of messages) if (isCounted(message)) count++;
    if (count > 0) posts.send(net, { kind: 'carriedOut', count });
    posts.flush();
  }

  hasWork(): boolean {
    return false;
  }

  sleepMaxMs(): number {
    return Math.min(TICK_MS, this.#parts.upkeep.dueInMs());
  }

  doWork(): number {
    const { coordinator, upkeep, posts, watch, store, clock, stuck, taken } = this.#parts;
    const work = coordinator.doWork() + upkeep.doWork();
    const nowMs = clock.monotonicUs() / US_PER_MS;
    const silent = watch.look(nowMs);
    if (silent !== null) stuck(silent.name);
    const other = store.look(nowMs);
    if (other !== null) taken(other);
    posts.flush();
    return work;
  }

  /** The net threads have ended before, but no order holds between their last words and the message that ends this agent. */
  close(): void {
    this.#parts.posts.takeNow((net, messages) => this.receive(net, messages));
    this.#parts.coordinator.close();
    this.#parts.posts.close();
  }
}

/** Of what the net threads let only so much be under way (net/control-share.ts). */
function isCounted({ kind }: ToControl): boolean {
  return kind === 'request' || kind === 'ensureTopic' || kind === 'ensureGroup';
}
