/** The log of an embedded server whose program gave none: warnings and errors on stderr. Used by embed/. */
import { LateLog, type Log } from './log.ts';

/** Loads pino when there is a first line to print, which for most programs is never. */
export function quietLog(): Log {
  const late = new LateLog();
  let isLoading = false;
  return (level, thread, message) => {
    if (level === 'debug' || level === 'info') return;
    late.log(level, thread, message);
    if (isLoading) return;
    isLoading = true;
    void import('./pino-log.ts').then(({ pinoLog }) => late.attach(pinoLog('warn', 'text', process.stderr)));
  };
}
