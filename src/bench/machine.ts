/** The machine and software that a run's figures belong to. Called once at the start of a run. */
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describeDisk, makeFolder, measureSync, textOrNull } from './files.ts';
import type { MachineFacts, SoftwareFacts } from './result.ts';

/** This file runs from dist/src/bench. */
const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** Writes to `folder`, which is made, to measure its disk for up to `syncMs`. */
export function machineFacts(folder: string, syncMs: number): MachineFacts {
  makeFolder(folder);
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown processor',
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    disk: { kind: describeDisk(folder), fdatasync: measureSync(folder, syncMs) },
  };
}

export function softwareFacts(): SoftwareFacts {
  const description = JSON.parse(textOrNull(`${repository}package.json`) ?? '{}') as { version?: string };
  return { version: description.version ?? 'unknown', commit: commitOf(repository), node: process.version };
}

function commitOf(folder: string): string | null {
  try {
    const commit = git(folder, ['rev-parse', '--short=12', 'HEAD']);
    return git(folder, ['status', '--porcelain', '--untracked-files=no']) === '' ? commit : `${commit} with changes`;
  } catch {
    return null;
  }
}

function git(folder: string, args: readonly string[]): string {
  return execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
