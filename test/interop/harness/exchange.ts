/**
 * One store that brokers of both makes own in turn. Each owner is asked for everything that the ones before it have acknowledged, gets load
 * from the clients of the crash suite, and ends by a stop or a kill. Used by owners.test.ts.
 */
import { existsSync } from 'node:fs';
import type { IndexFileShape } from '../../../src/layout/index-file.ts';
import { QUEUE_ENTRY_BYTES } from '../../../src/layout/queue-entry.ts';
import { ClientProcess } from '../../crash/client-process.ts';
import type { Report, TopicPlan, Tripwire } from '../../crash/client-protocol.ts';
import { GROUPS } from '../../crash/client-protocol.ts';
import { topicName } from '../../crash/messages.ts';
import { StoreModel } from '../../crash/store-model.ts';
import { Survey } from '../../crash/survey.ts';
import { isAcknowledgement, WitnessKind } from '../../crash/witness-log.ts';
import type { Child } from '../../support/child.ts';
import { temporaryFolder } from '../../support/folders.ts';
import { freePorts } from '../../support/ports.ts';
import { request } from '../../support/probe.ts';
import { waitFor } from '../../support/wait.ts';
import { spawnApacheBroker } from './apache.ts';
import { MOMENTS, type Moment, type MomentName, ShotBroker } from './moments.ts';
import { spawnRingmqStandalone, startRingmqBroker, startRingmqNameServer } from './ringmq.ts';
import type { NameServer } from './servers.ts';

export type Make = 'RingMQ' | 'Apache';

export interface Turn {
  readonly make: Make;
  readonly flush?: 'sync' | 'async';
  /** `segment` and `queue file` kill when one of them has just come to its end; at a {@link MomentName} RingMQ kills itself. */
  readonly end: 'stop' | 'kill' | 'kill at the end of a segment' | 'kill at the end of a queue file' | MomentName;
}

export interface ExchangeSizes {
  readonly segmentBytes: number;
  readonly queueFileEntries: number;
}

const STARTED_MS = 60_000;
const STOPPED_MS = 60_000;
/** A load is one when so many messages were acknowledged, and so many of the consumer's commits answered. */
const LOADED = { messages: 3000, commits: 50 };
const LOADED_MS = 60_000;
/** A file has to come to its end, on a machine that may be busy. */
const WIRE_MS = 30_000;
const PRODUCERS = 2;
/** So many messages of each queue are looked for by their keys in the index of all times, */
const LOOKED_UP = 20;
/** and so many of the newest: more than an index file holds. */
const LOOKED_UP_LAST = 700;
/** The times of so many messages of each queue are searched. */
const SEARCHED = 100;
/** An index file has room for a few hundred messages of two or three keys. */
const INDEX_SHAPE: IndexFileShape = { slots: 500, entries: 2000 };
const OFFSETS_INTERVAL_MS = 500;
/** Apache moves the file of offsets aside before it writes the next: a kill between the two costs one more interval. */
const OFFSETS_FILED_MS = 3 * OFFSETS_INTERVAL_MS + 1500;
const TOPICS: readonly TopicPlan[] = [4, 1, 2].map((queues, index) => ({ index, queues }));

export class Exchange {
  readonly store = `${temporaryFolder('exchange')}/store`;
  /** Messages that the owners were asked for by their keys, and searches by time. */
  readonly asked = { messages: 0, times: 0 };
  readonly #sizes: ExchangeSizes;
  readonly #stamp: number;
  readonly #asksAllKeys: boolean;
  readonly #model = new StoreModel();
  readonly #clients: readonly ClientProcess[];
  readonly #nameServer: NameServer;
  #places: Record<string, number> = {};
  #logEnd = 0;
  /** Answered ones. */
  #commits = 0;
  /** How the last owner ended. */
  #clean = true;
  /** Null: no owner was asked when all were there. */
  #topicsAndGroups: string | null = null;

  /** `asksAllKeys`: each owner is asked for every message by its keys; else for some, and for the newest. */
  static async open(sizes: ExchangeSizes, stamp: number, asksAllKeys: boolean): Promise<Exchange> {
    return new Exchange(sizes, stamp, asksAllKeys, await startRingmqNameServer());
  }

  private constructor(sizes: ExchangeSizes, stamp: number, asksAllKeys: boolean, nameServer: NameServer) {
    this.#sizes = sizes;
    this.#stamp = stamp;
    this.#asksAllKeys = asksAllKeys;
    this.#nameServer = nameServer;
    const folder = temporaryFolder('exchange-clients');
    const producers = Array.from({ length: PRODUCERS }, (_, i) => new ClientProcess('producer', folder, stamp, i));
    this.#clients = [...producers, new ClientProcess('consumer', folder, stamp, PRODUCERS)];
  }

  get acknowledged(): number {
    return this.#model.acknowledged;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.#nameServer.stop();
  }

  /** Start, survey, load, end. Throws what does not fit. `meanwhile` is done before the load. */
  async turn(turn: Turn, meanwhile = async (): Promise<void> => {}): Promise<void> {
    const shot = isMoment(turn.end) ? new ShotBroker(turn.end, `${this.store}.armed`) : null;
    try {
      const { address, child } = await this.#start(turn, shot?.main);
      try {
        await this.#survey(address);
        await meanwhile();
        await this.#load(turn, address, child, shot);
        if (isMoment(turn.end)) this.#checkShot(MOMENTS[turn.end], shot?.hasFired === true);
      } finally {
        child.signal('SIGKILL');
      }
    } finally {
      shot?.remove();
    }
  }

  /** The last owner: start, survey, and that is all. */
  async look(make: Make): Promise<void> {
    const { address, child } = await this.#start({ make });
    try {
      await this.#survey(address);
    } finally {
      child.signal('SIGKILL');
    }
  }

  /** The words with which a RingMQ broker goes away that is started on the store while somebody else has it. */
  async refusalOfSecond(): Promise<string> {
    const child = spawnRingmqStandalone({ store: this.store });
    const { code } = await child.ended(STARTED_MS);
    return `exit code ${code}: ${child.errors.at(-1)}`;
  }

  /** The last words of a RingMQ broker when Apache's is started on its store. */
  async intrude(): Promise<string> {
    const owner = await this.#start({ make: 'RingMQ' });
    const intruder = await this.#start({ make: 'Apache' });
    try {
      await owner.child.ended(STOPPED_MS);
      return owner.child.errors.at(-1) ?? '';
    } finally {
      intruder.child.signal('SIGKILL');
    }
  }

  /** `main`: the command line of another RingMQ than the compiled one. */
  async #start(
    { make, flush = 'async' }: Omit<Turn, 'end'>,
    main?: string,
  ): Promise<{ address: string; child: Child }> {
    const { segmentBytes, queueFileEntries } = this.#sizes;
    const { namesrv } = this.#nameServer;
    const settings = {
      mappedFileSizeCommitLog: String(segmentBytes),
      mappedFileSizeConsumeQueue: String(queueFileEntries * QUEUE_ENTRY_BYTES),
      flushConsumerOffsetInterval: String(OFFSETS_INTERVAL_MS),
      maxHashSlotNum: String(INDEX_SHAPE.slots),
      maxIndexNum: String(INDEX_SHAPE.entries),
      maxTransferCountOnMessageInMemory: '4096',
      maxTransferCountOnMessageInDisk: '4096',
      maxTransferBytesOnMessageInMemory: '1048576',
      maxTransferBytesOnMessageInDisk: '1048576',
      maxFilterMessageSize: '100000',
      timerWheelEnable: 'false',
    };
    if (make === 'RingMQ') {
      const server = await startRingmqBroker({ namesrv, store: this.store, flush, settings, ...(main && { main }) });
      return { address: server.broker, child: server.child };
    }
    const port = (await freePorts(4)) + 2;
    // One thread each: with more the first commits of a new group can lose one another (README.md), and sends overtake one another.
    const apache = {
      consumerManageThreadPoolNums: '1',
      pullMessageThreadPoolNums: '1',
      sendMessageThreadPoolNums: '1',
      // Without it Apache's index lacks keys after a kill: it then drops index files that are newer than the checkpoint and does not build all again.
      messageIndexSafe: 'true',
    };
    const flushDiskType = flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH';
    const jvm = ['-Xms128m', '-Xmx256m', '-XX:MaxDirectMemorySize=128m', '-XX:TieredStopAtLevel=1'];
    const all = { ...settings, ...apache };
    const child = spawnApacheBroker({ namesrv, store: this.store, port, flushDiskType, jvm, settings: all });
    await child.line('boot success', STARTED_MS, (line) => line.includes('boot success'));
    return { address: `127.0.0.1:${port}`, child };
  }

  async #survey(address: string): Promise<void> {
    const survey = new Survey(address, this.#stamp);
    try {
      const found = await survey.queues(this.#model, () => 0);
      this.#model.checkQueues(found);
      if (this.#asksAllKeys) for (const text of await survey.lookUpAll(found)) this.#model.report(text);
      for (const text of await survey.lookUpSome(found, LOOKED_UP)) this.#model.report(text);
      for (const text of await survey.lookUpNewest(found, LOOKED_UP_LAST)) this.#model.report(text);
      for (const text of await survey.searchTimes(found, SEARCHED)) this.#model.report(text);
      this.asked.messages += survey.asked.messages;
      this.asked.times += survey.asked.times;
      const maxes = new Map(found.map(({ topic, queueId, max }) => [`${topic}/${queueId}`, max]));
      const offsets = await survey.offsets(this.#model);
      const ended = { clean: this.#clean, filingMs: OFFSETS_FILED_MS, hasLost: false };
      this.#model.checkOffsets(offsets, (topic, queueId) => maxes.get(`${topic}/${queueId}`) ?? 0, ended);
      for (const { group, topic, queueId, offset } of offsets) this.#places[`${group}/${topic}/${queueId}`] = offset;
    } finally {
      survey.close();
    }
    const { text } = await topicsAndGroupsOf(address);
    if (this.#topicsAndGroups !== null && text !== this.#topicsAndGroups) {
      this.#model.report(`topics and groups were ${this.#topicsAndGroups} and are ${text}`);
    }
    this.#failOnViolations();
  }

  async #load({ end }: Turn, address: string, child: Child, shot: ShotBroker | null): Promise<void> {
    const { segmentBytes } = this.#sizes;
    const tripwire = this.#tripwire(end);
    const begin = { address, processId: child.pid, topics: TOPICS, segmentBytes, places: this.#places };
    const runs = this.#clients.map((client, i) => {
      // The second producer is in the first's way when both are to hit one moment.
      return client.run({ ...begin, seed: this.#stamp + i, tripwire: i === 0 ? tripwire : null });
    });
    const reports = Promise.all(runs);
    // Whoever waits for it hears of it.
    reports.catch(() => {});
    if (tripwire === null) await Promise.race([this.#loaded(address, child), reports]);
    shot?.arm();
    if (tripwire !== null || shot !== null) {
      await waitFor('the broker to be killed', WIRE_MS, () => child.exit !== null);
    } else if (child.exit !== null) this.#model.report(`the broker ended by itself: ${JSON.stringify(child.exit)}`);
    await child.stop(end === 'stop' ? 'SIGTERM' : 'SIGKILL', STOPPED_MS);
    this.#clean = end === 'stop';
    if (this.#clean === existsSync(`${this.store}/abort`)) this.#model.report(`abort after: ${end}`);
    this.#hear(await reports);
    this.#failOnViolations();
  }

  /** Resolves when all topics and groups are there and enough was answered. */
  async #loaded(address: string, child: Child): Promise<void> {
    const before = { messages: this.#model.acknowledged, commits: this.#commits };
    const answered = (): { messages: number; commits: number } => ({
      messages: this.#model.acknowledged - before.messages,
      commits: this.#commits - before.commits,
    });
    await waitFor(
      () => `load of ${child.name}: ${JSON.stringify(answered())}`,
      LOADED_MS,
      async () => {
        this.#hearWitnesses();
        const { messages, commits } = answered();
        if (messages < LOADED.messages || commits < LOADED.commits) return false;
        const { text, areAll } = await topicsAndGroupsOf(address);
        if (areAll) this.#topicsAndGroups = text;
        return areAll;
      },
    );
  }

  /** The broker was killed where it was meant to be, and its files show it. */
  #checkShot({ leaves, look }: Moment, hasFired: boolean): void {
    const left = look(this.store, INDEX_SHAPE);
    if (!hasFired || left !== leaves) this.#model.report(`fired: ${hasFired}; ${left}, and not: ${leaves}`);
    this.#failOnViolations();
  }

  #tripwire(end: Turn['end']): Tripwire {
    const { segmentBytes, queueFileEntries } = this.#sizes;
    if (end === 'kill at the end of a queue file') return { kind: 'queue', multiple: queueFileEntries, passed: 5 };
    if (end !== 'kill at the end of a segment') return null;
    return { kind: 'log', logOffset: Math.ceil((this.#logEnd + 1) / segmentBytes) * segmentBytes };
  }

  #hear(reports: readonly Report[]): void {
    this.#hearWitnesses();
    for (const { sent, violations } of reports) {
      for (const [lane, next] of sent) this.#model.sent(lane, next);
      for (const text of violations) this.#model.report(text);
    }
  }

  #hearWitnesses(): void {
    for (const entry of this.#clients.flatMap(({ witness }) => witness.readNew())) {
      this.#model.witness(entry);
      if (isAcknowledgement(entry)) this.#logEnd = Math.max(this.#logEnd, entry.logOffset);
      if (entry.kind === WitnessKind.commitAnswered) this.#commits++;
    }
  }

  #failOnViolations(): void {
    const { violations } = this.#model;
    if (violations.length > 0) throw new Error(violations.join('\n'));
  }
}

function isMoment(end: Turn['end']): end is MomentName {
  return end in MOMENTS;
}

/** The settings of the suite's topics and groups, in one order, and whether all of them are there. */
async function topicsAndGroupsOf(address: string): Promise<{ text: string; areAll: boolean }> {
  const parts: unknown[] = [];
  let areAll = true;
  for (const topic of TOPICS.map(({ index }) => topicName(index))) {
    const { code, body } = await request(address, 351, { topic });
    if (code !== 0) areAll = false;
    const config = code === 0 ? (JSON.parse(body.toString()) as Record<string, unknown>) : {};
    parts.push([topic, code, config.readQueueNums, config.writeQueueNums, config.perm, config.topicFilterType]);
  }
  const { body } = await request(address, 201, {});
  const table = (JSON.parse(body.toString()) as { subscriptionGroupTable: Record<string, Record<string, unknown>> })
    .subscriptionGroupTable;
  for (const group of GROUPS) {
    if (!(group in table)) areAll = false;
    const { consumeEnable, retryQueueNums, retryMaxTimes, brokerId } = table[group] ?? {};
    parts.push([group, consumeEnable, retryQueueNums, retryMaxTimes, brokerId]);
  }
  return { text: JSON.stringify(parts), areAll };
}
