/**
 * The life of one store: brokers that come and go under load, and what must be there after each of them. Two producers and a consumer, each a
 * process of its own, talk to the broker until it is gone and say what they were told; the next broker is asked for all of it. Used by run.ts.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { BrokerProcess } from './broker-process.ts';
import { ClientProcess } from './client-process.ts';
import type { Begin, Report, TopicPlan, Tripwire } from './client-protocol.ts';
import {
  type Choices,
  type CyclePlan,
  drawCycle,
  drawLife,
  drawStart,
  type EndPlan,
  FIRST_TOPICS,
  type LifePlan,
  type StartPlan,
  settingsOfLife,
} from './plan.ts';
import { type FileSystem, PowerDomain } from './power.ts';
import { type Ended, type FoundQueue, StoreModel } from './store-model.ts';
import { Survey } from './survey.ts';
import { isAcknowledgement, type WitnessEntry, WitnessKind } from './witness-log.ts';

const PRODUCERS = 2;
/** So much longer than its interval may the file of consumer offsets take on a busy machine. */
const OFFSETS_MARGIN_MS = 2000;
/** Every so many cycles all messages are looked at; else the new ones and so many before them. */
const CYCLES_OF_FULL_SURVEY = 10;
const SEEN_AGAIN = 100;
/** So many messages of each queue are looked for by their keys, */
const LOOKED_UP = 5;
/** and the times of so many are searched. */
const SEARCHED = 10;
const SNAPSHOT_SEGMENTS = 3;

export interface LifeOptions {
  readonly folder: string;
  readonly main: string;
  readonly seed: number;
  readonly choices: Choices;
  /** Keeps a copy of the newest files as the last broker left them. */
  readonly snapshots: boolean;
  /** The store lies on such a file system, and its power is cut. */
  readonly power: FileSystem | null;
}

/** What a cycle was and what it showed. */
export interface CycleResult {
  readonly end: EndPlan;
  readonly settings: Readonly<Record<string, string>>;
  readonly killedStarts: number;
  readonly powerCuts: number;
  readonly startMs: number;
  readonly acknowledged: number;
  readonly surveyed: number;
  readonly refused: Readonly<Record<string, number>>;
}

export class LifeFailure extends Error {
  override readonly name = 'LifeFailure';
}

export class Life {
  readonly plan: LifePlan;
  readonly #options: LifeOptions;
  readonly #random: Random;
  readonly #model = new StoreModel();
  readonly #stamp: number;
  readonly #store: string;
  readonly #clients: readonly ClientProcess[];
  readonly #topics: TopicPlan[] = [...FIRST_TOPICS];
  /** So far each queue has been surveyed. */
  readonly #surveyed = new Map<string, number>();
  readonly #power: PowerDomain | null;
  #places: Record<string, number> = {};
  #start: StartPlan;
  #broker!: BrokerProcess;
  #address = '';
  #cycles = 0;
  #logEnd = 0;
  #powerCuts = 0;
  /** Monotonic in microseconds. */
  #lastCutUs = 0;

  constructor(options: LifeOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.plan = drawLife(this.#random);
    this.#start = drawStart(this.#random, options.choices);
    this.#stamp = options.seed & 0x7fffffff;
    const { folder } = options;
    mkdirSync(folder, { recursive: true });
    this.#power = options.power === null ? null : new PowerDomain(folder, options.power);
    this.#store = `${this.#power?.folder ?? folder}/store`;
    const producers = Array.from(
      { length: PRODUCERS },
      (_, i) => new ClientProcess('producer', folder, this.#stamp, i),
    );
    this.#clients = [...producers, new ClientProcess('consumer', folder, this.#stamp, PRODUCERS)];
  }

  async open(): Promise<void> {
    this.#broker = this.#spawn();
    this.#address = await this.#broker.ready;
  }

  /** Load, end, start, survey. Throws LifeFailure when something is not as it must be. `isLast`: looks at everything. */
  async cycle(isLast: boolean): Promise<CycleResult> {
    const plan = drawCycle(this.#random, this.#options.choices);
    if (plan.newTopicQueues > 0) this.#topics.push({ index: this.#topics.length, queues: plan.newTopicQueues });
    const before = this.#model.acknowledged;
    const cutsBefore = this.#powerCuts;
    const { settings } = this.#start;
    const reports = Promise.all(this.#clients.map((client) => client.run(this.#begin(plan.end))));
    // Whoever waits for them hears of it.
    reports.catch(() => {});
    await this.#end(plan);
    const said = await reports;
    const clean = this.#checkExit(plan.end);
    this.#loseWhatIsNotOnDisk(plan);
    const isPowerLost = this.#powerCuts > cutsBefore && !clean;
    const refused = this.#hear(said, isPowerLost);
    const filingMs = this.#start.offsetsIntervalMs + OFFSETS_MARGIN_MS;
    if (this.#options.snapshots) this.#snapshot();
    await this.#killStarts(plan);
    this.#start = plan.next;
    this.#broker = this.#spawn();
    this.#address = await this.#broker.ready;
    this.#cycles++;
    const surveyed = await this.#survey({ clean, filingMs, hasLost: isPowerLost && !this.#isSync(settings) }, isLast);
    this.#failOnViolations();
    return {
      end: plan.end,
      settings,
      killedStarts: plan.killedStartsMs.length,
      powerCuts: this.#powerCuts - cutsBefore,
      startMs: this.#broker.startMs,
      acknowledged: this.#model.acknowledged - before,
      surveyed,
      refused,
    };
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    this.#broker.signal('SIGKILL');
    await this.#broker.ended();
    this.#power?.close();
  }

  /** For the report of a failure. */
  brokerLog(): string {
    return this.#broker.logTail();
  }

  #spawn(): BrokerProcess {
    const { main, folder } = this.#options;
    const { command } = this.#start;
    const settings = { ...settingsOfLife(this.plan), ...this.#start.settings };
    return new BrokerProcess({ main, command, store: this.#store, settings, logPath: `${folder}/broker.log` });
  }

  #begin(end: EndPlan): Begin {
    return {
      address: this.#address,
      processId: this.#broker.processId,
      seed: this.#random.below(2 ** 31),
      topics: this.#topics,
      segmentBytes: this.plan.segmentBytes,
      tripwire: this.#tripwire(end),
      places: this.#places,
    };
  }

  #tripwire(end: EndPlan): Tripwire {
    const { segmentBytes, queueFileEntries } = this.plan;
    if (end.kind === 'queue') return { kind: 'queue', multiple: queueFileEntries, passed: end.passed };
    if (end.kind !== 'log') return null;
    const nextSegment = Math.ceil((this.#logEnd + 1) / segmentBytes) * segmentBytes;
    return { kind: 'log', logOffset: nextSegment + end.beyondBytes };
  }

  async #end({ end, cut }: CyclePlan): Promise<void> {
    await Promise.race([this.#broker.ended(), sleep(end.afterMs)]);
    if (end.kind === 'stop' || end.kind === 'stop-killed') {
      this.#broker.signal('SIGTERM');
      if (end.kind === 'stop-killed') await Promise.race([this.#broker.ended(), sleep(end.killAfterMs)]);
    }
    if (end.kind === 'time' && cut === 'before') this.#cutPower();
    if (end.kind !== 'stop') this.#broker.signal('SIGKILL');
    await this.#broker.ended();
  }

  #cutPower(): void {
    if (this.#power === null) return;
    this.#lastCutUs = systemClock.monotonicUs();
    this.#power.cut();
    this.#powerCuts++;
  }

  /** Between a broker's end and the next start: the power goes, unless it has gone before, and comes back. */
  #loseWhatIsNotOnDisk({ end, cut }: CyclePlan): void {
    if (cut === 'none') return;
    if (end.kind !== 'time' || cut === 'after') this.#cutPower();
    this.#power?.restore();
  }

  #isSync(settings: Readonly<Record<string, string>>): boolean {
    return settings.flushDiskType === 'sync';
  }

  /**
   * A loss of power takes what was only written, what consumers saw of it, and what a broker without a disk says: an fdatasync that returns while
   * the power goes may have done nothing.
   */
  #survives({ kind, us }: WitnessEntry, isPowerLost: boolean): boolean {
    if (!isPowerLost || kind === WitnessKind.commitSent) return true;
    if (us >= this.#lastCutUs) return false;
    if (kind === WitnessKind.commitAnswered || kind === WitnessKind.flushed) return true;
    return kind === WitnessKind.seen && this.#isSync(this.#start.settings);
  }

  #hear(reports: readonly Report[], isPowerLost: boolean): Record<string, number> {
    const refused: Record<string, number> = {};
    for (const client of this.#clients) {
      for (const entry of client.witness.readNew()) {
        if (!this.#survives(entry, isPowerLost)) continue;
        this.#model.witness(entry);
        if (isAcknowledgement(entry)) this.#logEnd = Math.max(this.#logEnd, entry.logOffset);
      }
    }
    for (const report of reports) {
      for (const [lane, next] of report.sent) this.#model.sent(lane, next);
      // While the power is gone every call on the disk fails, and the clients are told.
      const heard = isPowerLost ? report.violations.filter((text) => !text.includes('EIO')) : report.violations;
      for (const text of heard) this.#model.report(text);
      for (const [code, count] of Object.entries(report.refused)) refused[code] = (refused[code] ?? 0) + count;
    }
    return refused;
  }

  /** Whether the stop was a clean one. */
  #checkExit({ kind }: EndPlan): boolean {
    const exit = this.#broker.exit!;
    const isStopped = exit.code === 0 && (kind === 'stop' || kind === 'stop-killed');
    const isKilled = exit.signal === 'SIGKILL' && kind !== 'stop';
    // The first fdatasync that fails stops it.
    const isStopOfPower = exit.code === 1 && kind === 'time' && this.#power !== null;
    if (!isStopped && !isKilled && !isStopOfPower)
      this.#model.report(`the broker ended by itself or late: ${JSON.stringify(exit)}`);
    const hasAbort = existsSync(`${this.#store}/abort`);
    if (isStopped && hasAbort) this.#model.report('the file abort is there after a clean stop');
    return isStopped;
  }

  async #killStarts({ killedStartsMs, cut }: CyclePlan): Promise<void> {
    for (const ms of killedStartsMs) {
      this.#broker = this.#spawn();
      await Promise.race([this.#broker.ended(), sleep(ms)]);
      const hasEndedItself = this.#broker.exit !== null;
      if (cut !== 'none') this.#cutPower();
      this.#broker.signal('SIGKILL');
      await this.#broker.ended();
      if (cut !== 'none') this.#power?.restore();
      if (hasEndedItself) await this.#broker.ready;
    }
  }

  async #survey(ended: Ended, isLast: boolean): Promise<number> {
    const isFull = isLast || this.#cycles % CYCLES_OF_FULL_SURVEY === 0;
    const survey = new Survey(this.#address, this.#stamp);
    try {
      const found = await survey.queues(this.#model, (queue) => (isFull ? 0 : this.#surveyedTo(queue)));
      this.#model.checkQueues(found);
      for (const text of await survey.lookUpSome(found, LOOKED_UP)) this.#model.report(text);
      for (const text of await survey.searchTimes(found, SEARCHED)) this.#model.report(text);
      const offsets = await survey.offsets(this.#model);
      const maxes = new Map(found.map((queue) => [keyOf(queue), queue.max]));
      this.#model.checkOffsets(offsets, (topic, queueId) => maxes.get(keyOf({ topic, queueId })) ?? 0, ended);
      for (const queue of found) this.#surveyed.set(keyOf(queue), queue.max);
      for (const { group, topic, queueId, offset } of offsets) this.#places[`${group}/${topic}/${queueId}`] = offset;
      return sumOfMessages(found);
    } finally {
      survey.close();
    }
  }

  #surveyedTo(queue: { topic: number; queueId: number }): number {
    return Math.max(0, (this.#surveyed.get(keyOf(queue)) ?? 0) - SEEN_AGAIN);
  }

  #failOnViolations(): void {
    const { violations } = this.#model;
    if (violations.length > 0) throw new LifeFailure(violations.join('\n'));
  }

  /** The segments before the newest are left out: no crash touches them. */
  #snapshot(): void {
    const target = `${this.#options.folder}/before`;
    rmSync(target, { recursive: true, force: true });
    const log = `${this.#store}/commitlog`;
    const newest = new Set(readdirSync(log).sort().slice(-SNAPSHOT_SEGMENTS));
    const filter = (path: string): boolean => dirname(path) !== log || newest.has(basename(path));
    cpSync(this.#store, target, { recursive: true, filter });
  }
}

function keyOf({ topic, queueId }: { topic: number; queueId: number }): string {
  return `${topic}/${queueId}`;
}

function sumOfMessages(found: readonly FoundQueue[]): number {
  return found.reduce((sum, { messages }) => sum + messages.length, 0);
}
