/**
 * Log lines through pino, as JSON or as text for people. Loading pino takes 25 ms, so the command line does it when the broker's threads
 * have started (see LateLog).
 */
import { type DestinationStream, pino } from 'pino';
import { systemClock } from '../base/clock.ts';
import type { Log, LogFormat, LogLevel } from './log.ts';

/** Where finished lines go, each with its line end. */
export interface LineSink {
  write(line: string): unknown;
}

export function pinoLog(level: LogLevel, format: LogFormat, sink: LineSink): Log {
  const destination: DestinationStream =
    format === 'json' ? { write: (line) => void sink.write(line) } : { write: (line) => void sink.write(asText(line)) };
  const logger = pino(
    {
      level,
      base: null,
      // Ours, because a line may have been said before pino was there.
      timestamp: false,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return (lineLevel, thread, message, timeMs = systemClock.nowMs()) =>
    logger[lineLevel]({ time: new Date(timeMs).toISOString(), thread }, message);
}

/** `2026-01-31T10:00:00.000Z WARN  control: the message`. */
function asText(json: string): string {
  const { level, time, thread, msg } = JSON.parse(json) as Record<'level' | 'time' | 'thread' | 'msg', string>;
  return `${time} ${level.toUpperCase().padEnd(5)} ${thread}: ${msg}\n`;
}
