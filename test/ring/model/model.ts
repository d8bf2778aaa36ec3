/** Loads a build of ring/ whose shared memory is the model's, small enough to be walked completely, with or without a seeded fault. */
import { fileURLToPath } from 'node:url';
import type { Edit } from '../../support/edited-build.ts';
import { buildRing } from '../../support/ring-build.ts';
import { explore, type Globals, type Options, type Outcome, type World } from './explore.ts';

/** A tail of so few entries. */
export function tailOf(entries: number, unpublishedMax: number): readonly Edit[] {
  return [
    { file: 'base/limits.js', find: 'QUEUE_TAIL_ENTRIES = 128', replace: `QUEUE_TAIL_ENTRIES = ${entries}` },
    {
      file: 'base/limits.js',
      find: 'QUEUE_TAIL_UNPUBLISHED_MAX = 64',
      replace: `QUEUE_TAIL_UNPUBLISHED_MAX = ${unpublishedMax}`,
    },
    {
      file: 'layout/shared-page.js',
      find: 'CACHE_LINE_BYTES + QUEUE_TAIL_ENTRIES * QUEUE_ENTRY_BYTES',
      replace: '3 * CACHE_LINE_BYTES',
    },
  ];
}

/** The smallest sizes at which every wrap and every overflow still happens. */
const SMALL: readonly Edit[] = [
  { file: 'ring/slot-ring.js', find: 'SLOTS = 8192', replace: 'SLOTS = 2' },
  { file: 'ring/status-page.js', find: 'THREADS_MAX = 16', replace: 'THREADS_MAX = 2' },
];

const GLOBALS = ['Atomics', 'SharedArrayBuffer', 'Int32Array', 'Float64Array', 'BigInt64Array', 'DataView', 'Buffer'];

async function load(edits: readonly Edit[]) {
  const build = buildRing([...SMALL, ...edits], {
    file: fileURLToPath(new URL('./globals.js', import.meta.url)),
    names: GLOBALS,
  });
  try {
    const globals = (await import(build.url('globals.js'))) as Globals;
    return {
      ...((await import(build.url('ring/bytes-ring.js'))) as typeof import('../../../src/ring/bytes-ring.ts')),
      ...((await import(
        build.url('ring/descriptor-ring.js')
      )) as typeof import('../../../src/ring/descriptor-ring.ts')),
      ...((await import(build.url('ring/doorbell.js'))) as typeof import('../../../src/ring/doorbell.ts')),
      ...((await import(
        build.url('ring/queue-directory.js')
      )) as typeof import('../../../src/ring/queue-directory.ts')),
      ...((await import(build.url('ring/queue-table.js'))) as typeof import('../../../src/ring/queue-table.ts')),
      ...((await import(build.url('ring/slot-ring.js'))) as typeof import('../../../src/ring/slot-ring.ts')),
      ...((await import(build.url('ring/status-page.js'))) as typeof import('../../../src/ring/status-page.ts')),
      ...((await import(build.url('ring/watermark.js'))) as typeof import('../../../src/ring/watermark.ts')),
      eventLoopTurn: globals.eventLoopTurn,
      settle: globals.settle,
      /** Shared memory whose views, made by the names here, are traced. */
      memory: (sizeBytes: number) => new globals.TracedSharedArrayBuffer(sizeBytes) as unknown as SharedArrayBuffer,
      ints: (memory: SharedArrayBuffer) => new globals.TracedInt32Array(memory) as Int32Array,
      atomics: globals.TracedAtomics,
      explore: (makeWorld: () => World, options?: Options): Outcome => explore(globals, makeWorld, options),
    };
  } finally {
    build.remove();
  }
}

export type Model = Awaited<ReturnType<typeof load>>;

/** A world over a loaded model. */
export type MakeWorld = (model: Model) => World;

export async function exploreWith(edits: readonly Edit[], make: MakeWorld, options?: Options): Promise<Outcome> {
  const model = await load(edits);
  return model.explore(() => make(model), options);
}
