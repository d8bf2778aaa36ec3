/** Places that documents name: links between pages, and paths of the repository in backticks. Called by doc-links.test.ts. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { repository } from '../support/paths.ts';

const TOP = ['src', 'test', 'docs', 'native-free-bench'];
const LINK = /\]\(([^)#\s]+)(?:#[^)]*)?\)/g;
/** `store/disk.ts`, `threads/append`, `docs/decisions`: at least one slash, no spaces, no placeholders. */
const PATH = /`([\w.-]+(?:\/[\w.-]+)+)\/?`/g;

/** The pages a reader may open. docs/progress.md is there only while an issue is open: a working paper, which names what is yet to be made. */
export function documents(): string[] {
  const below = (folder: string): string[] =>
    readdirSync(`${repository}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
      .map((name) => join(folder, name));
  const all = [...readdirSync(repository).filter((name) => name.endsWith('.md')), ...TOP.flatMap(below)];
  return all.filter((path) => !path.startsWith(join('test', 'golden')) && path !== join('docs', 'progress.md'));
}

/** What a page names and nobody can find: one line each. */
export function deadPlaces(path: string, text: string): string[] {
  const links = [...text.matchAll(LINK)]
    .map((match) => match[1]!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(join(repository, dirname(path), target)));
  const paths = [...text.matchAll(PATH)].map((match) => match[1]!).filter((named) => !isThere(named));
  return [...links, ...paths].map((place) => `${path}: ${place} is not there`);
}

/** Paths are named from the repository's top or from src; other words with a slash are none of ours. */
function isThere(named: string): boolean {
  const first = named.split('/')[0]!;
  const isOurs = TOP.includes(first) || existsSync(join(repository, 'src', first));
  if (!isOurs) return true;
  return ['', 'src'].some((root) => existsSync(join(repository, root, normalize(named))));
}
