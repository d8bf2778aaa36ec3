/** Whole brokers for tests: started on a temporary store with small files, and a client that sends and pulls over a real socket. */

import { assignmentsOfObject } from '../../src/config/assignment.ts';
import type { BrokerOptions } from '../../src/config/broker-schema.ts';
import { resolveBroker } from '../../src/config/resolve.ts';
import { readRecord } from '../../src/layout/message-record.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame, requestOf } from '../../src/remoting/frame-codec.ts';
import { type BrokerNode, startBrokerNode } from '../../src/threads/broker-node.ts';
import { RemotingClient } from '../../src/transport/remoting-client.ts';
import { type SendFields, sendFrame } from './test-net.ts';

const TIMEOUT_MS = 10_000;
const SMALL: Partial<BrokerOptions> = {
  listenPort: 0,
  mappedFileSizeCommitLog: 1024 * 1024,
  mappedFileSizeConsumeQueue: 20_000,
  brokerIP1: '127.0.0.1',
};

export interface LogLine {
  readonly level: string;
  readonly thread: string;
  readonly message: string;
}

/** `lines` gets what the broker logs. */
export function startNode(
  storePathRootDir: string,
  options: Partial<BrokerOptions> = {},
  lines: LogLine[] = [],
): Promise<BrokerNode> {
  const given = assignmentsOfObject({ ...SMALL, storePathRootDir, ...options }, 'test');
  return startBrokerNode(resolveBroker(given).settings, {
    log: (level, thread, message) => lines.push({ level, thread, message }),
  });
}

export class NodeClient {
  readonly #client = new RemotingClient();
  readonly #address: string;

  constructor({ host, port }: { readonly host: string; readonly port: number }) {
    this.#address = `${host}:${port}`;
  }

  invoke(command: RemotingCommand): Promise<RemotingCommand> {
    return this.#client.invoke(this.#address, command, TIMEOUT_MS);
  }

  send(fields: SendFields): Promise<RemotingCommand> {
    const frame = sendFrame(fields);
    return this.invoke(decodeFrame(frame, 0, frame.length));
  }

  async maxOffset(topic: string, queueId: number): Promise<number> {
    const fields = new Map([
      ['topic', topic],
      ['queueId', String(queueId)],
    ]);
    const answer = await this.invoke(requestOf(RequestCode.GET_MAX_OFFSET, 0, fields));
    return Number(answer.extFields?.get('offset'));
  }

  /** Where a group goes on in a queue, by request 14. */
  async committed(consumerGroup: string, topic: string, queueId: number): Promise<number> {
    const fields = new Map(Object.entries({ consumerGroup, topic, queueId: String(queueId) }));
    const answer = await this.invoke(requestOf(RequestCode.QUERY_CONSUMER_OFFSET, 0, fields));
    return Number(answer.extFields?.get('offset'));
  }

  /** Bodies of a queue from its first message on, in the order of the queue; each is checked to have the offset of its place. */
  async pullAll(topic: string, queueId: number): Promise<string[]> {
    const bodies: string[] = [];
    for (;;) {
      const answer = await this.pull(topic, queueId, bodies.length);
      if (answer.code !== 0) return bodies;
      const bytes = Uint8Array.from(answer.body!);
      const view = new DataView(bytes.buffer);
      for (let at = 0; at < bytes.length; at += view.getInt32(at)) {
        const record = readRecord(view, bytes, at)!;
        if (Number(record.queueOffset) !== bodies.length) {
          throw new Error(`${record.queueOffset} instead of ${bodies.length} in ${topic}/${queueId}`);
        }
        bodies.push(Buffer.from(record.body).toString());
      }
    }
  }

  /** A pull from `queueOffset` on, which commits `commitOffset` on its way if that is given. */
  pull(
    topic: string,
    queueId: number,
    queueOffset: number,
    commitOffset = -1,
    consumerGroup = 'G',
  ): Promise<RemotingCommand> {
    const fields = {
      consumerGroup,
      topic,
      queueId: String(queueId),
      queueOffset: String(queueOffset),
      maxMsgNums: '32',
      sysFlag: commitOffset < 0 ? '4' : '5',
      commitOffset: String(Math.max(commitOffset, 0)),
      suspendTimeoutMillis: '0',
      subscription: '*',
      subVersion: '0',
      expressionType: 'TAG',
    };
    return this.invoke(requestOf(RequestCode.PULL_MESSAGE, 0, new Map(Object.entries(fields))));
  }

  close(): void {
    this.#client.close();
  }
}

/** Resolves when the condition holds; looks again with every pass of the event loop, and gives up after a while. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
