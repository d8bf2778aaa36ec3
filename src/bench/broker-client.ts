/** What the benchmark asks a broker or NameServer besides its load: topics, offsets, settings, figures. Called by the engine's thread. */
import { RequestCode, ResponseCode, responseCodeName } from '../remoting/codes.ts';
import type { ExtFields, RemotingCommand } from '../remoting/command.ts';
import { requestOf } from '../remoting/frame-codec.ts';
import { asObject, objectMember, requiredBody, stringMap } from '../remoting/json-fields.ts';
import { Perm } from '../remoting/topic-config.ts';
import { RemotingClient } from '../transport/remoting-client.ts';
import { type Destinations, destinationCount, queueIdOf, topicIndexOf, topicName } from './destinations.ts';

const TIMEOUT_MS = 10_000;
/** Requests that are outstanding at once. */
const AT_ONCE = 64;

export class BrokerClient {
  readonly address: string;
  readonly #client = new RemotingClient();

  constructor(address: string) {
    this.address = address;
  }

  /** Makes the topics as an administrator does, so that they have as many queues as asked for. */
  async createTopics(destinations: Destinations): Promise<void> {
    await inGroups(destinations.topics, async (index) => {
      const queues = String(destinations.queues);
      const fields = new Map([
        ['topic', topicName(destinations, index)],
        ['defaultTopic', 'TBW102'],
        ['readQueueNums', queues],
        ['writeQueueNums', queues],
        ['perm', String(Perm.readWrite)],
        ['topicFilterType', 'SINGLE_TAG'],
        ['topicSysFlag', '0'],
        ['order', 'false'],
      ]);
      await this.#successOf(RequestCode.UPDATE_AND_CREATE_TOPIC, fields);
    });
  }

  /** One past the last message of each destination. */
  async maxOffsets(destinations: Destinations): Promise<number[]> {
    const offsets: number[] = new Array(destinationCount(destinations)).fill(0);
    await inGroups(offsets.length, async (destination) => {
      const fields = new Map([
        ['topic', topicName(destinations, topicIndexOf(destinations, destination))],
        ['queueId', String(queueIdOf(destinations, destination))],
      ]);
      const answer = await this.#successOf(RequestCode.GET_MAX_OFFSET, fields);
      offsets[destination] = Number(answer.extFields?.get('offset') ?? 0);
    });
    return offsets;
  }

  /** The table of GET_BROKER_RUNTIME_INFO; null when the broker does not answer it. */
  async runtimeInfo(): Promise<Readonly<Record<string, string>> | null> {
    const answer = await this.#invoke(RequestCode.GET_BROKER_RUNTIME_INFO, null);
    if (answer.code !== ResponseCode.SUCCESS || answer.body === null) return null;
    return stringMap(requiredBody(answer.body), 'table');
  }

  /** The broker's settings as properties; null when it does not tell them. */
  async settings(): Promise<ReadonlyMap<string, string> | null> {
    const answer = await this.#invoke(RequestCode.GET_BROKER_CONFIG, null);
    if (answer.code !== ResponseCode.SUCCESS || answer.body === null) return null;
    const entries = textOf(answer.body)
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    return new Map(entries);
  }

  close(): void {
    this.#client.close();
  }

  async #successOf(code: number, fields: ExtFields | null): Promise<RemotingCommand> {
    const answer = await this.#invoke(code, fields);
    if (answer.code === ResponseCode.SUCCESS) return answer;
    throw new Error(`${this.address} refused request ${code}: ${responseCodeName(answer.code)} (${answer.remark})`);
  }

  #invoke(code: number, fields: ExtFields | null): Promise<RemotingCommand> {
    return this.#client.invoke(this.address, requestOf(code, 0, fields), TIMEOUT_MS);
  }
}

/** The address of the first master that one of the NameServers (separated by semicolons) knows. */
export async function brokerAt(nameServers: string): Promise<string> {
  const client = new RemotingClient();
  try {
    for (const nameServer of nameServers.split(';')) {
      const answer = await client.invoke(nameServer, requestOf(RequestCode.GET_BROKER_CLUSTER_INFO, 0), TIMEOUT_MS);
      if (answer.code !== ResponseCode.SUCCESS || answer.body === null) continue;
      const brokers = objectMember(requiredBody(answer.body), 'brokerAddrTable');
      for (const broker of Object.values(brokers)) {
        // Keyed by broker id, and 0 is the master.
        const master = objectMember(asObject(broker, 'a broker'), 'brokerAddrs')['0'];
        if (typeof master === 'string') return master;
      }
    }
  } finally {
    client.close();
  }
  throw new Error(`no broker is registered at ${nameServers}`);
}

async function inGroups(count: number, one: (index: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - from);
    await Promise.all(Array.from({ length }, (_unused, at) => one(from + at)));
  }
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString();
}
