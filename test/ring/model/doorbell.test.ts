/** No ring is lost, whenever it comes: else a thread sleeps for ever and the walk says so. */
import type { MakeWorld } from './model.ts';
import { type Fault, prove } from './prove.ts';

const BELL = { file: 'ring/doorbell.js' } as const;
const BELL_AT = 0;
const WORK_AT = 64;

/** `ringers` threads announce one piece of work each; the sleeper ends when it has seen them all. */
function blockingSleeper(ringers: number): MakeWorld {
  return ({ memory, BlockingSleeper, Doorbell, Watermark }) => {
    const shared = memory(WORK_AT + ringers * 8);
    const ring = (i: number) => () => {
      new Watermark(shared, WORK_AT + i * 8).advance(1);
      new Doorbell(shared, BELL_AT).ring();
    };
    return {
      threads: {
        sleeper: () => {
          const sleeper = new BlockingSleeper(shared, BELL_AT);
          const work = Array.from({ length: ringers }, (_, i) => new Watermark(shared, WORK_AT + i * 8));
          const done = work.map(() => 0);
          const hasWork = () => work.some((mark, i) => mark.read() > done[i]!);
          while (done.includes(0)) {
            work.forEach((mark, i) => {
              done[i] = mark.read();
            });
            if (done.includes(0)) sleeper.sleep(hasWork, 1000);
          }
        },
        ...Object.fromEntries(Array.from({ length: ringers }, (_, i) => [`ringer ${i}`, ring(i)])),
      },
    };
  };
}

/** A thread with an event loop waits for two pieces of work and is, in between, awake for reasons of its own. */
const eventSleeper: MakeWorld = ({ memory, EventSleeper, Doorbell, Watermark, eventLoopTurn }) => {
  const shared = memory(WORK_AT + 8);
  return {
    threads: {
      sleeper: () => {
        let isAwake = false;
        const sleeper = new EventSleeper(shared, BELL_AT, () => {
          isAwake = true;
        });
        const work = new Watermark(shared, WORK_AT);
        let done = 0;
        const hasWork = () => work.read() > done;
        sleeper.arm(hasWork);
        sleeper.disarm();
        done = work.read();
        while (done < 2) {
          isAwake = false;
          sleeper.arm(hasWork);
          if (!isAwake) eventLoopTurn();
          done = work.read();
        }
      },
      ringer: () => {
        const work = new Watermark(shared, WORK_AT);
        const bell = new Doorbell(shared, BELL_AT);
        for (const value of [1, 2]) {
          work.advance(value);
          bell.ring();
        }
      },
    },
  };
};

/** No fault of the bell: what it announces has to be seen when it is rung. */
const PLAIN_WORK: Fault = {
  name: 'the work is announced by a plain write',
  edits: [
    {
      file: 'ring/watermark.js',
      find: 'Atomics.store(this.#cell, 0, BigInt(value));',
      replace: 'this.#cell[0] = BigInt(value);',
    },
  ],
  seen: /sleeper sleeps for ever/,
  needsReordering: true,
};

const blockingFaults: readonly Fault[] = [
  PLAIN_WORK,
  {
    name: 'the flag is raised after the look for work',
    edits: [
      { ...BELL, find: 'Atomics.store(word, 0, SLEEPING);\n        if (!hasWork())', replace: 'if (!hasWork())' },
      {
        ...BELL,
        find: 'Atomics.wait(word, 0, SLEEPING, timeoutMs);',
        replace: '{ Atomics.store(word, 0, SLEEPING); Atomics.wait(word, 0, SLEEPING, timeoutMs); }',
      },
    ],
    seen: /sleeper sleeps for ever/,
  },
  {
    name: 'there is no look for work',
    edits: [{ ...BELL, find: 'if (!hasWork())\n            Atomics.wait(', replace: 'Atomics.wait(' }],
    seen: /sleeper sleeps for ever/,
  },
  {
    name: 'the ringer takes the flag down without a notification',
    edits: [{ ...BELL, find: 'Atomics.notify(word, 0, 1);', replace: ';' }],
    seen: /sleeper sleeps for ever/,
  },
  {
    name: 'the ringer notifies and leaves the flag up',
    edits: [{ ...BELL, find: 'Atomics.exchange(word, 0, AWAKE) === SLEEPING', replace: 'true' }],
    seen: /sleeper sleeps for ever/,
  },
];

const eventFaults: readonly Fault[] = [
  {
    name: 'an outstanding wait is taken for a raised flag',
    edits: [
      { ...BELL, find: '        if (this.#isWaiting)\n            return;\n', replace: '' },
      { ...BELL, find: 'arm(hasWork) {\n', replace: 'arm(hasWork) {\n if (this.#isWaiting) return;\n' },
    ],
    seen: /sleeper sleeps for ever/,
  },
  {
    name: 'a flag that is down before the wait begins is taken for a wait',
    edits: [{ ...BELL, find: 'if (!wait.async) {\n            this.#wake();\n', replace: 'if (!wait.async) {\n' }],
    seen: /sleeper sleeps for ever/,
  },
];

prove('a doorbell with one ringer', { world: blockingSleeper(1), statesMin: 50, faults: blockingFaults });
prove('a doorbell with two ringers', { world: blockingSleeper(2), statesMin: 5000, faults: blockingFaults });
prove('the doorbell of an event loop', { world: eventSleeper, statesMin: 1000, faults: eventFaults });
