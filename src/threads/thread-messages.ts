/**
 * What the main thread and its workers say to each other, besides what lies in shared memory: start, stop, log lines. Plain data over the
 * worker's own port; main may be busy, so nothing on the data path waits for it.
 */
import type { MessagePort } from 'node:worker_threads';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import type { UnsyncedPaths } from '../store/unsynced-queues.ts';
import type { FailureCode } from './agent.ts';
import type { RecoveredQueue } from './append/next-offsets.ts';
import type { AgentName, BrokerMemory } from './topology.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** For append and dispatch (store/recovered-queues.ts). */
export interface StartedQueue extends RecoveredQueue {
  readonly filedTo: number;
}

/** What recovery has found, for those who go on from there. */
export interface StoreStart {
  readonly logStart: number;
  readonly logEnd: number;
  /** From here on a start after a clean stop may look through the log. */
  readonly lookFrom: number;
  readonly queues: readonly StartedQueue[];
  /** The queues have all records before this (store/recovery.ts). */
  readonly queuesCompleteTo: number;
  readonly batchTopics: readonly string[];
  /** Dispatch's first round makes them durable. */
  readonly unsynced: UnsyncedPaths;
  readonly lastStoreTimestamp: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Given to a worker when it is made. */
export interface WorkerStart {
  readonly agents: readonly AgentName[];
  readonly memory: BrokerMemory;
  readonly settings: BrokerSettings;
  /** Ends of the ports that these agents own. */
  readonly ports: WorkerPorts;
}

export interface WorkerPorts {
  /** Control's, one for each net thread. */
  readonly toNets: readonly MessagePort[];
  /** A net thread's. */
  readonly toControl: MessagePort | null;
  /** Dispatch's end and flush's end of the port for rounds of queue files. */
  readonly toFlush: MessagePort | null;
  readonly fromDispatch: MessagePort | null;
}

export function portsOf({ toNets, toControl, toFlush, fromDispatch }: WorkerPorts): MessagePort[] {
  return [...toNets, toControl, toFlush, fromDispatch].filter((port) => port !== null);
}

/** Dispatch -> flush: these paths hold every entry of queues and index of records up to this store time (in ms). */
export interface QueueRound extends UnsyncedPaths {
  readonly storeTimestamp: number;
  /** Log offset behind those records. */
  readonly logOffset: number;
  /** An earlier place where a record begins, from which a start after a clean stop may look through the log. */
  readonly lookFrom: number;
  /** Store time of the newest message that the index files then name in their headers; 0 without an index. */
  readonly indexTimestamp: number;
  /** Its log offset, -1 without one: flush waits until the message is on the disk too. */
  readonly indexCountedTo: number;
  /** Newest message before {@link logOffset} that is in the index (layout/checkpoint-file.ts). */
  readonly indexEnd: number;
  /** Queues with entries of records before {@link logOffset}, and the sum of their ends; 0 when they were not counted. */
  readonly queueCount: number;
  readonly queueEntries: number;
}

export type ToWorker =
  /** The store is open and those whom the agent needs have begun. */
  | { readonly kind: 'begin'; readonly agent: AgentName; readonly start: StoreStart; readonly listenPort: number }
  /** The broker listens there: control may tell NameServers. */
  | { readonly kind: 'serving'; readonly address: Address; readonly nameServers: string }
  /** Control: clients are to look for another broker. Answered by `left`. */
  | { readonly kind: 'leave' }
  /** Control: the broker has failed and its other threads are gone. Gives the store up as not cleanly stopped; answered by `abandoned`. */
  | { readonly kind: 'abandon' }
  /** Finish what was handed over; answered by `ended`. */
  | { readonly kind: 'end'; readonly agent: AgentName };

export type FromWorker =
  /** Control has recovered the store. */
  | { readonly kind: 'recovered'; readonly start: StoreStart }
  /** The agent has begun; for dispatch: its queues have reached the log's end. */
  | { readonly kind: 'begun'; readonly agent: AgentName; readonly address: Address | null }
  /** Control has told the NameServers, or they do not answer. */
  | { readonly kind: 'registered' }
  | { readonly kind: 'left' }
  | { readonly kind: 'abandoned' }
  | { readonly kind: 'ended'; readonly agent: AgentName }
  | { readonly kind: 'failed'; readonly agent: string; readonly code: FailureCode; readonly message: string }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly thread: string; readonly message: string };
