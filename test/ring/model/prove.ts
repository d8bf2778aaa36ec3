/** The tests of one world: it holds in all interleavings, strict and weak, and each seeded fault leads to a violation. */
import { describe, expect, it } from 'vitest';
import type { Edit } from '../../support/edited-build.ts';
import { exploreWith, type MakeWorld } from './model.ts';

export interface Fault {
  readonly name: string;
  /** What is broken in the code of ring/ ... */
  readonly edits?: readonly Edit[];
  /** ... or a world whose threads use it wrongly. */
  readonly world?: MakeWorld;
  readonly seen: RegExp;
  /** Interleaving alone does not show it; that is checked too. */
  readonly needsReordering?: boolean;
}

export interface Proof {
  readonly world: MakeWorld;
  readonly sizes?: readonly Edit[];
  /** Fewer states than this: the world has become trivial and proves nothing. */
  readonly statesMin: number;
  /** Reordering adds too many states, or what it would show is shown by another world; `world` says which. */
  readonly interleavingOnly?: boolean;
  readonly faults: readonly Fault[];
}

export function prove(what: string, { world, sizes = [], statesMin, interleavingOnly = false, faults }: Proof): void {
  describe(what, () => {
    const all = [
      { name: 'all interleavings', isWeak: false },
      { name: 'all interleavings and reorderings', isWeak: true },
    ];
    it.each(interleavingOnly ? all.slice(0, 1) : all)('holds in $name', async ({ isWeak }) => {
      const { violation, states } = await exploreWith(sizes, world, { isWeak });
      expect(violation).toBeNull();
      if (process.env.SHOW_STATES) console.log(what, isWeak, states);
      expect(states).toBeGreaterThan(statesMin);
    });

    it.each(faults)(
      'is seen to fail when $name',
      async ({ edits = [], world: wrong, seen, needsReordering = false }) => {
        const allEdits = [...sizes, ...edits];
        const strict = await exploreWith(allEdits, wrong ?? world);
        if (needsReordering) expect(strict.violation).toBeNull();
        const outcome = needsReordering ? await exploreWith(allEdits, wrong ?? world, { isWeak: true }) : strict;
        expect(outcome.violation?.message).toMatch(seen);
        expect(outcome.violation?.steps.length).toBeGreaterThan(3);
      },
    );
  });
}
