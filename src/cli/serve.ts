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
  /** Resolves with a reason when the server has ended by itself; never when it cannot. */
  readonly failed: Promise<string>;
  close(): Promise<void>;
}

/** From a supervisor, from the keyboard, from a terminal that is closed. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** A start that takes longer says what it does. */
const QUIET_MS = 500;

/** Resolves with the exit code. Rejects when the start fails. */
export async function serve(options: ServerOptions, start: (log: Log) => Promise<Server>): Promise<number> {
  const late = new LateLog();
  const stop = stopSignal();
  const starting = start(late.log);
  // The threads load their modules on all cores meanwhile, so pino comes when they are done, or when they take long and want to be heard.
  const writing = Promise.race([starting.catch(() => {}), sleep(QUIET_MS)]).then(async () => {
    const { pinoLog } = await import('../observe/pino-log.ts');
    late.attach(pinoLog(options.logLevel, options.logFormat, process.stderr));
  });
  let server: Server;
  try {
    server = await starting;
  } catch (error) {
    await writing;
    throw error;
  }
  printReady(server.addresses, options.json === true);
  await writing;
  const end = await Promise.race([stop, server.failed.then((reason) => ({ reason }))]);
  if (typeof end === 'object') {
    process.stderr.write(`ringmq: ${end.reason}\n`);
    return ExitCode.failed;
  }
  late.log('info', 'main', `${end}: stopping`);
  await server.close();
  late.log('info', 'main', 'stopped');
  return ExitCode.ok;
}

/** Makes an end out of a handle's `ended`, which says null for an end that was asked for. */
export async function ended(ending: Promise<string | null>): Promise<string> {
  const reason = await ending;
  return reason ?? new Promise(() => {});
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
