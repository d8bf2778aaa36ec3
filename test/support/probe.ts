/**
 * One RocketMQ request over a connection of its own, written without src/remoting so that a mistake there cannot hide itself.
 * Tells whether a broker is registered, and what code an answer has.
 */
import { connect } from 'node:net';

export interface Answer {
  code: number;
  remark: string | null;
  fields: Record<string, string>;
  body: Buffer;
}

const DEADLINE_MS = 10_000;

export function request(
  address: string,
  code: number,
  fields: Record<string, string>,
  body = Buffer.alloc(0),
): Promise<Answer> {
  const header = Buffer.from(
    JSON.stringify({
      code,
      language: 'JAVA',
      version: 479,
      opaque: 1,
      flag: 0,
      serializeTypeCurrentRPC: 'JSON',
      extFields: fields,
    }),
  );
  const frame = Buffer.alloc(8);
  frame.writeInt32BE(4 + header.length + body.length, 0);
  frame.writeInt32BE(header.length, 4);
  const colon = address.lastIndexOf(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(address.slice(colon + 1)), address.slice(0, colon));
    let received = Buffer.alloc(0);
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(DEADLINE_MS, () => fail(new Error(`${address} did not answer request ${code}`)));
    socket.on('error', fail);
    socket.on('close', () => fail(new Error(`${address} closed the connection after request ${code}`)));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      resolve(decode(received));
      socket.destroy();
    });
    socket.write(Buffer.concat([frame, header, body]));
  });
}

function decode(frame: Buffer): Answer {
  // The high byte of the header's length says how the header is written; a JSON request is answered in JSON (0).
  const headerLength = frame.readInt32BE(4);
  const header = JSON.parse(frame.toString('utf8', 8, 8 + headerLength)) as {
    code: number;
    remark?: string;
    extFields?: Record<string, string>;
  };
  return {
    code: header.code,
    remark: header.remark ?? null,
    fields: header.extFields ?? {},
    body: frame.subarray(8 + headerLength, 4 + frame.readInt32BE(0)),
  };
}

/** The answer 0 of GET_ROUTEINFO_BY_TOPIC, or undefined while the NameServer does not know the topic. */
export async function routeOf(namesrv: string, topic: string): Promise<string | undefined> {
  const answer = await request(namesrv, 105, { topic, acceptStandardJsonOnly: 'true' });
  return answer.code === 0 ? answer.body.toString() : undefined;
}

/** How many messages of a topic's `queues` queues a group has committed at a broker; a queue without a commit counts 0. */
export async function committedCount(
  broker: string,
  consumerGroup: string,
  topic: string,
  queues: number,
): Promise<number> {
  let sum = 0;
  for (let queueId = 0; queueId < queues; queueId++) {
    const answer = await request(broker, 14, { consumerGroup, topic, queueId: String(queueId) });
    sum += Number(answer.fields.offset ?? 0);
  }
  return sum;
}
