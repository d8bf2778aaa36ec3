import { describe, expect, it } from 'vitest';
import { LateLog, LOG_LEVELS, type Log, type LogFormat, type LogLevel } from '../../src/observe/log.ts';
import { pinoLog } from '../../src/observe/pino-log.ts';

function written(format: LogFormat, level: LogLevel, speak: (log: Log) => void): string[] {
  const lines: string[] = [];
  speak(pinoLog(level, format, { write: (line) => lines.push(line) }));
  return lines;
}

describe('the log', () => {
  it('writes JSON with time, level, thread and message', () => {
    const [line] = written('json', 'info', (log) => log('warn', 'control', 'a "quoted"\nmessage'));
    expect(JSON.parse(line as string)).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      thread: 'control',
      msg: 'a "quoted"\nmessage',
    });
    expect(line?.endsWith('}\n')).toBe(true);
  });

  it('writes text for people', () => {
    const [line] = written('text', 'info', (log) => log('info', 'net', 'listening'));
    expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z INFO {2}net: listening\n$/);
  });

  it('keeps to its level', () => {
    const speak = (log: Log) => {
      for (const level of LOG_LEVELS) log(level, 'thread', level);
    };
    expect(written('text', 'warn', speak)).toHaveLength(2);
    expect(written('text', 'debug', speak)).toHaveLength(4);
  });

  it('keeps early lines for a writer that comes late', () => {
    const late = new LateLog();
    const lines: string[] = [];
    late.log('info', 'a', '1');
    late.log('warn', 'b', '2');
    late.attach((level, thread, message) => lines.push(`${level} ${thread} ${message}`));
    late.log('error', 'c', '3');
    expect(lines).toEqual(['info a 1', 'warn b 2', 'error c 3']);
  });

  it('shows when a line was said, not when it was printed', () => {
    const [line] = written('text', 'info', (log) => log('info', 'main', 'early', Date.UTC(2026, 0, 2, 3, 4, 5, 6)));
    expect(line).toBe('2026-01-02T03:04:05.006Z INFO  main: early\n');
    const times: (number | undefined)[] = [];
    const late = new LateLog();
    const before = Date.now();
    late.log('info', 'a', '1');
    late.attach((_level, _thread, _message, timeMs) => times.push(timeMs));
    expect(times[0]).toBeGreaterThanOrEqual(before);
  });
});
