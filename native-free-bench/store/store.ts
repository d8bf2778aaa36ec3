/**
 * `npm run bench:store -- [--gb N] [--queues Q] [--body B] [--folder DIR]`: fills a store and times `verify` on it, `repair --all` and `verify`
 * again. A run counts only when verify finds nothing. The store is removed at the end, and is in the page cache when it fits the memory.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { DEFAULT_STORE_SIZES } from '../../src/store/store-sizes.ts';
import { repository } from '../../test/support/paths.ts';
import { printMachine } from '../micro.ts';
import { makeStore } from './make-store.ts';

const { values } = parseArgs({
  options: {
    gb: { type: 'string', default: '2' },
    queues: { type: 'string', default: '64' },
    body: { type: 'string', default: '1024' },
    folder: { type: 'string', default: tmpdir() },
  },
});

const root = mkdtempSync(join(values.folder, 'ringmq-bench-store-'));
try {
  printMachine();
  const startUs = systemClock.monotonicUs();
  const plan = { root, queues: Number(values.queues), bodyBytes: Number(values.body), sizes: DEFAULT_STORE_SIZES };
  const { records, logBytes } = makeStore({ ...plan, logBytes: Number(values.gb) * 1e9 });
  const seconds = (systemClock.monotonicUs() - startUs) / 1e6;
  console.log(
    `${records} records, ${(logBytes / 1e9).toFixed(2)} GB of log, ${values.queues} queues, made in ${seconds.toFixed(1)} s`,
  );
  time('verify', ['verify', root], logBytes);
  time('repair --all', ['repair', root, '--all', '--yes'], logBytes);
  time('verify, with the index', ['verify', root], logBytes);
} finally {
  rmSync(root, { recursive: true, force: true });
}

/** With the start of the process, which a tool's user waits for too. */
function time(what: string, args: readonly string[], logBytes: number): void {
  const startUs = systemClock.monotonicUs();
  const output = execFileSync(process.execPath, [`${repository}dist/src/cli/main.js`, ...args, '--json'], {
    encoding: 'utf8',
  });
  const seconds = (systemClock.monotonicUs() - startUs) / 1e6;
  const result = JSON.parse(output) as { ok: boolean; seconds: number; buildSeconds?: number };
  if (!result.ok) throw new Error(`${what} is not content: ${output}`);
  const { buildSeconds } = result;
  const within = `, ${(logBytes / 1e6 / result.seconds).toFixed(0)} MB/s without the start of the process`;
  const building =
    buildSeconds === undefined ? '' : `, building alone ${(logBytes / 1e6 / buildSeconds).toFixed(0)} MB/s`;
  console.log(
    `${what.padEnd(24)} ${seconds.toFixed(2)} s, ${(logBytes / 1e6 / seconds).toFixed(0)} MB/s${within}${building}`,
  );
}
