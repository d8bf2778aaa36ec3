/** What an agent is opened with on its thread, by the opener of its folder (append/open-append.ts and so on). */
import type { Clock } from '../base/clock.ts';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import type { Disk } from '../store/disk.ts';
import type { IndexFiles } from '../store/index-files.ts';
import type { FlushedLogFiles } from '../store/segments.ts';
import type { StorePaths } from '../store/store-paths.ts';
import type { Agent } from './agent.ts';
import type { Address, LogLevel, StoreStart, WorkerPorts } from './thread-messages.ts';
import type { BrokerMemory } from './topology.ts';

export interface WorkerContext {
  readonly memory: BrokerMemory;
  readonly settings: BrokerSettings;
  readonly paths: StorePaths;
  readonly logFiles: FlushedLogFiles;
  /** Null without a key index. */
  readonly indexFiles: IndexFiles | null;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly ports: WorkerPorts;
  readonly log: (level: LogLevel, message: string) => void;
  readonly wake: () => void;
  /** Shows that the thread lives, for work outside of turns that takes long. */
  readonly beat: () => void;
  /** Runs a callback of the event loop; what it throws stops the broker. */
  readonly guard: (callback: () => void) => void;
}

/** An agent that has begun. */
export interface OpenedAgent {
  readonly agent: Agent;
  /** Where a net agent listens. */
  readonly address?: Address;
  /** What control has found in the store. */
  readonly recovered?: StoreStart;
  /** Control: the broker listens there. Resolves when the NameServers (`host:port;host:port`) know it, or do not answer. */
  serving?(address: Address, nameServers: string): Promise<void>;
  /** Control: withdraws the broker from its NameServers. */
  leave?(): Promise<void>;
  /** Control: gives the store up after a failure. */
  abandon?(): void;
  /** Before the agent's close, for what takes time: answers that are still owed. */
  finish?(): Promise<void>;
  /** After the agent's close. */
  closed?(): void;
}

/** `listenPort`: where a net agent opens its port. */
export type OpenAgent = (
  context: WorkerContext,
  start: StoreStart,
  listenPort: number,
) => OpenedAgent | Promise<OpenedAgent>;
