/** Temporary folders, removed when the test process ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd } from './clean-up.ts';

const made: string[] = [];

atEnd(() => {
  if (process.env.KEEP_FOLDERS) return;
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A new empty folder; KEEP_FOLDERS=1 leaves it behind for a look at the logs. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `ringmq-test-${name}-`));
  made.push(folder);
  return folder;
}
