/** What `ringmq doctor` has measured and read of the machine, the disk and the store. Made by probes.ts, judged by judge.ts. */
import type { BrokerSettings } from '../../broker/broker-settings.ts';
import type { IndexFileShape } from '../../layout/index-file.ts';
import type { ToldSize } from '../../store/store-sizes.ts';

export interface SyncLatency {
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface DiskFacts {
  /** The folder that was written to: the store's or the log's, or the nearest above it that is there. */
  readonly folder: string;
  /** Such as "ext4 on /dev/vda (solid state)". */
  readonly kind: string;
  /** fdatasync after 4 KiB into a hole of the file; null with `problem`. */
  readonly sparseSync: SyncLatency | null;
  /** The same onto blocks that were written before. */
  readonly zeroedSync: SyncLatency | null;
  readonly writeBytesPerSecond: number | null;
  /** Why nothing could be measured. */
  readonly problem: string | null;
  readonly usedBytes: number;
  /** That this user may fill. */
  readonly freeBytes: number;
}

/** A file of the key index for which a broker with the settings refuses to start. */
export interface IndexMisfit {
  readonly path: string;
  readonly sizeBytes: number;
  /** What it was made with; null when nothing in it tells. */
  readonly shape: IndexFileShape | null;
}

export interface StoreFacts {
  readonly folder: string;
  readonly exists: boolean;
  /** Process that has it open. */
  readonly ownerProcess: number | null;
  readonly ownerUserId: number | null;
  readonly isWritable: boolean;
  /** A start takes it for that. */
  readonly isStoppedInOrder: boolean;
  /** What the files there are tell; null where they tell nothing. */
  readonly segmentSize: ToldSize | null;
  readonly queueFileSize: ToldSize | null;
  /** Null also where the settings want no index, or cannot be used. */
  readonly indexMisfit: IndexMisfit | null;
  readonly logBytes: number;
  readonly oldestStoreMs: number | null;
  readonly newestStoreMs: number | null;
}

export interface MachineFacts {
  readonly cores: number;
  readonly memoryBytes: number;
  /** The machine's memory or what the control group allows, whichever is less. */
  readonly memoryLimitBytes: number;
  readonly availableBytes: number | null;
  readonly nowMs: number;
  /** How much further wall time went than monotonic time while the disk was measured, and how long that took. */
  readonly wallDriftMs: number;
  readonly measuredMs: number;
  readonly descriptorLimit: number;
  readonly userId: number | null;
  /** /proc/sys/vm; null where it cannot be read. */
  readonly dirtyRatio: number | null;
  readonly dirtyBackgroundRatio: number | null;
  readonly swappiness: number | null;
}

export interface DoctorFacts {
  /** Of the log. */
  readonly disk: DiskFacts;
  /** Of the rest of the store; null when that is the same. */
  readonly storeDisk: DiskFacts | null;
  readonly store: StoreFacts;
  readonly machine: MachineFacts;
  /** Null when they cannot be used: then `settingsProblems` says why. */
  readonly settings: BrokerSettings | null;
  readonly settingsProblems: readonly string[];
  readonly settingsWarnings: readonly string[];
}
