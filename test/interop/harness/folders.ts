/** Temporary folders, removed when the test process ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd } from './clean-up.ts';

const made: string[] = [];

atEnd(() => {
  if (process.env.INTEROP_KEEP) return;
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A new empty folder; INTEROP_KEEP=1 leaves it behind for a look at the logs. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `ringmq-interop-${name}-`));
  made.push(folder);
  return folder;
}
