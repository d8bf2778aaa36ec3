/**
 * Asks a broker that has just started for everything that the model must know of: bounds and messages of the queues, keys and
 * times, places of the groups. Over a socket, as any consumer would. Used by life.ts.
 */
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { PullSysFlag } from '../../src/remoting/pull-header.ts';
import { RemotingClient } from '../../src/transport/remoting-client.ts';
import { GROUPS } from './client-protocol.ts';
import { type FoundMessage, keyOf, laneOf, readMessages, sequenceOf, topicName, uniqueKeyOf } from './messages.ts';
import type { FoundOffset, FoundQueue, StoreModel } from './store-model.ts';
import { timeSearches } from './time-searches.ts';

const TIMEOUT_MS = 30_000;
const DAY_MS = 86_400_000;
/** Entries of the key index name their time in steps of a second from the file's first one, down from the message's. */
const INDEX_TIME_MS = 1000;
/** So many questions are on their way at once: more than a broker has threads for them, fewer than it refuses. */
const ASKED_AT_ONCE = 64;
/** A survey is no group of the consumers'. */
const SURVEY_GROUP = 'crash-survey';

export class Survey {
  readonly #client = new RemotingClient();
  readonly #address: string;
  readonly #stamp: number;
  /** Messages that were looked for by keys and place, and searches by time. */
  readonly asked = { messages: 0, times: 0 };

  constructor(address: string, stamp: number) {
    this.#address = address;
    this.#stamp = stamp;
  }

  close(): void {
    this.#client.close();
  }

  /** `fromOf` says from where on a queue is read: 0 for all of it. */
  queues(model: StoreModel, fromOf: (queue: { topic: number; queueId: number }) => number): Promise<FoundQueue[]> {
    return Promise.all(model.queues().map((queue) => this.#queue(queue.topic, queue.queueId, fromOf(queue))));
  }

  offsets(model: StoreModel): Promise<FoundOffset[]> {
    return Promise.all(
      model.groups().map(async ({ group, topic, queueId }) => {
        const fields = { consumerGroup: GROUPS[group]!, topic: topicName(topic), queueId: String(queueId) };
        const answer = await this.#invoke(RequestCode.QUERY_CONSUMER_OFFSET, fields);
        const offset = answer.code === ResponseCode.QUERY_NOT_FOUND ? 0 : offsetOf(answer);
        return { group, topic, queueId, offset };
      }),
    );
  }

  /** {@link lookUp} of about `count` messages of each queue, the first and the last among them. */
  lookUpSome(found: readonly FoundQueue[], count: number): Promise<string[]> {
    return this.#lookUpEach(found.flatMap(({ messages }) => someOf(messages, count)));
  }

  /** {@link lookUp} of the `count` messages that lie last in the log. */
  lookUpNewest(found: readonly FoundQueue[], count: number): Promise<string[]> {
    const all = found.flatMap(({ messages }) => messages);
    return this.#lookUpEach(all.sort((left, right) => right.logOffset - left.logOffset).slice(0, count));
  }

  /** {@link lookUp} of every message, around the time when it was stored: a query for all times looks into all index files. */
  lookUpAll(found: readonly FoundQueue[]): Promise<string[]> {
    return this.#lookUpEach(
      found.flatMap(({ messages }) => messages),
      INDEX_TIME_MS,
    );
  }

  /**
   * What is wrong with the answers to searches by time ({@link timeSearches}): before and after each queue, and at the times of about `count`
   * of its messages.
   */
  searchTimes(found: readonly FoundQueue[], count: number): Promise<string[]> {
    const searches = found.flatMap((queue) => {
      const fields = { topic: topicName(queue.topic), queueId: String(queue.queueId) };
      return timeSearches(queue, someOf(queue.messages, count)).map((search) => ({ fields, ...search }));
    });
    this.asked.times += searches.length;
    return allOf(searches, async ({ fields, timestamp, boundary, offset }) => {
      const query = { ...fields, timestamp: String(timestamp), boundaryType: boundary };
      const answered = offsetOf(await this.#invoke(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, query));
      if (answered === offset) return [];
      return [`${fields.topic}/${fields.queueId}: ${boundary} of ${timestamp} is ${answered} and should be ${offset}`];
    });
  }

  #lookUpEach(messages: readonly FoundMessage[], aroundMs = Number.POSITIVE_INFINITY): Promise<string[]> {
    // A body that names no message has no keys to ask for; the model has reported it.
    const named = messages.filter(({ id }) => !Number.isNaN(id));
    this.asked.messages += named.length;
    return allOf(named, (message) => this.lookUp(message, aroundMs));
  }

  /**
   * What is wrong with the answers to queries for a message: by its unique key, by one of its keys and by its place in the log. Empty: all
   * three have found it. The queries by key are for the time of its storing, give and take `aroundMs`.
   */
  async lookUp(message: FoundMessage, aroundMs: number): Promise<string[]> {
    const { topic, id, logOffset, storeTimestamp } = message;
    const lane = laneOf(id);
    const sequence = sequenceOf(id);
    const times = {
      beginTimestamp: String(Math.max(0, storeTimestamp - aroundMs)),
      endTimestamp: String(storeTimestamp + Math.min(aroundMs, DAY_MS)),
    };
    const query = { topic, maxNum: '32', ...times };
    const unique = { ...query, key: uniqueKeyOf(this.#stamp, lane, sequence), _UNIQUE_KEY_QUERY: 'true' };
    const answers = {
      'its unique key': await this.#invoke(RequestCode.QUERY_MESSAGE, unique),
      'its key': await this.#invoke(RequestCode.QUERY_MESSAGE, { ...query, key: keyOf(lane, sequence) }),
      'its place': await this.#invoke(RequestCode.VIEW_MESSAGE_BY_ID, { offset: String(logOffset) }),
    };
    return Object.entries(answers).flatMap(([by, { code, remark, body }]) => {
      const found = code === ResponseCode.SUCCESS ? readMessages(body!, this.#stamp) : [];
      if (found.some((other) => other.id === id && other.logOffset === logOffset)) return [];
      const what = code === ResponseCode.SUCCESS ? `${found.length} others` : `${code} ${remark}`;
      return [`${topic}/${message.queueId}@${message.queueOffset} by ${by}: ${what}`];
    });
  }

  async #queue(topic: number, queueId: number, from: number): Promise<FoundQueue> {
    const fields = { topic: topicName(topic), queueId: String(queueId) };
    const min = offsetOf(await this.#invoke(RequestCode.GET_MIN_OFFSET, fields));
    const max = offsetOf(await this.#invoke(RequestCode.GET_MAX_OFFSET, fields));
    const messages: FoundMessage[] = [];
    while (from + messages.length < max) {
      const at = from + messages.length;
      const answer = await this.#pull(fields, at);
      if (answer.code !== ResponseCode.SUCCESS) {
        throw new Error(
          `${fields.topic}/${queueId}@${at} of ${max}: a pull was answered ${answer.code} ${answer.remark}`,
        );
      }
      messages.push(...readMessages(answer.body!, this.#stamp));
    }
    return { topic, queueId, min, max, from, messages };
  }

  #pull(queue: Readonly<Record<string, string>>, queueOffset: number): Promise<RemotingCommand> {
    return this.#invoke(RequestCode.PULL_MESSAGE, {
      ...queue,
      consumerGroup: SURVEY_GROUP,
      queueOffset: String(queueOffset),
      maxMsgNums: '4096',
      sysFlag: String(PullSysFlag.subscription),
      commitOffset: '0',
      suspendTimeoutMillis: '0',
      subscription: '*',
      subVersion: '0',
      expressionType: 'TAG',
    });
  }

  #invoke(code: number, fields: Readonly<Record<string, string>>): Promise<RemotingCommand> {
    return this.#client.invoke(this.#address, requestOf(code, 0, new Map(Object.entries(fields))), TIMEOUT_MS);
  }
}

/** About `count` of them, the first and the last among them. */
function someOf(messages: readonly FoundMessage[], count: number): FoundMessage[] {
  const step = Math.max(1, Math.floor(messages.length / count));
  return messages.filter((_, at) => at % step === 0 || at === messages.length - 1);
}

/** What `ask` says of each of them. */
async function allOf<Item>(items: readonly Item[], ask: (item: Item) => Promise<string[]>): Promise<string[]> {
  const said: string[] = [];
  let next = 0;
  const askInTurn = async (): Promise<void> => {
    while (next < items.length) said.push(...(await ask(items[next++]!)));
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askInTurn));
  return said;
}

/** NaN for a refusal, which no check lets pass. */
function offsetOf({ code, extFields }: RemotingCommand): number {
  return code === ResponseCode.SUCCESS ? Number(extFields?.get('offset')) : Number.NaN;
}
