/**
 * The port that all log lines go through, and what can be chosen about them. Lines are written on the thread that started the broker;
 * the other threads send theirs to it. Used by the command line, embed/ and the tests.
 */
import { systemClock } from '../base/clock.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
/** From the most talkative to the quietest; a level shows itself and those behind it. */
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** One line. `thread` is who speaks: `control`, `net`, `namesrv`, `main` ... `timeMs` is given when it was said earlier than now. */
export type Log = (level: LogLevel, thread: string, message: string, timeMs?: number) => void;

/** For programs that want to hear nothing. */
export const SILENT: Log = () => {};

interface Line {
  readonly level: LogLevel;
  readonly thread: string;
  readonly message: string;
  readonly timeMs: number;
}

/**
 * A log that takes lines before its writer is loaded and passes them on, in order, once it is: a broker that starts need not wait for
 * the library that prints what it has to say.
 */
export class LateLog {
  readonly log: Log = (level, thread, message) => {
    if (this.#writer !== null) this.#writer(level, thread, message);
    else this.#waiting.push({ level, thread, message, timeMs: systemClock.nowMs() });
  };
  #writer: Log | null = null;
  #waiting: Line[] = [];

  attach(writer: Log): void {
    for (const { level, thread, message, timeMs } of this.#waiting) writer(level, thread, message, timeMs);
    this.#waiting = [];
    this.#writer = writer;
  }
}
