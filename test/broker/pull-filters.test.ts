import { expect, it } from 'vitest';
import { PullFilters } from '../../src/broker/pull-filters.ts';
import { pullHeader } from './pull-harness.ts';

it('an expression is parsed once, until the expressions that are kept are too many bytes', () => {
  const filters = new PullFilters();
  const usual = pullHeader({ subscription: 'TagA || TagB' });
  const first = filters.ofRequest(usual);
  for (let i = 0; i < 60; i++) filters.ofRequest(pullHeader({ subscription: `${i}`.padEnd(16 * 1024, 'x') }));
  expect(filters.ofRequest(usual)).toBe(first);
  for (let i = 60; i < 64; i++) filters.ofRequest(pullHeader({ subscription: `${i}`.padEnd(16 * 1024, 'x') }));
  const again = filters.ofRequest(usual);
  expect(again).not.toBe(first);
  expect(again).toEqual(first);
  expect(filters.ofRequest(usual)).toBe(again);
});

it('a pull that waits keeps its texts and nothing that lay between them', () => {
  const header = pullHeader({ group: 'Group', topic: 'Topic', subscription: 'TagA', expressionType: 'TAG' });
  const copy = header.copy();
  expect(Buffer.from(copy.names).toString()).toBe('GroupTopicTagATAG');
  expect([copy.subscription(), copy.expressionType()]).toEqual(['TagA', 'TAG']);
  const bare = pullHeader({ group: 'Group', topic: 'Topic', subscription: null, expressionType: null }).copy();
  expect(Buffer.from(bare.names).toString()).toBe('GroupTopic');
  expect([bare.subscription(), bare.expressionType()]).toEqual([null, null]);
});
