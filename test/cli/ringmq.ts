/** Spawns the command line as a user does. Called by the tests of cli. */
import { afterEach } from 'vitest';
import { Child } from '../support/child.ts';
import { repository } from '../support/paths.ts';

const DEADLINE_MS = 15_000;
const running: Child[] = [];

afterEach(() => {
  for (const child of running.splice(0)) if (child.exit === null) child.signal('SIGKILL');
});

export function ringmq(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Child {
  const command = [`${repository}dist/src/cli/main.js`, ...args];
  const child = new Child(`ringmq ${args[0]}`, process.execPath, command, { env: { ...process.env, ...environment } });
  running.push(child);
  return child;
}

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** For commands that end by themselves. */
export async function resultOf(child: Child): Promise<Result> {
  const { code } = await child.ended(DEADLINE_MS);
  return { code, stdout: child.lines.join('\n'), stderr: child.errors.join('\n') };
}

/** The one line on stdout of a server that serves. */
export function readyLine(child: Child): Promise<string> {
  return child.line('its ready line', DEADLINE_MS, (line) => line);
}

export async function readyJson(child: Child): Promise<Record<string, string>> {
  return JSON.parse(await readyLine(child));
}
