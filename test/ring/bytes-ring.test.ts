/** Claims of a bytes ring against a list of the live ones, and a ring without the check of free room that the same property catches. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { asRingPosition } from '../../src/base/units.ts';
import { BytesRing, NO_ROOM } from '../../src/ring/bytes-ring.ts';

const SIZE = 64;

interface Claim {
  readonly position: number;
  readonly length: number;
}

/** The part of a ring that the property drives. */
type RingUnderTest = Pick<BytesRing, 'claim' | 'release' | 'index' | 'usedBytes'>;

/** Claims (a length) and releases (null: the oldest live claim) in any order; throws at the first broken promise. */
function checkClaims(ring: RingUnderTest, steps: readonly (number | null)[]): void {
  const live: Claim[] = [];
  for (const length of steps) {
    if (length === null) {
      const oldest = live.shift();
      if (oldest !== undefined) ring.release(asRingPosition(oldest.position + oldest.length));
      continue;
    }
    const position = ring.claim(length);
    if (position === NO_ROOM) {
      if (live.length === 0) throw new Error(`an empty ring refused ${length} bytes`);
      continue;
    }
    const index = ring.index(position);
    if (index + length > SIZE) throw new Error(`a claim of ${length} at ${index} is not contiguous`);
    for (const other of live) {
      const otherIndex = ring.index(asRingPosition(other.position));
      if (index < otherIndex + other.length && otherIndex < index + length) throw new Error('two live claims overlap');
      if (position < other.position + other.length) throw new Error('positions do not grow');
    }
    live.push({ position, length });
    if (ring.usedBytes > SIZE) throw new Error('more is used than there is');
  }
}

const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: SIZE / 2 }), fc.constant(null)), { maxLength: 60 });

describe('claims of a bytes ring', () => {
  it('never overlap live ones, are contiguous, and always succeed in an empty ring', () => {
    fc.assert(
      fc.property(steps, (list) => checkClaims(new BytesRing(BytesRing.allocate(SIZE)), list)),
      { numRuns: 1000 },
    );
  });

  it('would overlap in a ring that gives out bytes before they are released, and the property sees it', () => {
    class Greedy extends BytesRing {
      #end = 0;
      override claim(length: number): ReturnType<BytesRing['claim']> {
        let position = super.claim(length);
        if (position === NO_ROOM) {
          this.release(asRingPosition(this.#end));
          position = super.claim(length);
        }
        this.#end = position + length;
        return position;
      }
    }
    const result = fc.check(fc.property(steps, (list) => checkClaims(new Greedy(BytesRing.allocate(SIZE)), list)));
    expect(String(result.errorInstance), `seed ${result.seed}`).toContain('overlap');
  });

  it('start over when the ring is empty, so that half of it is in one piece', () => {
    const ring = new BytesRing(BytesRing.allocate(SIZE));
    const first = ring.claim(30);
    expect(first).toBe(0);
    const second = ring.claim(10);
    expect(second).toBe(30);
    ring.release(asRingPosition(40));
    expect(ring.usedBytes).toBe(0);
    expect(ring.index(asRingPosition(ring.claim(32)))).toBe(0);
  });

  it('are refused when the free bytes are not in one piece', () => {
    const ring = new BytesRing(BytesRing.allocate(SIZE));
    ring.claim(20);
    ring.claim(30);
    ring.release(asRingPosition(20));
    expect(ring.claim(21)).toBe(NO_ROOM);
    expect(ring.claim(20)).toBe(SIZE);
    expect(ring.usedBytes).toBe(SIZE);
  });

  it('of nothing, or of more than half the ring, break an invariant', () => {
    const ring = new BytesRing(BytesRing.allocate(SIZE));
    expect(() => ring.claim(0)).toThrow(InvariantError);
    expect(() => ring.claim(SIZE / 2 + 1)).toThrow(InvariantError);
    expect(() => ring.release(asRingPosition(1))).toThrow(InvariantError);
    expect(() => new BytesRing(BytesRing.allocate(48))).toThrow(InvariantError);
  });
});
