/**
 * Clients and scheduler of one life: steps in an order that the seed draws, each a turn of one agent or something that a client does. What
 * the broker answers goes to the oracle.
 */
import type { Random } from '../../src/base/random.ts';
import { SendOutcome } from '../../src/broker/send-message.ts';
import { SYSTEM_GROUPS } from '../../src/broker/system-names.ts';
import { encodeBatch } from '../../src/layout/batch-item.ts';
import { parseMessageId } from '../../src/layout/message-id.ts';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { isShortage } from '../../src/store/disk.ts';
import type { TestClock } from '../threads/test-net.ts';
import { StoreReader } from './audit.ts';
import { keyOf, type Oracle, type Sent } from './oracle.ts';
import { isSound, type Profile, pick } from './profile.ts';
import { type SimBroker, STORE_PATHS } from './sim-broker.ts';
import type { Trace } from './trace.ts';
import { insist, Violation } from './violation.ts';

const OFFSETS_FILE = `${STORE_PATHS.config}/consumerOffset.json`;
/** Of those that every broker has: it takes no offset of another. */
const GROUPS = SYSTEM_GROUPS.slice(0, 2);
const BATCH_MAX = 5;
/** Steps of others during one fdatasync. */
const MEANWHILE_MAX = 6;

interface Request {
  readonly messages: readonly Sent[];
  /** Under sync flush its sender waits for the flush. */
  readonly waits: boolean;
}

type Step = readonly [weight: number, name: string, run: () => void];

export class Workload {
  readonly #broker: SimBroker;
  readonly #oracle: Oracle;
  readonly #profile: Profile;
  readonly #clock: TestClock;
  readonly #random: Random;
  readonly #trace: Trace;
  readonly #reader: StoreReader;
  readonly #requests = new Map<number, Request>();
  readonly #steps: readonly Step[];
  /** Those that are taken while flush waits for the disk. */
  readonly #stepsMeanwhile: readonly Step[];
  #opaque = 0;
  #offsetsFile: string;
  /** Topics that control has been asked for. */
  readonly #asked = new Map<number, string>();

  constructor(broker: SimBroker, oracle: Oracle, profile: Profile, clock: TestClock, random: Random, trace: Trace) {
    this.#broker = broker;
    this.#oracle = oracle;
    this.#profile = profile;
    this.#clock = clock;
    this.#random = random;
    this.#trace = trace;
    this.#reader = new StoreReader(broker);
    this.#offsetsFile = this.#readOffsetsFile();
    const steps: readonly Step[] = [
      [24, 'send', () => this.#send()],
      [8, 'batch', () => this.#batch()],
      [18, 'append', () => broker.append.doWork()],
      [16, 'flush', () => this.#flush()],
      [14, 'dispatch', () => broker.dispatch.doWork()],
      [10, 'answers', () => this.harvest()],
      [6, 'some ms', () => clock.passMs(1 + random.below(300))],
      [2, 'some seconds', () => clock.passMs(random.below(12_000))],
      [3, 'control', () => this.control()],
      [4, 'commit', () => this.#commit()],
      [3, 'look', () => this.#look()],
      [3, 'write back', () => broker.disk.writeBackSome(random)],
      [2, 'aside', () => broker.disk.stepAside()],
      [profile.deletes ? 2 : 0, 'delete', () => this.#delete()],
    ];
    this.#steps = steps.map(([weight, name, run]) => [name === profile.slow ? 1 : weight, name, run]);
    this.#stepsMeanwhile = this.#steps.filter(([, name]) => name !== 'flush' && name !== 'write back');
  }

  step(): void {
    this.#stepOf(this.#steps, 'step');
  }

  #stepOf(steps: readonly Step[], kind: string): void {
    let draw = this.#random.below(steps.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, name, run] of steps) {
      draw -= weight;
      if (draw >= 0) continue;
      this.#trace.note(kind, name);
      run();
      return;
    }
  }

  /** A turn of flush; the others have some during each of its fdatasyncs. Who fails then does not do so within flush, which goes on. */
  #flush(): void {
    const { disk, flush } = this.#broker;
    const failures: unknown[] = [];
    const attempt = (run: () => void): void => {
      try {
        run();
      } catch (cause) {
        failures.push(cause);
      }
    };
    const { during } = disk;
    disk.during = (operation) => {
      during(operation);
      if (operation === 'fdatasync' && failures.length === 0) attempt(() => this.#othersWork());
    };
    attempt(() => flush.doWork());
    disk.during = during;
    if (failures.length > 0) throw failures[0];
  }

  #othersWork(): void {
    if (this.#profile.latencyMaxMs === 0) return;
    const count = this.#random.below(MEANWHILE_MAX + 1);
    for (let step = 0; step < count; step++) this.#stepOf(this.#stepsMeanwhile, 'during');
  }

  close(): void {
    this.#reader.close();
  }

  /** Takes the answers that are there. */
  harvest(): void {
    const { net } = this.#broker;
    net.pending.expire(this.#clock.monotonicUs());
    for (const answer of net.answers()) this.#take(answer);
  }

  control(): void {
    this.#broker.controlTurn();
    this.noteSavedOffsets();
  }

  /** The file of consumer offsets is written by nobody but control, all at once. */
  noteSavedOffsets(): void {
    const now = this.#readOffsetsFile();
    // Whoever died while saving has saved nothing for certain.
    if (now === this.#offsetsFile || this.#broker.disk.isDead) return;
    this.#offsetsFile = now;
    this.#oracle.savedOffsets(isSound(this.#profile.trouble));
  }

  #readOffsetsFile(): string {
    const bytes = this.#broker.disk.peek(OFFSETS_FILE);
    return bytes === null ? '' : Buffer.from(bytes).toString('latin1');
  }

  #message(): Sent {
    const { topics, queues, bodyMax } = this.#profile;
    const random = this.#random;
    return this.#oracle.compose(pick(random, topics), random.below(queues), this.#bodyLength(bodyMax));
  }

  #bodyLength(most: number): number {
    return this.#profile.hasOneLength ? most : 1 + this.#random.below(most);
  }

  #send(): void {
    const sent = this.#message();
    // A sender may not want to wait for the flush.
    const waits = this.#random.below(8) > 0;
    this.#submit([sent], Buffer.from(sent.body, 'latin1'), false, waits);
  }

  #batch(): void {
    const first = this.#message();
    const count = 1 + this.#random.below(BATCH_MAX);
    const messages = [first];
    while (messages.length < count) {
      const length = this.#bodyLength(this.#profile.bodyMax / 4);
      messages.push(this.#oracle.compose(first.topic, first.queueId, length));
    }
    const body = encodeBatch(
      messages.map((sent) => ({
        flag: 0,
        body: Buffer.from(sent.body, 'latin1'),
        properties: Buffer.from(`UNIQ_KEY\u0001${keyOf(sent.id)}\u0002`),
      })),
    );
    this.#submit(messages, body, true, true);
  }

  #submit(messages: readonly Sent[], body: Uint8Array, batch: boolean, waits: boolean): void {
    const [first] = messages as readonly [Sent];
    const opaque = ++this.#opaque;
    const properties = `UNIQ_KEY\u0001${keyOf(first.id)}\u0002KEYS\u0001k${first.id % 7}\u0002${waits ? '' : 'WAIT\u0001false\u0002'}`;
    const outcome = this.#broker.net.send({
      code: batch ? RequestCode.SEND_BATCH_MESSAGE : RequestCode.SEND_MESSAGE_V2,
      opaque,
      topic: first.topic,
      queueId: first.queueId,
      properties: batch ? '' : properties,
      batch,
      body,
    });
    this.#trace.note(
      'sent',
      () => `${messages.map(({ id }) => id).join(' ')} to ${first.topic}/${first.queueId}: ${outcome}`,
    );
    if (outcome === SendOutcome.queued || outcome === SendOutcome.refused) {
      this.#requests.set(opaque, { messages, waits });
      return;
    }
    for (const sent of messages) this.#oracle.notSent(sent);
    if (outcome === SendOutcome.unknownTopic) this.#askForTopic(first.topic);
  }

  /** As net does it when a send names a topic that it does not know. */
  #askForTopic(topic: string): void {
    const ticket = this.#asked.size + 1;
    this.#asked.set(ticket, topic);
    this.#broker.tellControl({ kind: 'ensureTopic', ticket, topic, defaultTopic: 'TBW102', defaultTopicQueueNums: 4 });
    this.noteSavedOffsets();
    const { trouble } = this.#profile;
    // Where the disk refuses, a topic is kept in memory only, and said to be.
    if (isSound(trouble) && !this.#broker.disk.isDead) this.#oracle.topics.add(topic);
  }

  #take(answer: RemotingCommand): void {
    const request = this.#requests.get(answer.opaque);
    insist(request !== undefined, () => `an answer to ${answer.opaque}, which nobody waits for`);
    this.#requests.delete(answer.opaque);
    const isStored = answer.code === ResponseCode.SUCCESS || answer.code === ResponseCode.FLUSH_DISK_TIMEOUT;
    this.#trace.note(
      'answer',
      () => `${request.messages.map(({ id }) => id).join(' ')}: ${answer.code} ${answer.remark ?? ''}`,
    );
    if (!isStored) {
      for (const sent of request.messages) this.#oracle.refused(sent);
      return;
    }
    const fields = answer.extFields ?? new Map<string, string>();
    const stage = fields.get('durability');
    const mustBeFlushed = this.#profile.sizes.syncFlush && request.waits && answer.code === ResponseCode.SUCCESS;
    insist(!mustBeFlushed || stage === 'flushed', () => `message ${request.messages[0]!.id} is answered at ${stage}`);
    const promise = stage === 'flushed' ? 'power' : 'kill';
    const ids = fields.get('msgId')!.split(',');
    if (ids.length !== request.messages.length)
      throw new Violation(`${ids.length} ids for ${request.messages.length} messages`);
    const queueOffset = Number(fields.get('queueOffset'));
    for (const [i, sent] of request.messages.entries()) {
      const logOffset = Number(parseMessageId(ids[i]!)!.logOffset);
      this.#oracle.stored(sent, logOffset, queueOffset + i, promise, `its sender was told that it is ${stage}`);
    }
  }

  /** A consumer pulls a whole queue. */
  #look(): void {
    const rows = this.#broker.usedRows();
    if (rows.length === 0) return;
    try {
      const messages = this.#reader.queue(pick(this.#random, rows));
      this.#oracle.seen(messages, this.#profile.sizes.syncFlush ? 'power' : 'kill');
    } catch (cause) {
      if (!isShortage(cause)) throw cause;
    }
  }

  /** An operator wants what has expired to go: here all that may go. */
  #delete(): void {
    this.#broker.ask(RequestCode.DELETE_EXPIRED_COMMITLOG);
    this.control();
  }

  /** A consumer commits what it has seen, or goes back. */
  #commit(): void {
    const rows = this.#broker.usedRows();
    if (rows.length === 0) return;
    const slot = pick(this.#random, rows);
    const { topic, queueId } = this.#broker.directory.entry(slot);
    const group = pick(this.#random, GROUPS);
    const offset = this.#random.below(this.#broker.table.max(slot) + 1);
    this.#oracle.committed(`${topic}@${group}@${queueId}`, offset);
    this.#broker.tellControl({ kind: 'commitOffset', group, topic, queueId, offset });
    this.noteSavedOffsets();
  }
}
