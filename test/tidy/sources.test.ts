/** The rules of the source tree over the source tree, and each over files that break it: a rule that never complains proves nothing. */
import { describe, expect, it } from 'vitest';
import {
  filesAreShort,
  filesOpenWithAComment,
  importsGoOneWay,
  noBarrels,
  noImportCycles,
  plainLanguage,
  type Rule,
  suitesShareSupport,
  wordsHaveOneHome,
} from './rules.ts';
import { readSources, sourceFile } from './source-tree.ts';

const sources = readSources('src');

interface Case {
  readonly name: string;
  readonly rule: Rule;
  /** Path and text of files that break the rule, each in one place. */
  readonly broken: readonly (readonly [path: string, text: string])[];
  /** What looks like a breach and is none. */
  readonly fine: readonly (readonly [path: string, text: string])[];
}

const cases: readonly Case[] = [
  {
    name: 'imports go one way between folders',
    rule: importsGoOneWay,
    broken: [
      ['src/layout/x.ts', "import { copyInto } from '../ring/copy-into.ts';"],
      ['src/base/x.ts', "import type { RecordHead } from '../layout/message-record.ts';"],
      ['src/broker/x.ts', "type Client = import('../transport/remoting-client.ts').RemotingClient;"],
      ['src/config/x.ts', "export { asLogOffset } from '../store/commit-log.ts';"],
      ['src/remoting/x.ts', "const late = await import('../transport/connect.ts');"],
      ['src/new-folder/x.ts', ''],
    ],
    fine: [
      ['src/broker/x.ts', "// import { connect } from '../transport/connect.ts';"],
      ['src/cli/x.ts', "import { startBroker } from '../index.ts';"],
    ],
  },
  {
    name: 'no file imports itself by way of others',
    rule: noImportCycles,
    broken: [['src/base/assert.ts', "import { asLogOffset } from './assert.ts';"]],
    fine: [['src/base/x.ts', "import { assert } from './assert.ts';"]],
  },
  {
    name: 'words have one home',
    rule: wordsHaveOneHome,
    broken: [
      ['src/broker/x.ts', 'Atomics.load(cells, 0);'],
      ['src/threads/x.ts', 'const memory = new SharedArrayBuffer(8);'],
      ['src/store/x.ts', 'const now = Date.now();'],
      ['src/client/x.ts', 'setTimeout(retry, 10);'],
      ['src/broker/x.ts', 'const dice = [`\\``, Math.random()];'],
      ['src/store/x.ts', 'view.setInt32(at + 4, size);'],
      ['src/broker/x.ts', "import { Socket } from 'node:net';"],
      ['src/store/segments.ts', "import { openSync } from 'node:fs';"],
      ['src/broker/x.ts', "import type { MessagePort } from 'node:worker_threads';"],
      ['src/store/x.ts', "import { Piscina } from 'piscina';"],
    ],
    fine: [
      ['src/broker/x.ts', "/** Atomics are not for us. */ const text = 'Date.now()';"],
      ['src/store/disk.ts', "import { openSync } from 'node:fs';"],
      ['src/store/x.ts', 'view.setInt32(at + RecordAt.size, 4); clock.setTimeouts = 1;'],
      ['src/broker/x.ts', 'function share(memory: SharedArrayBuffer): void {}'],
    ],
  },
  {
    name: 'no file has more than 600 lines',
    rule: filesAreShort,
    broken: [['src/base/x.ts', '/** Long. */\n'.repeat(601)]],
    fine: [['src/base/x.ts', '/** Long. */\n'.repeat(600)]],
  },
  {
    name: 'every file opens with what it is for',
    rule: filesOpenWithAComment,
    broken: [
      ['src/base/x.ts', "import { assert } from './assert.ts';\n/** Too late. */"],
      ['src/base/x.ts', '/** */'],
    ],
    fine: [['src/cli/main.ts', '#!/usr/bin/env node\n/** The command line. */']],
  },
  {
    name: 'no default exports, enums, namespaces, any',
    rule: plainLanguage,
    broken: [
      ['src/base/x.ts', 'export default class Ring {}'],
      ['src/base/x.ts', 'export const enum Stage { written }'],
      ['src/base/x.ts', 'declare namespace stages {}'],
      ['src/base/x.ts', 'function load(value: any): void {}'],
      ['src/base/x.ts', 'const list: Map<string, any> = new Map();'],
      ['src/base/x.ts', 'const cast = value as any;'],
    ],
    fine: [['src/base/x.ts', "const any = 1; // : any\nconst text = ': any';"]],
  },
  {
    name: 'a file exports only what it holds',
    rule: noBarrels,
    broken: [
      ['src/ring/x.ts', "export * from './bytes-ring.ts';"],
      ['src/ring/x.ts', "export { copyInto } from './copy-into.ts';"],
      ['src/ring/x.ts', "export type { Bell } from './doorbell.ts';"],
    ],
    fine: [['src/index.ts', "export { startBroker } from './threads/start.ts';"]],
  },
];

describe.each(cases)('$name', ({ rule, broken, fine }) => {
  it('in all of src', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(rule(sources)).toEqual([]);
  });

  it.each(broken)('not in %s: %s', (path, text) => {
    expect(rule([sourceFile(path, text)])).toHaveLength(1);
  });

  it.each(fine)('but yes in %s: %s', (path, text) => {
    expect(rule([sourceFile(path, text)])).toEqual([]);
  });
});

describe('what suites share', () => {
  it('lies in test/support', () => {
    expect(suitesShareSupport(readSources('test'))).toEqual([]);
  });

  it.each([
    ['test/support/x.ts', "import { SimBroker } from '../simulator/sim-broker.ts';"],
    ['test/threads/x.ts', "import { startApacheBroker } from '../interop/harness/apache.ts';"],
  ])('and not in a suite: %s: %s', (path, text) => {
    expect(suitesShareSupport([sourceFile(path, text)])).toHaveLength(1);
  });
});

it('finds a cycle over several files', () => {
  const files = [
    sourceFile('src/base/a.ts', "import { b } from './b.ts';"),
    sourceFile('src/base/b.ts', "import type { c } from './c.ts';"),
    sourceFile('src/base/c.ts', "import { a } from './a.ts';"),
  ];
  expect(noImportCycles(files)).toEqual([
    'import cycle: src/base/a.ts -> src/base/b.ts -> src/base/c.ts -> src/base/a.ts',
  ]);
});

it('reads past comments, strings, templates and regular expressions', () => {
  const open = '$' + '{';
  const text = `const a = /['\`]/.test(b) ? \`x${open}\`Atomics ${open}c}\`} Atomics\` : 4 / 2; // Atomics
Atomics.load(a);`;
  expect(wordsHaveOneHome([sourceFile('src/broker/x.ts', text)])).toEqual([
    'src/broker/x.ts:2: Atomics is not at home here',
  ]);
});
