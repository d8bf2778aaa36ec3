/**
 * What every file of src has to keep to (docs/architecture, section on folders). A rule takes files and returns its complaints, one line
 * each; sources.test.ts runs all of them over the sources and over a broken file each.
 */
import { folderOf, lineAt, type SourceFile } from './source-tree.ts';

export type Rule = (files: readonly SourceFile[]) => string[];

const LINES_MAX = 600;

/** Everything. */
const ALL = [
  'base',
  'layout',
  'ring',
  'filter',
  'remoting',
  'transport',
  'store',
  'broker',
  'threads',
  'nameserver',
  'config',
  'observe',
  'bench',
  'embed',
] as const;

/** What each folder may import; a folder that is not here is a mistake. `index` and `cli` stand on everything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  layout: ['base'],
  ring: ['base', 'layout'],
  filter: ['base', 'layout'],
  remoting: ['base', 'layout'],
  store: ['base', 'layout'],
  transport: ['base', 'layout', 'remoting'],
  broker: ['base', 'layout', 'ring', 'store', 'remoting', 'filter'],
  nameserver: ['base', 'layout', 'remoting', 'transport'],
  // broker.conf is a Java properties file, and remoting reads those; transport knows what this Node can do with a port; broker and
  // nameserver say which settings they need.
  config: ['base', 'layout', 'remoting', 'transport', 'broker', 'nameserver'],
  observe: ['base', 'ring'],
  // Its pacer sleeps on a bell: no timer of Node is exact to a fraction of a millisecond.
  bench: ['base', 'layout', 'ring', 'remoting', 'transport'],
  // A NameServer can have a thread of its own.
  threads: [
    'base',
    'layout',
    'ring',
    'store',
    'remoting',
    'transport',
    'filter',
    'broker',
    'nameserver',
    'config',
    'observe',
  ],
  // What a program starts: index.ts shows it, the command line stands on it.
  embed: ['base', 'transport', 'store', 'broker', 'nameserver', 'threads', 'config', 'observe'],
  cli: [...ALL, 'index'],
  index: ALL,
};

export const importsGoOneWay: Rule = (files) =>
  files.flatMap((file) => {
    const from = folderOf(file.path);
    const allowed = MAY_IMPORT[from];
    if (allowed === undefined) return [`${file.path}: the folder "${from}" is not in the list of the architecture`];
    return file.imports
      .filter(({ target }) => target.startsWith('src/'))
      .filter(({ target }) => folderOf(target) !== from && !allowed.includes(folderOf(target)))
      .map(({ target, line }) => `${file.path}:${line}: ${from} does not import ${folderOf(target)} (${target})`);
  });

export const noImportCycles: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const begin = trail.indexOf(path);
    if (begin >= 0) cycles.push(`import cycle: ${[...trail.slice(begin), path].join(' -> ')}`);
    if (begin >= 0 || done.has(path)) return;
    for (const { target } of byPath.get(path)?.imports ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of files) walk(path, []);
  return cycles;
};

interface Home {
  readonly what: string;
  readonly pattern: RegExp;
  readonly isHome: (path: string) => boolean;
}

const inFolder =
  (...folders: string[]) =>
  (path: string) =>
    folders.includes(folderOf(path));

/** Words that one folder keeps. Benchmarks start their own load workers in one file. */
const HOMES: readonly Home[] = [
  { what: 'Atomics', pattern: /\bAtomics\b/g, isHome: inFolder('ring') },
  { what: 'new SharedArrayBuffer', pattern: /\bnew SharedArrayBuffer\b/g, isHome: inFolder('ring') },
  {
    what: 'a clock, a timer or randomness',
    pattern:
      /\bset(?:Timeout|Interval|Immediate)\s*\(|\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|\bhrtime\b/g,
    isHome: inFolder('base'),
  },
  {
    what: 'a byte offset as a literal',
    pattern: /\b[gs]et(?:Big)?(?:Int|Uint|Float)(?:8|16|32|64)\(\s*(?:\w+ \+ )?\d+\s*[,)]/g,
    isHome: (path) => inFolder('layout')(path) || path === 'src/base/int64.ts',
  },
];

const MODULE_HOMES: readonly { readonly modules: readonly string[]; readonly isHome: Home['isHome'] }[] = [
  { modules: ['node:net', 'node:tls'], isHome: inFolder('transport') },
  {
    modules: ['node:fs', 'node:fs/promises'],
    isHome: (path) => path === 'src/store/disk.ts' || inFolder('cli', 'bench')(path),
  },
  { modules: ['node:worker_threads'], isHome: (path) => inFolder('threads', 'bench')(path) },
  { modules: ['node:perf_hooks', 'node:timers', 'node:timers/promises'], isHome: inFolder('base') },
  { modules: ['piscina'], isHome: inFolder('threads') },
];

export const wordsHaveOneHome: Rule = (files) =>
  files.flatMap((file) => {
    const words = HOMES.filter((home) => !home.isHome(file.path)).flatMap((home) =>
      [...file.code.matchAll(home.pattern)].map(
        (match) => `${file.path}:${lineAt(file.code, match.index)}: ${home.what} is not at home here`,
      ),
    );
    const modules = file.imports.flatMap(({ target, line }) =>
      MODULE_HOMES.filter((home) => home.modules.includes(target) && !home.isHome(file.path)).map(
        () => `${file.path}:${line}: ${target} is not at home here`,
      ),
    );
    return [...words, ...modules];
  });

export const filesAreShort: Rule = (files) =>
  files
    .filter(({ text }) => text.split('\n').length > LINES_MAX + 1)
    .map(({ path }) => `${path}: more than ${LINES_MAX} lines`);

export const filesOpenWithAComment: Rule = (files) =>
  files
    .filter(({ text }) => !/^(?:#![^\n]*\n)?\/\*\*\s[\s*]*\w/.test(text))
    .map(({ path }) => `${path}: the first thing in a file is a comment that says what it is for`);

/** TypeScript that leaves code behind or turns the type check off, and exports without a name. */
const FORBIDDEN: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: 'a default export', pattern: /\bexport default\b|\bas default\b/g },
  { what: 'an enum', pattern: /^\s*(?:export )?(?:declare )?(?:const )?enum \w/gm },
  { what: 'a namespace', pattern: /^\s*(?:export )?(?:declare )?(?:namespace|module) \w/gm },
  { what: 'any', pattern: /(?:[:<|&,(=]|\bas|=>|\bextends)\s*any\b(?!\s*[:(?])/g },
];

export const plainLanguage: Rule = (files) =>
  files.flatMap((file) =>
    FORBIDDEN.flatMap(({ what, pattern }) =>
      [...file.code.matchAll(pattern)].map(
        (match) => `${file.path}:${lineAt(file.code, match.index)}: ${what} is not used here`,
      ),
    ),
  );

/** A barrel ties the files behind it together; src/index.ts, the package's face, is the only one. */
export const noBarrels: Rule = (files) =>
  files
    .filter(({ path }) => path !== 'src/index.ts')
    .flatMap((file) =>
      [...file.code.matchAll(/^\s*export (?:type )?(?:\*|\{[^}]*\}) (?:as \w+ )?from\b|^\s*export \* from\b/gm)].map(
        (match) => `${file.path}:${lineAt(file.code, match.index)}: a file exports only what it holds`,
      ),
    );

/** Every suite stands on test/support, so it stands on none; and the interop suite's harness is its own. */
export const suitesShareSupport: Rule = (files) =>
  files.flatMap(({ path, imports }) =>
    imports
      .filter(({ target }) =>
        folderOf(path) === 'support'
          ? target.startsWith('test/') && folderOf(target) !== 'support'
          : target.startsWith('test/interop/') && folderOf(path) !== 'interop',
      )
      .map(({ target, line }) => `${path}:${line}: ${target} is a suite's own`),
  );
