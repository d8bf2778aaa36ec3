/** A broker in the test's own thread with its messages in arrays, as far as the benchmark needs one, and with faults on demand. */
import { after } from '../../src/base/clock.ts';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { encodeFrame, responseTo } from '../../src/remoting/frame-codec.ts';
import type { Connection } from '../../src/transport/connection.ts';
import type { Listener } from '../../src/transport/listener.ts';
import { serveRemoting } from '../../src/transport/remoting-server.ts';
import { encodeTestRecord } from '../support/records.ts';

export interface FakeBrokerOptions {
  /** Topics that are there before anybody makes them, with their number of queues. */
  readonly topics?: Readonly<Record<string, number>>;
  /** What becomes of the `index`th message: the bodies to store in its place. */
  readonly store?: (body: Uint8Array, index: number) => Uint8Array[];
  /** The code of its answer; null: it gets none. */
  readonly answer?: (index: number) => number | null;
  /** Does something to its record. */
  readonly record?: (record: Buffer, index: number) => void;
  /** The load is over when somebody asks for the first max offset: the broker may then do this to the records of each queue. */
  readonly afterLoad?: (queue: Uint8Array[]) => void;
  /** The table of GET_BROKER_RUNTIME_INFO. */
  readonly runtimeInfo?: () => Record<string, string>;
}

interface Waiting {
  readonly connection: Connection;
  readonly request: RemotingCommand;
}

const PULL_MAX = 32;
const AFTER_LOAD_MS = 200;
const encoder = new TextEncoder();

export class FakeBroker {
  messages = 0;
  readonly #options: FakeBrokerOptions;
  /** By topic and queue id. */
  readonly #queues = new Map<string, Uint8Array[]>();
  #parked: Waiting[] = [];
  /** Answers that wait for {@link release}; null when nothing is held. */
  #held: (() => void)[] | null = null;
  #isOver = false;
  #listener: Listener | null = null;

  static async start(options: FakeBrokerOptions = {}): Promise<FakeBroker> {
    const broker = new FakeBroker(options);
    broker.#listener = await serveRemoting({
      host: '127.0.0.1',
      port: 0,
      handler: { handle: (request, connection) => broker.#handle(request, connection) },
    });
    return broker;
  }

  private constructor(options: FakeBrokerOptions) {
    this.#options = options;
    for (const [topic, queues] of Object.entries(options.topics ?? {})) this.#addTopic(topic, queues);
  }

  get address(): string {
    return `127.0.0.1:${this.#listener?.port}`;
  }

  /** Sends are stored but not answered until {@link release}. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const answer of held) answer();
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  #handle(request: RemotingCommand, connection: Connection): RemotingCommand | null {
    const field = (name: string): string => request.extFields?.get(name) ?? '';
    switch (request.code) {
      case RequestCode.SEND_MESSAGE_V2: {
        const answer = this.#send(request);
        if (answer === null) return null;
        if (this.#held === null) return answer;
        this.#held.push(() => connection.write(encodeFrame(answer)));
        return null;
      }
      case RequestCode.PULL_MESSAGE: {
        const found = this.#pull(request);
        if (found === null) this.#parked.push({ connection, request });
        return found;
      }
      case RequestCode.UPDATE_AND_CREATE_TOPIC:
        this.#addTopic(field('topic'), Number(field('writeQueueNums')));
        return responseTo(request, ResponseCode.SUCCESS);
      case RequestCode.GET_MAX_OFFSET: {
        this.#loadIsOver();
        const offset = String(this.#queue(field('topic'), field('queueId')).length);
        return responseTo(request, ResponseCode.SUCCESS, null, new Map([['offset', offset]]));
      }
      case RequestCode.GET_BROKER_RUNTIME_INFO: {
        const table = this.#options.runtimeInfo?.() ?? {};
        return responseTo(request, ResponseCode.SUCCESS, null, null, encoder.encode(JSON.stringify({ table })));
      }
      default:
        return responseTo(request, ResponseCode.REQUEST_CODE_NOT_SUPPORTED, 'not a request of the benchmark');
    }
  }

  #send(request: RemotingCommand): RemotingCommand | null {
    const field = (name: string): string => request.extFields?.get(name) ?? '';
    const body = Uint8Array.from(request.body ?? []);
    const index = this.messages++;
    const queue = this.#queue(field('b'), field('e'));
    for (const stored of this.#options.store?.(body, index) ?? [body]) {
      const about = {
        topic: field('b'),
        queueId: Number(field('e')),
        properties: field('i'),
        storeTimestamp: Date.now(),
      };
      const record = encodeTestRecord({ ...about, body: stored, queueOffset: queue.length, logOffset: 0 });
      this.#options.record?.(record, index);
      queue.push(record);
    }
    this.#wakeParked();
    const code = this.#options.answer?.(index);
    return code === null ? null : responseTo(request, code ?? ResponseCode.SUCCESS, null, new Map());
  }

  #addTopic(topic: string, queues: number): void {
    for (let id = 0; id < queues; id++) this.#queues.set(`${topic}:${id}`, []);
  }

  #loadIsOver(): void {
    const { afterLoad } = this.#options;
    if (afterLoad === undefined || this.#isOver) return;
    this.#isOver = true;
    for (const queue of this.#queues.values()) afterLoad(queue);
    // Late, so that a reader that does not wait for the end of the queues misses it.
    after(AFTER_LOAD_MS, () => this.#wakeParked());
  }

  #wakeParked(): void {
    const parked = this.#parked;
    this.#parked = [];
    for (const waiting of parked) {
      const found = this.#pull(waiting.request);
      if (found === null) this.#parked.push(waiting);
      else waiting.connection.write(encodeFrame(found));
    }
  }

  /** Null when there is nothing yet. */
  #pull(request: RemotingCommand): RemotingCommand | null {
    const field = (name: string): string => request.extFields?.get(name) ?? '';
    const from = Number(field('queueOffset'));
    const records = this.#queue(field('topic'), field('queueId')).slice(from, from + PULL_MAX);
    if (records.length === 0) return null;
    return responseTo(request, ResponseCode.SUCCESS, 'FOUND', new Map(), Buffer.concat(records));
  }

  #queue(topic: string, queueId: string): Uint8Array[] {
    const queue = this.#queues.get(`${topic}:${Number(queueId)}`);
    if (queue === undefined) throw new Error(`no queue ${queueId} of ${topic}`);
    return queue;
  }
}
