/**
 * The life of a server process: start, one `ready` line on stdout, then a clean stop at a signal, or the end of the server with
 * the reason. Everything else that is said goes to the log on stderr. Called by the sub-commands that serve.
 */
import { sleep } from '../base/clock.ts';
import { LateLog, type Log } from '../observe/log.ts';
import { ExitCode } from './exit-code.ts';
import type { ServerOptions } from './server-options.ts';

export interface Server {
  /** Name and `host:port` of everything that listens, for the ready line. */
  readonly addresses: Readonly<Record<string, string>>;
  close(): Promise<void>;
  /** Resolves when it has ended: with null after `close`, else with the reason. */
  readonly ended: Promise<string | null>;
}

/** From a supervisor, from the keyboard, from a terminal that is closed. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** A start that takes longer says what it does. */
const QUIET_MS = 500;
/** So long a start that is to stop may take to be over. */
const START_END_MS = 3000;

/** Resolves with the exit code. Rejects when the start fails. `stop` resolves with the signal to stop. */
export async function serve(
  options: ServerOptions,
  start: (log: Log) => Promise<Server>,
  stop: Promise<NodeJS.Signals> = stopSignal(),
): Promise<number> {
  const late = new LateLog();
  const starting = start(late.log);
  // The threads load their modules on all cores meanwhile, so pino comes when they are done, or when they take long and want to be heard.
  const writing = Promise.race([starting.catch(() => {}), sleep(QUIET_MS)]).then(async () => {
    const { pinoLog } = await import('../observe/pino-log.ts');
    late.attach(pinoLog(options.logLevel, options.logFormat, process.stderr));
  });
  try {
    const signal = await Promise.race([stop, starting.then(() => null)]);
    if (signal !== null) return await stopDuringStart(signal, starting, late.log);
    const server = await starting;
    printReady(server.addresses, options.json === true);
    await writing;
    return await untilEnded(server, stop, late.log);
  } finally {
    await writing;
  }
}

async function untilEnded(server: Server, stop: Promise<NodeJS.Signals>, log: Log): Promise<number> {
  const signal = await Promise.race([stop, server.ended.then(() => null)]);
  if (signal !== null) {
    log('info', 'main', `${signal}: stopping`);
    await server.close();
  }
  return outcome(server, log);
}

/**
 * A start that is over soon is closed in order, which gives its store up: it has waited for a NameServer, and its port may be open. A longer
 * one, which recovers a log, ends with the process as after kill -9: the lock of a process that is gone is nobody's, and the next start
 * recovers the log again.
 */
async function stopDuringStart(signal: NodeJS.Signals, starting: Promise<Server>, log: Log): Promise<number> {
  log('info', 'main', `${signal}: stopping during the start`);
  const server = await Promise.race([starting, sleep(START_END_MS).then(() => null)]);
  if (server === null) return ExitCode.ok;
  await server.close();
  return outcome(server, log);
}

/** Of a server that has ended or been closed: a failure is one, also when it came just before the signal. */
async function outcome(server: Server, log: Log): Promise<number> {
  const reason = await server.ended;
  if (reason !== null) {
    process.stderr.write(`ringmq: ${reason}\n`);
    return ExitCode.failed;
  }
  log('info', 'main', 'stopped');
  return ExitCode.ok;
}

function printReady(addresses: Readonly<Record<string, string>>, json: boolean): void {
  const text = Object.entries(addresses).map(([name, address]) => `${name}=${address}`);
  process.stdout.write(json ? `${JSON.stringify({ ready: true, ...addresses })}\n` : `ready ${text.join(' ')}\n`);
}

/** Resolves with the first signal to stop; a second one ends the process at once, for people who cannot wait. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isStopping = false;
    const receive = (signal: NodeJS.Signals): void => {
      if (isStopping) process.exit(ExitCode.failed);
      isStopping = true;
      resolve(signal);
    };
    for (const signal of STOP_SIGNALS) process.on(signal, receive);
  });
}
