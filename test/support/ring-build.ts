/**
 * Copies of the compiled ring/, with the folders it stands on, in a folder of their own: changed on the way (a seeded fault, a smaller
 * ring) or with the globals of shared memory replaced by the model's. So the model check and the stress run prove the very code that
 * the broker runs, and show that they notice when it is broken.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** One change of the compiled text. `find` must be there exactly once, so that a change of the source cannot make a fault vanish unseen. */
export interface Edit {
  /** Below src, with its ending: `ring/doorbell.js`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface RingBuild {
  /** URL of a file of the build, to import: `ring/doorbell.js`. */
  url(file: string): string;
  remove(): void;
}

const COMPILED = fileURLToPath(new URL('../../src/', import.meta.url));
const FOLDERS = ['base', 'layout', 'ring'];

/** `globalsFrom`: a compiled module whose export `TracedX` stands in for the global X in every file of ring/. */
export function buildRing(edits: readonly Edit[], globalsFrom?: { file: string; names: readonly string[] }): RingBuild {
  const top = mkdtempSync(join(tmpdir(), 'ringmq-ring-'));
  // Vitest hands what lies below node_modules to Node itself, which loads it ten times as fast.
  const directory = join(top, 'node_modules', 'ring-build');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  for (const folder of FOLDERS) {
    cpSync(join(COMPILED, folder), join(directory, folder), {
      recursive: true,
      filter: (path) => !/\.(?:map|d\.ts)$/.test(path),
    });
  }
  for (const edit of edits) applyEdit(join(directory, edit.file), edit);
  if (globalsFrom !== undefined) {
    cpSync(globalsFrom.file, join(directory, 'globals.js'));
    const prelude = `import { ${globalsFrom.names.map((name) => `Traced${name} as ${name}`).join(', ')} } from '../globals.js';\n`;
    for (const name of readdirSync(join(directory, 'ring'))) {
      const path = join(directory, 'ring', name);
      writeFileSync(path, prelude + readFileSync(path, 'utf8'));
    }
  }
  return {
    url: (file) => pathToFileURL(join(directory, file)).href,
    remove: () => rmSync(top, { recursive: true, force: true }),
  };
}

function applyEdit(path: string, { file, find, replace }: Edit): void {
  const parts = readFileSync(path, 'utf8').split(find);
  if (parts.length !== 2) throw new Error(`"${find}" is ${parts.length - 1} times in ${file}: adapt the edit`);
  writeFileSync(path, parts.join(replace));
}
