/**
 * One run of the simulator: a few lives of a broker on one disk, each ended by a stop, a kill or a loss of power at a call that the seed
 * draws, then a last life without trouble. After each start the oracle judges what is there. The same seed makes the same run.
 */
import { type Random, seededRandom } from '../../src/base/random.ts';
import { DiskFailedError, DiskFullError } from '../../src/store/disk.ts';
import { CrashedError, type CrashMode, SimDisk, type SimLies } from '../support/sim-disk.ts';
import { TestClock } from '../threads/test-net.ts';
import { contentsOf, type StoreContents } from './audit.ts';
import { keyOf, Oracle } from './oracle.ts';
import { drawProfile, isSound, makeTrouble, type Profile, pick } from './profile.ts';
import { SimBroker } from './sim-broker.ts';
import { Trace } from './trace.ts';
import { insist, Violation } from './violation.ts';
import { Workload } from './workload.ts';

export interface PlannedCrash {
  readonly call: number;
  /** How much of a write is carried out. */
  readonly share: number;
  readonly mode: CrashMode;
  /** Loss of power: how likely an unsynced change has survived; drawn when it is left out. */
  readonly kept?: number;
}

export interface RunOptions {
  readonly seed: number;
  readonly steps?: number;
  /** Crash the first life at this call, and in this way, instead of what the seed draws. */
  readonly crash?: PlannedCrash;
  readonly profile?: Profile;
  readonly lies?: SimLies;
  readonly trace?: Trace;
}

export interface RunReport {
  readonly lives: number;
  readonly messages: number;
  readonly calls: number;
  /** Calls of the first life. */
  readonly firstCalls: number;
}

const STEPS = 120;
const LAST_STEPS = 30;
const KEYS_ASKED = 4;
const FIRST_CRASH_WITHIN = 400;
const SLOW_WRITE_EVERY = 20;

/** What a start says when the checkpoint was wrong: after damage from outside, which there is none of here. */
const REPAIR = /built again|put in again|it is not believed/;

/** Throws a Violation, or whatever else a broker must not fail with. */
export function runSimulation(options: RunOptions): RunReport {
  return new Run(options).run();
}

class Run {
  readonly #options: RunOptions;
  readonly #random: Random;
  readonly #profile: Profile;
  readonly #clock = new TestClock();
  readonly #oracle = new Oracle();
  readonly #trace: Trace;
  #disk: SimDisk;
  #life = 0;
  #calls = 0;
  #firstCalls = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#profile = options.profile ?? drawProfile(this.#random, options.steps ?? STEPS);
    this.#trace = options.trace ?? new Trace(false);
    this.#disk = new SimDisk(this.#random);
    this.#disk.nowMs = () => this.#clock.nowMs();
    this.#disk.lies = options.lies ?? {};
    this.#trace.note('profile', () => JSON.stringify(this.#profile));
  }

  run(): RunReport {
    for (let life = 0; life < this.#profile.lives; life++) this.#live();
    this.#lastLives();
    const messages = this.#oracle.messages.length;
    return { lives: this.#life, messages, calls: this.#calls, firstCalls: this.#firstCalls };
  }

  /** A life that ends badly, or by chance well. */
  #live(): void {
    const random = this.#random;
    const disk = this.#beginLife();
    makeTrouble(disk, this.#profile.trouble, random);
    this.#drawCrash(disk);
    let broker: SimBroker | null = null;
    try {
      broker = this.#open(disk);
      this.#work(broker, this.#profile.stepsPerLife, random.below(4) === 0 || this.#options.crash !== undefined);
    } catch (cause) {
      this.#judgeEnd(cause, broker);
    }
    this.#endLife(disk, broker);
  }

  #beginLife(): SimDisk {
    const disk = this.#disk;
    disk.during = (operation) => this.#takeTime(operation);
    this.#life++;
    this.#trace.note('life', () => `${this.#life}, ${disk.usedBytes} bytes on the disk`);
    if (this.#trace.isOn) {
      disk.before = (call, operation, path, detail) =>
        this.#trace.note('disk', `${call} ${operation} ${path} ${detail || ''}`);
    }
    return disk;
  }

  /** Few writes wait for the disk. */
  #takeTime(operation: 'write' | 'fdatasync'): void {
    const { latencyMaxMs } = this.#profile;
    if (latencyMaxMs === 0 || (operation === 'write' && this.#random.below(SLOW_WRITE_EVERY) > 0)) return;
    this.#clock.passMs(this.#random.below(latencyMaxMs + 1));
  }

  #drawCrash(disk: SimDisk): void {
    const random = this.#random;
    const { crash } = this.#options;
    if (crash !== undefined && this.#life === 1) {
      disk.crashAt = crash.call;
      disk.crashShare = crash.share;
      return;
    }
    // A start has few calls that change something, and is the more delicate part.
    const within = random.below(3) === 0 ? 30 : FIRST_CRASH_WITHIN;
    disk.crashAt = disk.calls + 1 + random.below(within);
    disk.crashShare = random.below(2) === 0 ? 0 : random.next();
  }

  #open(disk: SimDisk): SimBroker {
    const random = this.#random;
    const repairs: string[] = [];
    const broker = new SimBroker(disk, this.#clock, this.#profile.sizes, this.#life, (level, message) => {
      this.#trace.note(level, message);
      if (REPAIR.test(message)) repairs.push(message);
    });
    insist(repairs.length === 0, () => `a start had to repair what no crash may break: ${repairs.join('; ')}`);
    this.#withoutTrouble(disk, () => {
      const contents = contentsOf(broker);
      this.#trace.note('found', () => `${contents.log.length} messages, the log ends at ${broker.written()}`);
      this.#oracle.recovered(contents);
      this.#oracle.loadedOffsets(broker.consumerOffsets(), (topic, queueId) => broker.maxOf(topic, queueId));
      if (this.#profile.sizes.index !== null) this.#askForKeys(broker, contents);
      for (const topic of this.#oracle.topics) insist(broker.knowsTopic(topic), () => `topic ${topic} is lost`);
      if (random.below(4) === 0) this.#openAgain(disk, JSON.stringify(contents));
    });
    return broker;
  }

  /** Some of the messages that are there are found by their unique keys. */
  #askForKeys(broker: SimBroker, { log }: StoreContents): void {
    for (let asked = 0; asked < KEYS_ASKED && log.length > 0; asked++) {
      const { topic, body, queueOffset, queueId } = pick(this.#random, log);
      const found = broker.byKey(topic, keyOf(Number.parseInt(body, 10)));
      insist(
        found.length === 1 && found[0] === body,
        () => `message ${queueOffset} of ${topic}/${queueId} is found ${found.length} times by its key`,
      );
    }
  }

  /** A look by the run itself, which is not a part of what is tried. */
  #withoutTrouble(disk: SimDisk, look: () => void): void {
    const { faults, openMax, crashAt } = disk;
    disk.faults = { fail: () => null, shorten: (length) => length };
    disk.openMax = Number.POSITIVE_INFINITY;
    disk.crashAt = Number.POSITIVE_INFINITY;
    look();
    disk.faults = faults;
    disk.openMax = openMax;
    disk.crashAt = crashAt;
  }

  /** Another start right behind the first finds the same. */
  #openAgain(disk: SimDisk, first: string): void {
    const again = new SimBroker(disk.copy(this.#random), this.#clock, this.#profile.sizes, this.#life + 1000, () => {});
    const second = JSON.stringify(contentsOf(again));
    again.letGo();
    insist(second === first, () => `a second start finds something else: ${differenceOf(first, second)}`);
  }

  #work(broker: SimBroker, steps: number, stops: boolean): void {
    const work = new Workload(broker, this.#oracle, this.#profile, this.#clock, this.#random, this.#trace);
    for (let step = 0; step < steps; step++) {
      work.step();
      // Control survives a disk that refuses its files, and would not notice that it is dead.
      if (broker.disk.isDead) throw new CrashedError('the disk is gone');
    }
    work.close();
    if (!stops) return;
    this.#trace.note('stop', '');
    broker.stop(() => work.harvest());
    work.noteSavedOffsets();
    if (broker.disk.isDead) throw new CrashedError('the disk is gone');
    this.#trace.note('stopped', '');
  }

  /** How a life may end before its time: a crash, or a disk that has failed. */
  #judgeEnd(cause: unknown, broker: SimBroker | null): void {
    this.#trace.note('ended', () => String(cause));
    if (cause instanceof Violation) throw cause;
    if (cause instanceof CrashedError || this.#disk.isDead) return;
    const { trouble } = this.#profile;
    const mustLive = trouble === 'descriptors' && broker !== null;
    insist(!mustLive, () => `want of descriptors has ended a running broker: ${cause}`);
    const isTroubled = !isSound(trouble);
    const isDisk = cause instanceof DiskFailedError || cause instanceof DiskFullError;
    const isStart =
      broker === null && cause instanceof Error && cause.message.includes('the disk is full or too many files');
    if (!isTroubled || !(isDisk || isStart)) throw cause;
    if (broker === null || this.#random.below(2) === 0) return;
    try {
      broker.abandon();
    } catch (failure) {
      if (
        !(failure instanceof CrashedError || failure instanceof DiskFailedError || failure instanceof DiskFullError)
      ) {
        throw failure;
      }
    }
  }

  #endLife(disk: SimDisk, broker: SimBroker | null): void {
    const random = this.#random;
    const planned = this.#life === 1 ? this.#options.crash : undefined;
    const drawnMode = random.below(2) === 0 ? 'kill' : 'power';
    const drawnKept = pick(random, [0, 1, 0.5, random.next()]);
    const { mode = drawnMode, kept = drawnKept } = planned ?? {};
    broker?.letGo();
    this.#trace.note('crash', () => `${mode}, unsynced kept with ${kept}; flushed ${broker?.flushed() ?? '-'}`);
    if (broker !== null) this.#oracle.deleted(broker.logStart());
    this.#oracle.crashed(mode, broker?.flushed() ?? 0, this.#profile.sizes.syncFlush);
    this.#calls += disk.calls;
    if (this.#life === 1) this.#firstCalls = disk.calls;
    this.#disk = disk.afterCrash(mode, random, kept);
  }

  /** What has survived goes on working, stops in order, and is there after the next start. */
  #lastLives(): void {
    const first = this.#beginLife();
    const last = this.#open(first);
    this.#work(last, LAST_STEPS, true);
    this.#oracle.deleted(last.logStart());
    this.#disk = first.afterCrash(this.#random.below(2) === 0 ? 'kill' : 'power', this.#random, 0);
    const broker = this.#open(this.#beginLife());
    broker.letGo();
    this.#calls += first.calls + this.#disk.calls;
  }
}

/** Where two texts part. */
function differenceOf(first: string, second: string): string {
  let at = 0;
  while (first[at] === second[at]) at++;
  const shown = (text: string): string => text.slice(Math.max(0, at - 100), at + 60);
  return `${shown(first)}\n  and then ${shown(second)}`;
}

/** The command that repeats a run, and its last events. */
export function failureText(options: RunOptions, cause: unknown): string {
  const trace = new Trace(true);
  let again: unknown = null;
  try {
    runSimulation({ ...options, trace });
  } catch (error) {
    again = error;
  }
  const shown = again ?? cause;
  const how =
    shown instanceof Violation
      ? shown.message
      : shown instanceof Error
        ? (shown.stack ?? shown.message)
        : String(shown);
  return [
    `${nameOf(options)}: ${how}`,
    ...trace.lines.map((line) => `  ${line}`),
    ...(again === null ? ['  (it did not fail again: something in it is not seeded)'] : []),
    `npm run simulate -- ${nameOf(options)}`,
  ].join('\n');
}

/** The arguments that repeat a run. */
export function nameOf({ seed, steps, crash, profile }: RunOptions): string {
  const parts = [`--seed ${seed}`];
  if (steps !== undefined) parts.push(`--steps ${steps}`);
  if (crash !== undefined) {
    const flush = profile?.sizes.syncFlush === true ? 'sync' : 'async';
    parts.push(`--crash ${flush},${crash.call},${crash.share},${crash.mode},${crash.kept ?? ''}`);
  }
  return parts.join(' ');
}
