/** Says what a start has made of its settings. Called when a server is launched, on the thread that starts it. */
import type { Resolved } from '../config/resolve.ts';
import type { Log } from '../observe/log.ts';

/** `thread` is the server's: settings of a NameServer and a broker that start together can be told apart. */
export function logSettings(log: Log, thread: string, { settings, warnings, origins }: Resolved<object>): void {
  for (const warning of warnings) log('warn', thread, warning);
  const values = new Map<string, unknown>(Object.entries(settings));
  for (const [name, origin] of origins) log('debug', thread, `${name} = ${values.get(name)} (${origin})`);
}
