/** Which files of a folder this process has open, its worker threads among it (Linux); deleted ones end in ` (deleted)`. */
import { readdirSync, readlinkSync } from 'node:fs';

export function openFilesUnder(folder: string): string[] {
  const paths: string[] = [];
  for (const descriptor of readdirSync('/proc/self/fd')) {
    const path = targetOf(descriptor);
    if (path?.startsWith(folder)) paths.push(path);
  }
  return paths;
}

function targetOf(descriptor: string): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    // The descriptor of the look itself, or one that another thread has closed by now.
    return null;
  }
}
