/**
 * What the pull family needs from its net thread: tables, shared queue bounds, readers of files, the ways to control. threads/net fills
 * it, tests with plain objects.
 */
import type { Clock } from '../base/clock.ts';
import type { LogOffset, QueueOffset } from '../base/units.ts';
import type { QueueTable } from '../ring/queue-table.ts';
import type { CounterName } from '../ring/status-page.ts';
import type { BrokerSettings } from './broker-settings.ts';
import type { ColdReads } from './cold-reads.ts';
import type { ControlLog } from './control-ports.ts';
import type { HeldPull } from './held-pull.ts';
import type { NetTables } from './net-tables.ts';
import type { ReplyPort } from './reply-port.ts';

export type PullSettings = Pick<
  BrokerSettings,
  | 'brokerName'
  | 'brokerPermission'
  | 'litePullMessageEnable'
  | 'slaveReadEnable'
  | 'longPollingEnable'
  | 'shortPollingTimeMills'
  | 'maxTransferBytesOnMessageInMemory'
  | 'maxTransferCountOnMessageInMemory'
  | 'maxTransferBytesOnMessageInDisk'
  | 'maxTransferCountOnMessageInDisk'
  | 'accessMessageInMemoryMaxRatio'
  | 'maxFilterMessageSize'
  | 'mappedFileSizeCommitLog'
  | 'mappedFileSizeConsumeQueue'
>;

/** store/log-reader: reads from the page cache or, when the bytes are not there, from the disk, on the calling thread. */
export interface LogSource {
  /** Returns how many bytes were read: fewer at the end of a segment, 0 when `offset` is in no file. */
  read(offset: LogOffset, length: number, into: Uint8Array, at: number): number;
}

/** store/consume-queue: entries that have been filed. */
export interface QueueEntrySource {
  /** Returns how many entries were read: fewer at the end of a file, 0 when `from` is in no file. */
  read(topic: string, queueId: number, from: QueueOffset, count: number, into: Uint8Array, at: number): number;
}

export type GroupEnsured = (code: number, remark: string | null) => void;

export interface PullPorts {
  readonly tables: NetTables;
  readonly settings: PullSettings;
  readonly queues: QueueTable;
  readonly entries: QueueEntrySource;
  readonly log: LogSource;
  /** Null: everything is read on this thread. */
  readonly coldReads: ColdReads | null;
  readonly clock: Clock;
  /** The smaller of the machine's memory and what its control group allows. */
  readonly memoryLimitBytes: number;
  readonly lines: ControlLog;
  /** End of the written log. */
  logEnd(): LogOffset;
  add(counter: CounterName, amount: number): void;
  /** Tells dispatch that so many pulls wait for messages; the order of this and of reading a maximum is in long-polls.ts. */
  setParked(count: number): void;
  /** An offset that has come with a pull of `reply`, behind what its client has asked of control before. */
  commitOffset(reply: ReplyPort, group: string, topic: string, queueId: number, offset: number): void;
  /**
   * Asks control for the group that `pull` names, before anything that is committed after this; `then` comes on this thread, after the
   * group's view when the code is 0.
   */
  ensureGroup(pull: HeldPull, group: string, then: GroupEnsured): void;
  /** Answers were written outside of the net agent's turn, when a cold read came back: see them off. */
  outOfTurn(): void;
}
