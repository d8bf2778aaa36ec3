/**
 * Copies of the compiled code in a folder of their own, changed on the way: a seeded fault, smaller limits. So the model check, the stress
 * run and the simulator prove the very code that the broker runs, and show that they notice when it is broken.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** One change of the compiled text. `find` must be there exactly once, so that a change of the source cannot make a fault vanish unseen. */
export interface Edit {
  /** Below the copied folders, with its ending: `ring/doorbell.js`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface EditedBuild {
  readonly directory: string;
  /** URL of a file of the build, to import: `ring/doorbell.js`. */
  url(file: string): string;
  remove(): void;
}

const COMPILED = fileURLToPath(new URL('../../', import.meta.url));
const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const { dependencies } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
  dependencies: Readonly<Record<string, string>>;
};

/** `from`: the folder below dist that holds `folders`. What the broker depends on may be imported. */
export function buildEdited(from: string, folders: readonly string[], edits: readonly Edit[]): EditedBuild {
  const top = mkdtempSync(join(tmpdir(), 'ringmq-build-'));
  // Vitest hands what lies below node_modules to Node itself, which loads it ten times as fast.
  const directory = join(top, 'node_modules', 'edited-build');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  for (const name of Object.keys(dependencies)) {
    symlinkSync(join(PROJECT, 'node_modules', name), join(top, 'node_modules', name));
  }
  for (const folder of folders) {
    cpSync(join(COMPILED, from, folder), join(directory, folder), {
      recursive: true,
      filter: (path) => !/\.(?:map|d\.ts|test\.js)$/.test(path),
    });
  }
  for (const edit of edits) applyEdit(join(directory, edit.file), edit);
  return {
    directory,
    url: (file) => pathToFileURL(join(directory, file)).href,
    remove: () => rmSync(top, { recursive: true, force: true }),
  };
}

function applyEdit(path: string, { file, find, replace }: Edit): void {
  const parts = readFileSync(path, 'utf8').split(find);
  if (parts.length !== 2) throw new Error(`"${find}" is ${parts.length - 1} times in ${file}: adapt the edit`);
  writeFileSync(path, parts.join(replace));
}
