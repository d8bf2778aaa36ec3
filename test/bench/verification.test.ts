import { beforeEach, describe, expect, it } from 'vitest';
import { destinationOf } from '../../src/bench/destinations.ts';
import type { Doubt } from '../../src/bench/lanes.ts';
import { type Expectation, Verifier } from '../../src/bench/verification.ts';

const STAMP = 7;
const LANES = 3;
const DESTINATIONS = 2;
const SENT = 6;

interface Sent {
  readonly lane: number;
  readonly sequence: number;
}

/** What each destination holds after every lane sent its messages, one round after the other. */
let queues: Sent[][];

beforeEach(() => {
  queues = Array.from({ length: DESTINATIONS }, () => []);
  for (let sequence = 0; sequence < SENT; sequence++) {
    for (let lane = 0; lane < LANES; lane++)
      queues[destinationOf(DESTINATIONS, lane, sequence)]?.push({ lane, sequence });
  }
});

function expectation(doubts: readonly Doubt[] = [], earlierDoubts = 0): Expectation {
  // Two connections: lanes 0 and 1, lane 2.
  const ledgers = [
    { firstLane: 0, sent: Int32Array.of(SENT, SENT), doubts },
    { firstLane: 2, sent: Int32Array.of(SENT), doubts: [] },
  ];
  return { ledgers, ends: queues.map((queue) => queue.length), earlierDoubts };
}

function read(verifier = new Verifier(STAMP, LANES, DESTINATIONS)): Verifier {
  queues.forEach((queue, destination) => {
    for (const { lane, sequence } of queue) verifier.message(destination, STAMP, lane, sequence);
  });
  return verifier;
}

/** The queue that holds a message, and its place there. */
function placeOf(lane: number, sequence: number): { queue: Sent[]; at: number } {
  const queue = queues[destinationOf(DESTINATIONS, lane, sequence)] as Sent[];
  return { queue, at: queue.findIndex((message) => message.lane === lane && message.sequence === sequence) };
}

it('finds nothing wrong when everything is there', () => {
  expect(read().finish(expectation())).toMatchObject({
    expected: LANES * SENT,
    read: LANES * SENT,
    missing: 0,
    duplicates: 0,
    isSound: true,
  });
});

it.each([0, 1, SENT - 2, SENT - 1])('finds a lost message, number %i of its lane', (sequence) => {
  const { queue, at } = placeOf(1, sequence);
  queue.splice(at, 1);
  const verification = read().finish(expectation());
  expect(verification).toMatchObject({ missing: 1, isSound: false });
  expect(verification.examples).toEqual([`message ${sequence} of lane 1 was acknowledged and is nowhere`]);
});

it('finds all of a lost queue', () => {
  const lost = queues[1]?.splice(0).length;
  expect(read().finish(expectation())).toMatchObject({ missing: lost, isSound: false });
});

it('finds messages of a lane in the wrong order, and does not take them for lost or doubled', () => {
  const early = placeOf(1, 1);
  const late = placeOf(1, 3);
  expect(early.queue).toBe(late.queue);
  early.queue[early.at] = { lane: 1, sequence: 3 };
  late.queue[late.at] = { lane: 1, sequence: 1 };
  expect(read().finish(expectation())).toMatchObject({ reordered: 1, missing: 0, duplicates: 0, isSound: false });
});

it('does not mind the order of different lanes', () => {
  for (const queue of queues) queue.sort((a, b) => a.lane - b.lane);
  expect(read().finish(expectation()).isSound).toBe(true);
});

it('counts a message that is there twice', () => {
  const { queue, at } = placeOf(2, 2);
  queue.splice(at + 1, 0, { lane: 2, sequence: 2 });
  expect(read().finish(expectation())).toMatchObject({ duplicates: 1, missing: 0, reordered: 0, isSound: true });
});

it('finds a message in another queue than its own', () => {
  const { queue, at } = placeOf(0, 2);
  const message = queue.splice(at, 1)[0] as Sent;
  queues.find((other) => other !== queue)?.push(message);
  expect(read().finish(expectation())).toMatchObject({ misplaced: 1, missing: 1, isSound: false });
});

it('finds a message in its own queue and in another one', () => {
  queues[1]?.push({ lane: 0, sequence: 0 });
  expect(read().finish(expectation())).toMatchObject({ misplaced: 1, missing: 0, isSound: false });
});

it('finds corruption beside everything that is expected', () => {
  const verifier = read();
  verifier.corrupt('what stands at offset 9 is no record');
  expect(verifier.finish(expectation())).toMatchObject({ corrupted: 1, missing: 0, isSound: false });
});

it('finds corruption', () => {
  const { queue, at } = placeOf(0, 0);
  queue.splice(at, 1);
  const verifier = read();
  verifier.corrupt('the body at offset 0 is not what was sent');
  const verification = verifier.finish(expectation());
  expect(verification).toMatchObject({ corrupted: 1, missing: 1, isSound: false });
});

describe('messages that were not acknowledged', () => {
  const doubts = [{ lane: 1, sequence: SENT - 1 }];

  it('may be missing', () => {
    const { queue, at } = placeOf(1, SENT - 1);
    queue.splice(at, 1);
    expect(read().finish(expectation(doubts))).toMatchObject({ missing: 0, unacknowledgedRead: 0, isSound: true });
  });

  it('may be there', () => {
    expect(read().finish(expectation(doubts))).toMatchObject({ missing: 0, unacknowledgedRead: 1, isSound: true });
  });

  it('of an earlier phase may turn up, but no more than there were', () => {
    const verifier = read();
    verifier.message(0, STAMP - 1, 0, 0);
    expect(verifier.finish(expectation([], 1)).isSound).toBe(true);
    expect(verifier.finish(expectation([], 0))).toMatchObject({ foreign: 1, isSound: false });
  });
});

it('counts down what is missing while reading', () => {
  const verifier = new Verifier(STAMP, LANES, DESTINATIONS);
  expect(verifier.missing(expectation())).toBe(LANES * SENT);
  read(verifier);
  expect(verifier.missing(expectation())).toBe(0);
});
