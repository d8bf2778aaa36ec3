/**
 * Copies of the compiled ring/ with the folders it stands on: with seeded faults or a smaller ring, or with the globals of shared memory
 * replaced by the model's. Used by the model check and the stress run.
 */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildEdited, type Edit, type EditedBuild } from './edited-build.ts';

const FOLDERS = ['base', 'layout', 'ring'];

/** `globalsFrom`: a compiled module whose export `TracedX` stands in for the global X in every file of ring/. */
export function buildRing(
  edits: readonly Edit[],
  globalsFrom?: { file: string; names: readonly string[] },
): EditedBuild {
  const build = buildEdited('src', FOLDERS, edits);
  if (globalsFrom === undefined) return build;
  cpSync(globalsFrom.file, join(build.directory, 'globals.js'));
  const prelude = `import { ${globalsFrom.names.map((name) => `Traced${name} as ${name}`).join(', ')} } from '../globals.js';\n`;
  for (const name of readdirSync(join(build.directory, 'ring'))) {
    const path = join(build.directory, 'ring', name);
    writeFileSync(path, prelude + readFileSync(path, 'utf8'));
  }
  return build;
}
