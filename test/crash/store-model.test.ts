/** Each check of the crash suite fails when its rule is broken: a suite that is always green proves nothing. */
import { describe, expect, it } from 'vitest';
import { type FoundMessage, messageIdOf, topicName } from './messages.ts';
import { StoreModel } from './store-model.ts';
import { type WitnessEntry, WitnessKind } from './witness-log.ts';

const LANE = 100;
const RECORD = 1000;

function acknowledged(sequence: number, queueOffset: number): WitnessEntry {
  const place = { topic: 0, queueId: 0, queueOffset, logOffset: queueOffset * RECORD };
  return { kind: WitnessKind.written, id: messageIdOf(LANE, sequence), ...place, us: 0 };
}

function found(sequence: number, queueOffset: number): FoundMessage {
  const logOffset = queueOffset * RECORD;
  const place = { topic: topicName(0), queueId: 0, queueOffset, logOffset, storeTimestamp: 1 };
  return { ...place, id: messageIdOf(LANE, sequence), what: '' };
}

/** A model of three messages that were acknowledged: the numbers 0, 1, 2 at the offsets 0, 1, 2. */
function modelOfThree(): StoreModel {
  const model = new StoreModel();
  for (const number of [0, 1, 2]) model.witness(acknowledged(number, number));
  model.sent(LANE, 4);
  return model;
}

function check(messages: readonly FoundMessage[], bounds: { min?: number; max?: number } = {}): string[] {
  const model = modelOfThree();
  const { min = 0, max = messages.length } = bounds;
  model.checkQueues([{ topic: 0, queueId: 0, min, max, from: 0, messages }]);
  return model.violations;
}

const three = [found(0, 0), found(1, 1), found(2, 2)];

describe('messages', () => {
  it('that are as they were acknowledged are right, with one more that was sent', () => {
    expect(check([...three, found(3, 3)])).toEqual([]);
  });

  it.each([
    ['a queue that has become shorter', three.slice(0, 2), {}, 'LOST'],
    ['a broker that does not know the queue', [], { min: Number.NaN, max: Number.NaN }, 'NaN'],
    ['another message at the place', [found(0, 0), found(1, 1), found(3, 2)], {}, 'LOST'],
    ['another place in the log', [...three.slice(0, 2), { ...found(2, 2), logOffset: 2001 }], {}, 'lay at 2000'],
    ['a message that was never sent', [...three, found(4, 3)], {}, 'PHANTOM'],
    ['a torn message', [...three, { ...found(3, 3), id: Number.NaN, what: 'a torn body' }], {}, 'a torn body'],
    ['a message that is there twice', [...three, found(2, 3)], {}, 'TWICE'],
    ['a gap', [...three, found(3, 4)], {}, 'says that it is 4'],
    ['the record of another queue', [...three, { ...found(3, 3), queueId: 1 }], {}, 'says that it is of'],
    ['a beginning that has gone', three, { min: 1 }, 'begins at 1'],
    ['an end without a message', three, { max: 4 }, '3 messages from 0 to 4'],
  ])('%s is noticed', (_, messages, bounds, text) => {
    expect(check(messages, bounds).join('\n')).toContain(text);
  });

  it('out of the order of their sender are noticed', () => {
    const model = new StoreModel();
    model.sent(LANE, 4);
    const messages = [found(1, 0), found(0, 1)];
    model.checkQueues([{ topic: 0, queueId: 0, min: 0, max: 2, from: 0, messages }]);
    expect(model.violations.join('\n')).toContain('ORDER');
  });

  it('that nobody acknowledged must stay once they were found', () => {
    const model = modelOfThree();
    const queue = { topic: 0, queueId: 0, min: 0, from: 0 };
    model.checkQueues([{ ...queue, max: 4, messages: [...three, found(3, 3)] }]);
    expect(model.violations).toEqual([]);
    model.checkQueues([{ ...queue, max: 3, messages: three }]);
    expect(model.violations.join('\n')).toContain('LOST');
  });

  it('that a consumer was given must be those that were acknowledged', () => {
    const model = modelOfThree();
    model.witness({ ...acknowledged(3, 2), kind: WitnessKind.seen });
    expect(model.violations.join('\n')).toContain('a consumer was given');
  });
});

describe('the place of a group', () => {
  const MAX = 10;

  function checkOffset(offset: number, clean = false, hasLost = false, max = MAX): string {
    const model = new StoreModel();
    const commit = { topic: 0, queueId: 0, id: 0, logOffset: 0 };
    for (const [queueOffset, us] of [
      [4, 1000],
      [6, 5000],
    ] as const) {
      model.witness({ ...commit, kind: WitnessKind.commitSent, queueOffset, us });
      model.witness({ ...commit, kind: WitnessKind.commitAnswered, queueOffset, us });
    }
    model.witness({ ...commit, kind: WitnessKind.commitSent, queueOffset: 8, us: 6000 });
    const ended = { clean, filingMs: 3, hasLost };
    model.checkOffsets([{ group: 0, topic: 0, queueId: 0, offset }], () => max, ended);
    return model.violations.join('\n');
  }

  it.each([4, 6, 8])('may be %i after a crash', (offset) => expect(checkOffset(offset)).toBe(''));
  it.each([6, 8])('may be %i after a clean stop', (offset) => expect(checkOffset(offset, true)).toBe(''));

  it('may be an older one after a crash that others have heard of late', () => {
    const model = new StoreModel();
    const commit = { topic: 0, id: 0, queueOffset: 4, logOffset: 0 };
    const sent = { ...commit, kind: WitnessKind.commitSent };
    const answered = { ...commit, kind: WitnessKind.commitAnswered };
    for (const [queueId, sentUs, answeredUs] of [
      [0, 1000, 1500],
      // The answer has lain there for long while its reader stood still.
      [1, 1400, 90_000],
    ] as const) {
      model.witness({ ...sent, queueId, us: sentUs });
      model.witness({ ...answered, queueId, us: answeredUs });
    }
    const found = [0, 1].map((queueId) => ({ group: 0, topic: 0, queueId, offset: 0 }));
    model.checkOffsets(found, () => MAX, { clean: false, filingMs: 3, hasLost: false });
    expect(model.violations).toEqual([]);
  });

  it('is the end of the queue when power was lost and the rest of it with it', () => {
    expect(checkOffset(3, false, true, 3)).toBe('');
    expect(checkOffset(4, false, true, 3)).toContain('the queue ends at 3');
    expect(checkOffset(2, false, true, 3)).toContain('has not committed');
  });

  it.each([
    ['ahead of the queue', 11, false, 'the queue ends at 10'],
    ['one that was not committed', 5, false, 'has not committed'],
    ['forgotten', 0, false, 'had committed 4'],
    ['behind after a clean stop', 4, true, 'had committed 6'],
    ['refused', Number.NaN, false, 'has not committed'],
  ])('that is %s is noticed', (_, offset, clean, text) => expect(checkOffset(offset, clean)).toContain(text));
});
