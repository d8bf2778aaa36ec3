/**
 * Sends (310) and pulls (11) as the Java client 5.3.3 writes them, in JSON headers, for the closed loop. Written without src/remoting:
 * an outside client that a mistake there cannot flatter. Called by measures.ts.
 */
import type { Socket } from 'node:net';
import { openSocket, type Protocol, RequestCircle } from './closed-loop.ts';

const SUCCESS = 0;
/** Apache's broker answers this when a send has waited 200 ms for its turn: the message is not stored. */
const SYSTEM_BUSY = 2;
const PULL_NOT_FOUND = 19;
const PULL_OFFSET_MOVED = 21;

export interface Topics {
  prefix: string;
  count: number;
  /** Queues of each topic. */
  queues: number;
}

export function topicName(topics: Topics, index: number): string {
  return `${topics.prefix}-${index}`;
}

/** The header of the `at`th send: the topic changes with each, then the queue. */
export function sendFields(topics: Topics, at: number, uniqueKey: string): Record<string, string> {
  return {
    a: 'peers',
    b: topicName(topics, at % topics.count),
    c: 'TBW102',
    d: String(topics.queues),
    e: String(Math.floor(at / topics.count) % topics.queues),
    f: '0',
    g: '1700000000000',
    h: '0',
    i: `UNIQ_KEY\u0001${uniqueKey}\u0002WAIT\u0001true\u0002TAGS\u0001peers\u0002`,
    j: '0',
    k: 'false',
    m: 'false',
    n: 'broker-a',
  };
}

/** Encoded sends that reach every queue of every topic equally often. */
export function sendRequests(topics: Topics, bodyBytes: number, connection: number): Buffer[] {
  const requests: Buffer[] = [];
  // At least 512, so that one topic's circle is not shorter than what is in flight.
  const rounds = Math.ceil(512 / (topics.count * topics.queues));
  const body = Buffer.alloc(bodyBytes, 'x');
  for (let at = 0; at < rounds * topics.count * topics.queues; at++) {
    const key = `${connection.toString(16).padStart(4, '0')}${at.toString(16).padStart(28, '0')}`.toUpperCase();
    requests.push(frame(310, sendFields(topics, at, key), at + 1, body));
  }
  return requests;
}

export class SendProtocol implements Protocol {
  /** Answers that were no acknowledgement. */
  refused = 0;
  readonly #circle: RequestCircle;
  readonly #frames = new FrameSplitter();

  constructor(requests: readonly Buffer[], first: number) {
    this.#circle = new RequestCircle(requests, first);
  }

  send(socket: Socket, count: number): void {
    this.#circle.write(socket, count);
  }

  answers(chunk: Buffer): number {
    let answers = 0;
    this.#frames.push(chunk, (bytes, start, end) => {
      const header = headerText(bytes, start);
      const code = numberAfter(header, '"code":');
      if (code === SYSTEM_BUSY) this.refused++;
      else if (code !== SUCCESS) throw new Error(`a send was answered ${header} (${end - start} bytes)`);
      answers++;
    });
    return answers;
  }
}

/** Reads queues from their start to their end and again, one queue for each request in flight. */
export class PullProtocol implements Protocol {
  messages = 0;
  /** Of the answers' bodies, to check the count of messages by. */
  bodyBytes = 0;
  readonly #topic: string;
  readonly #batch: number;
  readonly #frames = new FrameSplitter();
  readonly #readers: { queueId: number; offset: number }[];
  readonly #ready: number[];

  constructor(topic: string, queueIds: readonly number[], batch: number) {
    this.#topic = topic;
    this.#batch = batch;
    this.#readers = queueIds.map((queueId) => ({ queueId, offset: 0 }));
    this.#ready = this.#readers.map((_reader, index) => index);
  }

  send(socket: Socket, count: number): void {
    const requests: Buffer[] = [];
    for (let at = 0; at < count; at++) {
      const index = this.#ready.pop();
      if (index === undefined) throw new Error('more pulls in flight than queues to read');
      requests.push(this.#request(index));
    }
    socket.write(requests.length === 1 ? (requests[0] as Buffer) : Buffer.concat(requests));
  }

  answers(chunk: Buffer): number {
    let answers = 0;
    this.#frames.push(chunk, (bytes, start, end) => {
      const header = headerText(bytes, start);
      this.bodyBytes += end - start - 8 - bytes.readInt32BE(start + 4);
      const index = numberAfter(header, '"opaque":') - 1;
      const reader = this.#readers[index];
      if (reader === undefined) throw new Error(`an answer to no pull: ${header}`);
      this.#taken(reader, header);
      this.#ready.push(index);
      answers++;
    });
    return answers;
  }

  #taken(reader: { offset: number }, header: string): void {
    const code = numberAfter(header, '"code":');
    if (code === SUCCESS) {
      const next = numberAfter(header, '"nextBeginOffset":"');
      this.messages += next - reader.offset;
      reader.offset = next;
    } else if ((code === PULL_NOT_FOUND || code === PULL_OFFSET_MOVED) && reader.offset > 0) {
      reader.offset = 0;
    } else {
      throw new Error(`a pull was answered ${header}`);
    }
  }

  #request(index: number): Buffer {
    const { queueId, offset } = this.#readers[index] as { queueId: number; offset: number };
    const fields = {
      consumerGroup: 'peers',
      topic: this.#topic,
      queueId: String(queueId),
      queueOffset: String(offset),
      maxMsgNums: String(this.#batch),
      // The subscription comes with the request: no heartbeat is needed.
      sysFlag: '4',
      commitOffset: '0',
      suspendTimeoutMillis: '0',
      subscription: '*',
      subVersion: '1',
      expressionType: 'TAG',
    };
    return frame(11, fields, index + 1);
  }
}

/** The sum of the max offsets of all queues: how many messages the broker holds. */
export async function messagesStored(address: string, topics: Topics): Promise<number> {
  const socket = await openSocket(address);
  const expected = topics.count * topics.queues;
  const frames = new FrameSplitter();
  let sum = 0;
  let answers = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject).on('close', () => reject(new Error('the connection was closed')));
      socket.on('data', (chunk) => {
        frames.push(chunk, (bytes, start) => {
          sum += numberAfter(headerText(bytes, start), '"offset":"');
          if (++answers === expected) resolve();
        });
      });
      for (let at = 0; at < expected; at++) {
        const fields = { topic: topicName(topics, at % topics.count), queueId: String(Math.floor(at / topics.count)) };
        socket.write(frame(30, fields, at + 1));
      }
    });
  } finally {
    socket.destroy();
  }
  return sum;
}

function frame(code: number, fields: Record<string, string>, opaque: number, body = Buffer.alloc(0)): Buffer {
  const header = Buffer.from(
    JSON.stringify({
      code,
      extFields: fields,
      flag: 0,
      language: 'JAVA',
      opaque,
      serializeTypeCurrentRPC: 'JSON',
      version: 479,
    }),
  );
  const lengths = Buffer.alloc(8);
  lengths.writeInt32BE(4 + header.length + body.length, 0);
  lengths.writeInt32BE(header.length, 4);
  return Buffer.concat([lengths, header, body]);
}

function headerText(bytes: Buffer, start: number): string {
  return bytes.toString('latin1', start + 8, start + 8 + bytes.readInt32BE(start + 4));
}

function numberAfter(text: string, name: string): number {
  const at = text.indexOf(name);
  return at < 0 ? Number.NaN : Number.parseInt(text.slice(at + name.length, at + name.length + 20), 10);
}

/** Cuts a byte stream into frames; only a frame that spans chunks is copied. */
class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer, onFrame: (bytes: Buffer, start: number, end: number) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    while (bytes.length - start >= 4) {
      const end = start + 4 + bytes.readInt32BE(start);
      if (end > bytes.length) break;
      onFrame(bytes, start, end);
      start = end;
    }
    this.#rest = bytes.subarray(start);
  }
}
