/** Numbers of slices and queues that no test makes files for: more than a call takes arguments. */
import { expect, it } from 'vitest';
import { slicesOf } from '../../src/store/repair-store.ts';
import { NO_KEY_FAULTS } from '../../src/store/verify-keys.ts';
import { joinSlices } from '../../src/store/verify-log.ts';

const MANY = 150_000;

it('builds any number of queues, from the first record of one of them on', () => {
  const build = Array.from({ length: MANY }, (_, i) => ({
    topic: 'T',
    queueId: i,
    first: 0,
    fromLogOffset: 200 + ((i * 7919) % MANY),
  }));
  const runs = [
    { from: 0, to: 200 },
    { from: 200, to: 400 },
  ];
  expect(slicesOf({ build, buildIndex: false }, { runs, healed: [] })).toEqual([{ ...runs[1], healed: [] }]);
});

it('puts any number of slices together', () => {
  const damage = { at: [], endsLogAt: [], bruisedQueues: new Set<string>(), described: [] };
  const nothing = { holes: [], wrongFillers: [], queues: [], damage, nameless: [], keys: NO_KEY_FAULTS };
  const slices = Array.from({ length: MANY }, (_, i) => ({
    ...nothing,
    slice: { from: i, to: i + 1, isExact: true, healed: [] },
    records: 1,
    runs: [{ from: i, to: i + 1 }],
    oldestStoreMs: 5,
    newestStoreMs: 5 + i,
  }));
  expect(joinSlices(slices, MANY)).toMatchObject({ records: MANY, end: MANY, newestStoreMs: MANY + 4 });
});
