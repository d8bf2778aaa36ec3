/**
 * What the coordinator needs from outside: files, queue bounds, queue rows, the way to the net threads. threads/control fills these with
 * the real things, tests with plain objects; nothing here knows a thread, a socket or a clock of its own.
 */
import type { Clock } from '../base/clock.ts';
import type { FromControl } from './control-protocol.ts';
import type { ControlSettings } from './control-settings.ts';

/** JSON documents in the store's `config` folder, kept with a `.bak` beside them (spec/store.md 18.2). */
export interface SettingsFiles {
  /**
   * What `parse` makes of the file, or of its `.bak` when the file is missing, empty or `parse` throws (which is logged); null when
   * neither can be read.
   */
  load<T>(name: string, parse: (text: string) => T): T | null;
  /** Replaces the file in one step; throws when the disk refuses. */
  save(name: string, text: string): void;
}

export type Boundary = 'LOWER' | 'UPPER';

/** Bounds and times of the queues as readers may see them. A queue that nobody has written to has the bounds 0 and 0. */
export interface QueuePort {
  /** Offset of the next message. */
  max(topic: string, queueId: number): number;
  min(topic: string, queueId: number): number;
  /** Store time in ms of the message at `offset`; -1 when there is no such message. */
  storeTime(topic: string, queueId: number, offset: number): number;
  /** Spec/store.md 5.8; 0 for an empty queue. */
  searchOffset(topic: string, queueId: number, timestamp: number, boundary: Boundary): number;
  /** True when the message at `offset` lies in the hot part of the log (spec/api.md 7, rules of 14). */
  isResident(topic: string, queueId: number, offset: number): boolean;
}

/** What control deletes at somebody's request; it deletes the same on its own, later. */
export interface CleaningPort {
  /** Files of the log that have expired, whatever the hour. */
  deleteExpiredFiles(): void;
  /** Files of queues that hold no message which is still there. */
  cleanQueues(): void;
}

export interface KeyQuery {
  readonly topic: string;
  readonly key: string;
  readonly max: number;
  /** Store times in ms, both included. */
  readonly begin: number;
  readonly end: number;
}

export interface FoundMessages {
  /** Whole records, oldest first. */
  readonly records: readonly Uint8Array[];
  /** Store time and log offset of the newest message in the index. */
  readonly indexedAt: number;
  readonly indexedTo: number;
}

/** Single messages, as far as consumers may see them. */
export interface MessagePort {
  /** Can messages be found by key? */
  readonly areIndexed: boolean;
  /** Null when the index is just changing: ask again. */
  byKey(query: KeyQuery): FoundMessages | null;
  /** The record at a log offset; null when none begins there. */
  at(logOffset: number): Uint8Array | null;
}

export interface ControlLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string, cause?: unknown): void;
}

export interface CoordinatorPorts {
  readonly settings: ControlSettings;
  readonly clock: Clock;
  readonly files: SettingsFiles;
  readonly queues: QueuePort;
  readonly messages: MessagePort;
  readonly cleaning: CleaningPort;
  /** The row of a queue in the shared table, made when it has none yet; -1 when no rows are left. */
  createSlot(topic: string, queueId: number): number;
  send(netIndex: number, message: FromControl): void;
  /** These topics are new or were changed: register them at the NameServers. Called once per message or start, names not repeated. */
  topicsChanged(names: readonly string[]): void;
  /** Figures of 28 by upstream's keys; what is left out is answered as 0. */
  runtime(): Readonly<Record<string, string>>;
  /** All settings as `key=value` lines, for 26. */
  configText(): string;
  readonly log: ControlLog;
}
