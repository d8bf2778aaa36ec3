/** What a node tells the program that it lives in. */
import type { LogLevel } from './thread-messages.ts';

/** Called on the thread that started the node. */
export type NodeLog = (level: LogLevel, thread: string, message: string) => void;

export interface NodeFailure {
  readonly thread: string;
  /** One of FailureCode. */
  readonly code: number;
  /** With the stack, when there is one. */
  readonly message: string;
}

/** Errors that are about the world and not about the program: their text alone tells what to do. */
const WORLDLY = /^(?:Error|StoreOwnedError|Disk\w+Error|FailStopError): /;

/** One line for people; a mistake of the program names its thread as well. */
export function reasonOf({ thread, message }: NodeFailure): string {
  const line = message.split('\n    at ', 1)[0]!;
  return WORLDLY.test(line) ? line.replace(WORLDLY, '') : `${thread}: ${line}`;
}
