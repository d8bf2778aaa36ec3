/**
 * Everything that a broker's threads are told at start, by upstream's names where there is one (spec/api.md 23, spec/store.md 21); times
 * in ms, sizes in bytes. config/ makes this object out of files, flags and defaults; it is plain data and crosses threads as it is.
 */
import type { ControlSettings } from './control-settings.ts';

export const PLACEMENTS = ['full', 'compact', 'inline'] as const;
/** Which agents share a thread (architecture.md 2). */
export type Placement = (typeof PLACEMENTS)[number];

export type FlushDiskType = 'ASYNC_FLUSH' | 'SYNC_FLUSH';

export interface BrokerSettings extends ControlSettings {
  /** Interface that the broker listens on. */
  readonly bindAddress: string;
  /** 0 takes a free port. */
  readonly listenPort: number;
  /** Host under which clients reach this broker; empty: the address that it listens on, or, where that is all, that each client has dialled. */
  readonly brokerIP1: string;
  /** `host:port;host:port`; empty: the broker registers nowhere. */
  readonly namesrvAddr: string;
  readonly registerNameServerPeriod: number;
  readonly registerBrokerTimeoutMills: number;
  readonly compressedRegister: boolean;
  /** 4 read, 2 write. */
  readonly brokerPermission: number;
  readonly regionId: string;
  readonly traceOn: boolean;

  readonly storePathRootDir: string;
  readonly storePathCommitLog: string;
  readonly mappedFileSizeCommitLog: number;
  readonly mappedFileSizeConsumeQueue: number;
  readonly maxMessageSize: number;
  /** Messages can be found by their keys. */
  readonly messageIndexEnable: boolean;
  /** Hash slots and entries of one file of the key index. */
  readonly maxHashSlotNum: number;
  readonly maxIndexNum: number;

  readonly flushDiskType: FlushDiskType;
  /** Async flush: longest time that written bytes wait for their fdatasync. */
  readonly flushIntervalCommitLog: number;
  /** Async flush: so many written bytes are flushed before their time. */
  readonly flushAheadBytes: number;
  readonly syncFlushTimeout: number;
  /** Zero-write the next segment under sync flush, which makes fdatasync cheaper. */
  readonly zeroWriteNextSegment: boolean;

  /** How long a send may wait for room in the rings. */
  readonly waitTimeMillsInSendQueue: number;
  /** Dispatch may be this far behind before sends are answered SYSTEM_BUSY. */
  readonly undispatchedMaxBytes: number;

  /** Hours that a file of the log is kept after it was last written to. */
  readonly fileReservedTime: number;
  /** Hours of the day, joined by `;`. */
  readonly deleteWhen: string;
  readonly cleanResourceInterval: number;
  readonly deleteCommitLogFilesInterval: number;
  readonly deleteConsumeQueueFilesInterval: number;
  readonly deleteFileBatchMax: number;
  /** Percents of the disk. */
  readonly diskMaxUsedSpaceRatio: number;
  readonly diskSpaceCleanForciblyRatio: number;
  readonly diskSpaceWarningLevelRatio: number;
  readonly cleanFileForciblyEnable: boolean;

  readonly longPollingEnable: boolean;
  readonly shortPollingTimeMills: number;
  readonly litePullMessageEnable: boolean;
  readonly slaveReadEnable: boolean;
  readonly maxTransferBytesOnMessageInMemory: number;
  readonly maxTransferCountOnMessageInMemory: number;
  readonly maxTransferBytesOnMessageInDisk: number;
  readonly maxTransferCountOnMessageInDisk: number;
  /** Percent of the memory within which a record counts as in memory. */
  readonly accessMessageInMemoryMaxRatio: number;
  readonly maxFilterMessageSize: number;

  readonly placement: Placement;
  /** Net threads; more than one needs Node 22.12 or newer. */
  readonly netThreads: number;
  /** Connections of one net thread. */
  readonly connectionsMax: number;
  readonly serverChannelMaxIdleTimeSeconds: number;
}
