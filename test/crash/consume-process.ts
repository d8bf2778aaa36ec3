/**
 * The consumer of the crash suite, in a process of its own: two groups pull all queues until the broker is gone. One commits with requests (15),
 * the other with its pulls. What it was given and what it has committed goes into the witness log. Forked by client-process.ts.
 */
import { sleep, systemClock } from '../../src/base/clock.ts';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { PullSysFlag } from '../../src/remoting/pull-header.ts';
import { RemotingClient, RemotingClientError } from '../../src/transport/remoting-client.ts';
import { type Begin, clientArguments, GROUPS, type Report, serveLife } from './client-protocol.ts';
import { readMessages, topicName } from './messages.ts';
import { WitnessKind, WitnessWriter } from './witness-log.ts';

const TIMEOUT_MS = 20_000;
/** Nothing new anywhere: the producers may have the processor. */
const IDLE_MS = 4;
const COMMITS_BY_REQUEST = 0;

const { witnessPath, stamp } = clientArguments();
const witness = new WitnessWriter(witnessPath);

/** One group in one queue. */
class Reader {
  readonly #begin: Begin;
  readonly #client: RemotingClient;
  readonly #report: (violation: string) => void;
  readonly #group: number;
  readonly #topic: number;
  readonly #queueId: number;
  #next: number;
  #committed: number;

  constructor(
    begin: Begin,
    client: RemotingClient,
    report: (violation: string) => void,
    group: number,
    topic: number,
    queueId: number,
  ) {
    this.#begin = begin;
    this.#client = client;
    this.#report = report;
    this.#group = group;
    this.#topic = topic;
    this.#queueId = queueId;
    this.#next = begin.places[`${group}/${topic}/${queueId}`] ?? 0;
    this.#committed = this.#next;
  }

  /** False: there was nothing. */
  async step(): Promise<boolean> {
    const commits = this.#group !== COMMITS_BY_REQUEST && this.#next > this.#committed;
    if (commits) this.#witnessCommit(WitnessKind.commitSent);
    const answer = await this.#pull(commits);
    if (commits) this.#witnessCommit(WitnessKind.commitAnswered);
    if (commits) this.#committed = this.#next;
    if (answer.code !== ResponseCode.SUCCESS) {
      const isNothing = answer.code === ResponseCode.PULL_NOT_FOUND || answer.code === ResponseCode.TOPIC_NOT_EXIST;
      if (!isNothing) this.#report(`${this.#place()}: a pull was answered ${answer.code} ${answer.remark}`);
      return false;
    }
    this.#take(answer.body!);
    if (this.#group === COMMITS_BY_REQUEST) await this.#commit();
    return true;
  }

  #take(body: Uint8Array): void {
    for (const { id, what, queueOffset, logOffset } of readMessages(body, stamp)) {
      if (Number.isNaN(id)) this.#report(`PHANTOM: ${this.#place()} was given ${what}`);
      if (queueOffset !== this.#next) this.#report(`${this.#place()} was given ${queueOffset}`);
      const us = systemClock.monotonicUs();
      const entry = { topic: this.#topic, queueId: this.#queueId, id, queueOffset, logOffset, us };
      if (this.#group === COMMITS_BY_REQUEST) witness.add({ kind: WitnessKind.seen, ...entry });
      this.#next++;
    }
  }

  async #commit(): Promise<void> {
    this.#witnessCommit(WitnessKind.commitSent);
    const fields = { ...this.#target(), commitOffset: String(this.#next) };
    const { code, remark } = await this.#invoke(RequestCode.UPDATE_CONSUMER_OFFSET, fields);
    if (code !== ResponseCode.SUCCESS) this.#report(`${this.#place()}: a commit was answered ${code} ${remark}`);
    this.#witnessCommit(WitnessKind.commitAnswered);
    this.#committed = this.#next;
  }

  #pull(commits: boolean): Promise<RemotingCommand> {
    return this.#invoke(RequestCode.PULL_MESSAGE, {
      ...this.#target(),
      queueOffset: String(this.#next),
      maxMsgNums: '256',
      sysFlag: String(PullSysFlag.subscription | (commits ? PullSysFlag.commitOffset : 0)),
      commitOffset: String(commits ? this.#next : 0),
      suspendTimeoutMillis: '0',
      subscription: '*',
      subVersion: '0',
      expressionType: 'TAG',
    });
  }

  #invoke(code: number, fields: Readonly<Record<string, string>>): Promise<RemotingCommand> {
    return this.#client.invoke(this.#begin.address, requestOf(code, 0, new Map(Object.entries(fields))), TIMEOUT_MS);
  }

  #target(): Record<string, string> {
    return {
      consumerGroup: GROUPS[this.#group]!,
      topic: topicName(this.#topic),
      queueId: String(this.#queueId),
    };
  }

  #witnessCommit(kind: WitnessKind): void {
    const { topic, queueId } = { topic: this.#topic, queueId: this.#queueId };
    witness.add({
      kind,
      topic,
      queueId,
      id: this.#group,
      queueOffset: this.#next,
      logOffset: 0,
      us: systemClock.monotonicUs(),
    });
  }

  #place(): string {
    return `${GROUPS[this.#group]} at ${topicName(this.#topic)}/${this.#queueId}@${this.#next}`;
  }
}

async function consume(begin: Begin): Promise<Report> {
  const client = new RemotingClient();
  const violations: string[] = [];
  const readers = GROUPS.flatMap((_, group) =>
    begin.topics.flatMap(({ index, queues }) =>
      Array.from({ length: queues }, (_unused, queueId) => {
        return new Reader(begin, client, (text) => violations.push(text), group, index, queueId);
      }),
    ),
  );
  try {
    for (;;) {
      const found = await Promise.all(readers.map((reader) => reader.step()));
      witness.flush();
      if (!found.includes(true)) await sleep(IDLE_MS);
      // A pull that is refused is refused again and again.
      if (violations.length > 10) break;
    }
  } catch (error) {
    if (!(error instanceof RemotingClientError)) throw error;
    if (error.failure === 'timeout') violations.push(`the consumer: ${error.message}`);
  }
  client.close();
  witness.flush();
  return { sent: [], refused: {}, violations };
}

serveLife(consume);
