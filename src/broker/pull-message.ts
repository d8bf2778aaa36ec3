/**
 * PULL_MESSAGE (11) and LITE_PULL_MESSAGE (361): checks, choice of records, answer or parking (spec/api.md 8). One object per net thread,
 * called by the net agent for each pull, each queue that grew, each tick, each connection that has drained or closed.
 */
import { blocksReadFromDisk } from '../base/disk-reads.ts';
import { asQueueOffset, type QueueSlot } from '../base/units.ts';
import { ResponseCode } from '../remoting/codes.ts';
import { isOneWay } from '../remoting/frame-codec.ts';
import { type PullHeader, PullSysFlag } from '../remoting/pull-header.ts';
import { DiskFailedError } from '../store/disk.ts';
import { ColdPulls } from './cold-pulls.ts';
import type { HeldPull } from './held-pull.ts';
import { HotLimit } from './hot-limit.ts';
import { LongPolls } from './long-polls.ts';
import { PullAnswers } from './pull-answers.ts';
import { GROUP_MISSING, NO_SLOT, PullChecks, type PullRefusal, PullTarget, refusedLengths } from './pull-checks.ts';
import type { PullPorts } from './pull-ports.ts';
import { PullScan } from './pull-scan.ts';
import { PullSelection } from './pull-selection.ts';
import type { ReplyPort } from './reply-port.ts';
import { SlowReaders } from './slow-readers.ts';

const TOO_MANY_HELD: PullRefusal = {
  code: ResponseCode.SYSTEM_BUSY,
  remark: '[OVERLOAD]too many pulls wait until this connection has taken its answers',
  forbiddenType: 0,
};

export class PullMessages {
  readonly #ports: PullPorts;
  readonly #checks: PullChecks;
  readonly #scan: PullScan;
  readonly #answers: PullAnswers;
  readonly #hotLimit: HotLimit;
  readonly #longPolls: LongPolls;
  readonly #slowReaders = new SlowReaders();
  readonly #coldPulls: ColdPulls | null;
  readonly #target = new PullTarget();
  readonly #selection: PullSelection;

  /** Made after recovery: what the log holds by now counts as cold. */
  constructor(ports: PullPorts, blocksRead: () => number = blocksReadFromDisk) {
    const { settings, coldReads } = ports;
    const again = (pull: HeldPull): void => this.#attempt(pull.header, pull.reply, pull.arrivedMs, pull.isFirst);
    this.#ports = ports;
    this.#checks = new PullChecks(ports.tables, settings);
    this.#scan = new PullScan(ports);
    this.#selection = new PullSelection(this.#scan.recordsMax);
    this.#hotLimit = new HotLimit(this.#scan.memoryBytes, ports.logEnd(), blocksRead);
    this.#answers = new PullAnswers(ports, this.#hotLimit, this.#scan.recordsMax);
    this.#longPolls = new LongPolls(ports, again);
    this.#coldPulls =
      coldReads === null ? null : new ColdPulls(ports, coldReads, this.#answers, this.#scan.recordsMax, again);
  }

  /** Pulls that wait for messages. */
  get parked(): number {
    return this.#longPolls.count;
  }

  /** Pulls that wait until their connection has taken what it asked for before. */
  get held(): number {
    return this.#slowReaders.count;
  }

  /** Pulls whose answer does not depend on new messages: they wait for the disk or for their connection. */
  get owed(): number {
    return this.held + (this.#coldPulls?.reading ?? 0);
  }

  /** Answers now or later. `header` may be filled again afterwards; `nowMs` is monotonic. */
  pull(header: PullHeader, reply: ReplyPort, nowMs: number): void {
    this.#ports.add('pulls', 1);
    // Nobody waits for what a one-way pull finds.
    if (isOneWay(header.flag)) return;
    const refusal = refusedLengths(header);
    if (refusal === null) this.#attempt(header, reply, nowMs, true);
    else this.#answers.refuse(header, reply, refusal);
  }

  /** A queue has grown. */
  arrived(slot: QueueSlot): void {
    this.#longPolls.arrived(slot);
  }

  /** Names of queues that grew were lost: looks at every parked pull. */
  arrivedAll(): void {
    this.#longPolls.arrivedAll();
  }

  /** Answers the pulls whose time is over; to be called every 100 ms or more often. Returns how many were answered. */
  expire(nowMs: number): number {
    return this.#longPolls.expire(nowMs);
  }

  /** The peer has taken what was written: its pulls that waited for this go on. */
  drained(connectionId: number): void {
    for (const pull of this.#slowReaders.take(connectionId)) {
      this.#attempt(pull.header, pull.reply, pull.arrivedMs, pull.isFirst);
    }
  }

  closed(connectionId: number): void {
    this.#slowReaders.take(connectionId);
    this.#longPolls.closed(connectionId);
    this.#coldPulls?.closed(connectionId);
  }

  /** What the disk refuses is the answer of one pull: others may find theirs in the page cache. */
  #attempt(header: PullHeader, reply: ReplyPort, arrivedMs: number, isFirst: boolean): void {
    if (this.#slowReaders.isSlow(reply)) {
      this.#hold(header.copy(), reply, arrivedMs, isFirst);
      return;
    }
    try {
      this.#serve(header, reply, arrivedMs, isFirst);
    } catch (cause) {
      if (!(cause instanceof DiskFailedError)) throw cause;
      this.#ports.lines.error('a pull failed', cause);
      const remark = `the store could not be read: ${cause.message}`;
      this.#answers.refuse(header, reply, { code: ResponseCode.SYSTEM_ERROR, remark, forbiddenType: 0 });
    }
  }

  /** `header` is the pull's own. */
  #hold(header: PullHeader, reply: ReplyPort, arrivedMs: number, isFirst: boolean): void {
    if (isFirst) {
      const target = this.#target;
      const refusal = this.#checks.check(header, reply.remote, target);
      if (refusal === GROUP_MISSING) {
        this.#askForGroup({ header, reply, arrivedMs, isFirst });
        return;
      }
      if (refusal === null) this.#commit(header, reply, target.group.name, target.topic.name);
      header.sysFlag &= ~PullSysFlag.commitOffset;
    }
    if (!this.#slowReaders.hold({ header, reply, arrivedMs, isFirst })) {
      this.#answers.refuse(header, reply, TOO_MANY_HELD);
    }
  }

  #serve(header: PullHeader, reply: ReplyPort, arrivedMs: number, isFirst: boolean): void {
    const target = this.#target;
    const selection = this.#selection;
    const refusal = this.#checks.check(header, reply.remote, target);
    if (refusal === GROUP_MISSING) {
      this.#askForGroup({ header: header.copy(), reply, arrivedMs, isFirst });
      return;
    }
    if (refusal !== null) {
      this.#answers.refuse(header, reply, refusal);
      return;
    }
    this.#scan.scan(target, header.queueId, asQueueOffset(header.queueOffset), header.maxMsgNums, selection);
    if (isFirst) this.#commit(header, reply, target.group.name, target.topic.name);
    if (isFirst && this.#park(header, reply, arrivedMs, selection, target)) return;
    const brokerId = this.#suggestedBroker(target, selection);
    if (selection.count === 0) this.#answers.empty(header, reply, selection, brokerId);
    else if (this.#coldPulls === null || this.#hotLimit.isHot(selection.logOffsets[0]!, this.#ports.logEnd())) {
      this.#answers.fromLog(header, reply, selection, brokerId);
    } else {
      this.#coldPulls.pull(`${target.slot} ${target.group.name}`, header, reply, arrivedMs, selection, brokerId);
    }
  }

  /**
   * Commits the offset that a pull brings, if its flags say so: before it waits for anything, and then never again. Its client may commit a
   * later one meanwhile, which this one must not follow, or may go.
   */
  #commit(header: PullHeader, reply: ReplyPort, group: string, topic: string): void {
    // A stored offset below 0 would be answered to 14 with success, which breaks consumers (spec/api.md 24).
    if ((header.sysFlag & PullSysFlag.commitOffset) === 0 || header.commitOffset < 0) return;
    this.#ports.commitOffset(reply, group, topic, header.queueId, header.commitOffset);
  }

  #park(
    header: PullHeader,
    reply: ReplyPort,
    arrivedMs: number,
    selection: PullSelection,
    { slot, filter }: PullTarget,
  ): boolean {
    if ((header.sysFlag & PullSysFlag.suspend) === 0 || slot === NO_SLOT) return false;
    if (selection.code !== ResponseCode.PULL_NOT_FOUND) return false;
    return this.#longPolls.park({ header: header.copy(), reply, arrivedMs, isFirst: false }, slot, filter);
  }

  /** The pull's offset goes to control behind the question, and counts if that makes the group. */
  #askForGroup(pull: HeldPull): void {
    const { header, reply } = pull;
    const group = Buffer.from(header.names.subarray(header.consumerGroupStart, header.consumerGroupEnd)).toString();
    this.#ports.ensureGroup(pull, group, (code, remark) => {
      if (!reply.isOpen) return;
      const isThere = this.#checks.knowsGroup(header);
      if (isThere) this.#attempt(header, reply, pull.arrivedMs, pull.isFirst);
      else if (code === ResponseCode.SUCCESS) this.#answers.refuse(header, reply, GROUP_MISSING);
      else this.#answers.refuse(header, reply, { code, remark: remark ?? GROUP_MISSING.remark, forbiddenType: 0 });
    });
    const target = this.#target;
    if (this.#checks.checkQueue(header, reply.remote, target) === null) {
      this.#commit(header, reply, group, target.topic.name);
    }
    header.sysFlag &= ~PullSysFlag.commitOffset;
  }

  /** Where the client should pull from next: a slave helps those who are far behind (spec/api.md 8.3). */
  #suggestedBroker({ group }: PullTarget, { lastScanned }: PullSelection): number {
    if (!this.#ports.settings.slaveReadEnable) return 0;
    return this.#scan.isFarBehind(lastScanned) ? group.whichBrokerWhenConsumeSlowly : group.brokerId;
  }
}
