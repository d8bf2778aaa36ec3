import { beforeEach, describe, expect, it } from 'vitest';
import { StatusPage } from '../../../src/ring/status-page.ts';
import { LivenessWatch } from '../../../src/threads/control/liveness-watch.ts';

const APPEND = { name: 'append', index: 1 };
const FLUSH = { name: 'flush', index: 3 };

describe('the watch over the threads', () => {
  let status: StatusPage;
  let warnings: string[];
  let watch: LivenessWatch;
  let nowMs = 1000;

  beforeEach(() => {
    status = new StatusPage(StatusPage.allocate());
    warnings = [];
    nowMs = 1000;
    watch = new LivenessWatch(status, [APPEND, FLUSH], nowMs, (line) => warnings.push(line));
  });

  /** Half a second later; those of `beating` have taken a turn. */
  function look(...beating: { readonly index: number }[]): string | null {
    nowMs += 500;
    for (const { index } of beating) status.beat(index);
    return watch.look(nowMs)?.name ?? null;
  }

  it('is content with threads that take turns', () => {
    for (let i = 0; i < 1000; i++) expect(look(APPEND, FLUSH)).toBeNull();
    expect(warnings).toEqual([]);
  });

  it('warns once after 10 s and gives a thread up after 60 s', () => {
    for (let i = 0; i < 119; i++) expect(look(APPEND)).toBeNull();
    expect(warnings).toEqual(['thread flush has not moved for 10000 ms']);
    expect(look(APPEND)).toBe('flush');
  });

  it('begins anew when the thread moves', () => {
    for (let i = 0; i < 110; i++) look(APPEND);
    look(APPEND, FLUSH);
    for (let i = 0; i < 119; i++) expect(look(APPEND)).toBeNull();
    expect(warnings).toHaveLength(2);
    expect(look(APPEND)).toBe('flush');
  });

  it('does not blame the threads of a process that was stopped as a whole', () => {
    look(APPEND, FLUSH);
    nowMs += 3_600_000;
    expect(look()).toBeNull();
    expect(warnings).toEqual([]);
    // They have time to move again.
    for (let i = 0; i < 20; i++) expect(look(APPEND, FLUSH)).toBeNull();
  });
});
