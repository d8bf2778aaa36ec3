/** What a node tells the program that it lives in. */
import type { LogLevel } from './thread-messages.ts';

/** Called on the thread that started the node. */
export type NodeLog = (level: LogLevel, thread: string, message: string) => void;

export interface NodeFailure {
  readonly thread: string;
  /** One of FailureCode. */
  readonly code: number;
  readonly message: string;
}
