import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asLogOffset } from '../../src/base/units.ts';
import { LogWindows } from '../../src/broker/log-windows.ts';
import { PullSelection } from '../../src/broker/pull-selection.ts';

const KIB = 1024;
const WINDOW = 512 * KIB;

/** A log whose byte at offset n is made of n; reads stop at the ends of segments of 1 MiB less a bit, so that windows lie across them. */
class Log {
  readonly reads: [offset: number, length: number][] = [];
  lostBelow = 0;

  read(offset: number, length: number, into: Uint8Array, at: number): number {
    this.reads.push([offset, length]);
    if (offset < this.lostBelow) return 0;
    const segment = 1024 * KIB - 100;
    const got = Math.min(length, segment - (offset % segment));
    for (let i = 0; i < got; i++) into[at + i] = byteAt(offset + i);
    return got;
  }
}

function byteAt(offset: number): number {
  return (offset + (offset >> 8) * 7 + (offset >> 16) * 13) & 0xff;
}

function selectionOf(records: readonly (readonly [offset: number, size: number])[]): PullSelection {
  const selection = new PullSelection(records.length);
  for (const [offset, size] of records) selection.add(offset, size, 0);
  return selection;
}

/** `count` records of 1 KiB, every `apart` KiB. */
function spread(from: number, count: number, apart: number): PullSelection {
  return selectionOf(Array.from({ length: count }, (_, i) => [from + i * apart * KIB, KIB] as const));
}

function hold(windows: LogWindows, selection: PullSelection, logEnd = 1e9): boolean {
  return windows.hold(selection, asLogOffset(logEnd));
}

function expectCopies(windows: LogWindows, selection: PullSelection): void {
  for (let i = 0; i < selection.count; i++) {
    const [offset, size] = [selection.logOffsets[i]!, selection.sizes[i]!];
    const into = Buffer.alloc(size + 20, 0xee);
    windows.copy(offset, size, into, 10);
    const expected = Buffer.alloc(size + 20, 0xee);
    for (let n = 0; n < size; n++) expected[10 + n] = byteAt(offset + n);
    expect(into.equals(expected)).toBe(true);
  }
}

describe('windows of the log', () => {
  it('are read when a sixth was asked for, and then serve without a read', () => {
    const log = new Log();
    const windows = new LogWindows(log);
    expect(hold(windows, spread(0, 32, 8))).toBe(false);
    expect(hold(windows, spread(KIB, 32, 8))).toBe(false);
    expect(log.reads).toEqual([]);
    expect(hold(windows, spread(2 * KIB, 32, 8))).toBe(true);
    expect(log.reads).toEqual([[0, WINDOW]]);
    const next = spread(3 * KIB, 32, 8);
    expect(hold(windows, next)).toBe(true);
    expectCopies(windows, next);
    expect(log.reads.length).toBe(1);
  });

  it('are read at once behind one that was worth it, and not behind one that was not', () => {
    const log = new Log();
    const windows = new LogWindows(log);
    for (let i = 0; i < 4; i++) hold(windows, spread(i * KIB, 32, 8));
    expect(hold(windows, spread(WINDOW, 5, 8))).toBe(true);
    expect(hold(windows, spread(2 * WINDOW, 5, 8))).toBe(false);
    expect(log.reads).toEqual([
      [0, WINDOW],
      [WINDOW, WINDOW],
      // The rest of the second one is in the next segment.
      [2 * WINDOW - 100, 100],
    ]);
  });

  it('grow with the log', () => {
    const log = new Log();
    const windows = new LogWindows(log);
    for (let i = 0; i < 3; i++) hold(windows, spread(i * KIB, 32, 4), 128 * KIB);
    const first = spread(0, 30, 4);
    expect(hold(windows, first, 128 * KIB)).toBe(true);
    const later = spread(128 * KIB, 10, 4);
    expect(hold(windows, later, 200 * KIB)).toBe(true);
    expectCopies(windows, first);
    expectCopies(windows, later);
    expect(log.reads).toEqual([
      [0, 128 * KIB],
      [128 * KIB, 72 * KIB],
    ]);
  });

  it('make room for later ones in the same place', () => {
    const windows = new LogWindows(new Log());
    for (const index of [0, 16, 32, 0]) {
      for (let i = 0; i < 3; i++) hold(windows, spread(index * WINDOW + i * KIB, 32, 8));
      const pull = spread(index * WINDOW, 32, 8);
      expect(hold(windows, pull)).toBe(true);
      expectCopies(windows, pull);
    }
  });

  it('do not hold what the log has lost', () => {
    const log = new Log();
    log.lostBelow = 10;
    const windows = new LogWindows(log);
    for (let i = 0; i < 8; i++) expect(hold(windows, spread(i * KIB, 32, 8))).toBe(false);
  });

  it('leave a pull alone that reaches over too much of the log', () => {
    const log = new Log();
    const windows = new LogWindows(log);
    for (let i = 0; i < 200; i++) expect(hold(windows, spread(0, 32, 150))).toBe(false);
    expect(log.reads).toEqual([]);
  });

  it('give exactly the bytes of the log, whatever is asked for in whatever order', () => {
    const pull = fc.record({
      from: fc.nat(12 * 1024 * KIB),
      steps: fc.array(fc.record({ gap: fc.nat(40_000), size: fc.integer({ min: 1, max: 60_000 }) }), {
        minLength: 1,
        maxLength: 20,
      }),
    });
    let held = 0;
    fc.assert(
      fc.property(fc.array(pull, { minLength: 1, maxLength: 15 }), (pulls) => {
        const windows = new LogWindows(new Log());
        let logEnd = 0;
        for (const { from, steps } of pulls) {
          let at = from;
          const records = steps.map(({ gap, size }): [number, number] => {
            const record: [number, number] = [at + gap, size];
            at += gap + size;
            return record;
          });
          logEnd = Math.max(logEnd, at);
          const selection = selectionOf(records);
          if (!hold(windows, selection, logEnd)) continue;
          held++;
          expectCopies(windows, selection);
        }
      }),
      { numRuns: 60 },
    );
    expect(held).toBeGreaterThan(50);
  });
});
