/** Ringers announce one piece of work after the other and wait for each to be done; a ring that is lost leaves both sides asleep. */
import { every } from '../../src/base/clock.ts';
import { sleepFor } from './request-roles.ts';
import type { Counts, RoleContext } from './scenario.ts';

export const RINGERS = 2;
/** Longer than any run of a fault. */
const NEVER_MS = 1e6;
const LINE = 128;
export const SERVER_BELL = 0;
export const ringerBell = (ringer: number) => LINE * (1 + ringer);
const workAt = (ringer: number) => LINE * (1 + RINGERS + ringer);
const doneAt = (ringer: number) => LINE * (1 + 2 * RINGERS + ringer);
export const BELL_WORDS_BYTES = LINE * (1 + 3 * RINGERS);

export function ringer(context: RoleContext): Counts {
  const { ring, memories, index, lostMs, isOver, isBroken, finished } = context;
  const memory = memories.bells!;
  const work = new ring.Watermark(memory, workAt(index));
  const done = new ring.Watermark(memory, doneAt(index));
  const bell = new ring.Doorbell(memory, SERVER_BELL);
  const sleeper = new ring.BlockingSleeper(memory, ringerBell(index));
  let rung = 0;
  while (!isOver() && !isBroken()) {
    work.advance(++rung);
    bell.ring();
    const isDone = () => done.read() === rung;
    const began = performance.now();
    while (!isDone() && !isBroken()) {
      sleepFor(isDone, sleeper, context);
      // A server that missed a ring sleeps for ever, and only this side can notice.
      if (!isDone() && performance.now() - began >= lostMs && !isBroken()) throw new Error('a ring was lost');
    }
  }
  finished();
  bell.ring();
  return { rung };
}

/** Does the work of all ringers that is there. */
function worker({ ring, memories }: RoleContext) {
  const memory = memories.bells!;
  const lines = Array.from({ length: RINGERS }, (_, i) => ({
    work: new ring.Watermark(memory, workAt(i)),
    done: new ring.Watermark(memory, doneAt(i)),
    bell: new ring.Doorbell(memory, ringerBell(i)),
    served: 0,
  }));
  return {
    hasWork: () => lines.some(({ work, served }) => work.read() > served),
    doWork(): number {
      let count = 0;
      for (const line of lines) {
        const value = line.work.read();
        if (value === line.served) continue;
        count += value - line.served;
        line.served = value;
        line.done.advance(value);
        line.bell.ring();
      }
      return count;
    },
  };
}

export function server(context: RoleContext): Counts {
  const { ring, memories, isBroken, finishedRoles } = context;
  const { hasWork, doWork } = worker(context);
  const sleeper = new ring.BlockingSleeper(memories.bells!, SERVER_BELL);
  let served = 0;
  while (finishedRoles() < RINGERS && !isBroken()) {
    const count = doWork();
    served += count;
    if (count === 0) sleeper.sleep(() => hasWork() || finishedRoles() === RINGERS, NEVER_MS);
  }
  return { served: served + doWork() };
}

/** The same in an event loop, with a timer that disturbs its sleep. */
export function eventServer(context: RoleContext): Promise<Counts> {
  const { ring, memories, isBroken, finishedRoles } = context;
  const { hasWork, doWork } = worker(context);
  let served = 0;
  return new Promise((resolve) => {
    const sleeper = new ring.EventSleeper(memories.bells!, SERVER_BELL, () => setImmediate(turn));
    const disturbance = every(1, () => {
      sleeper.disarm();
      served += doWork();
      sleeper.arm(hasWork);
    });
    function turn(): void {
      served += doWork();
      if (finishedRoles() < RINGERS && !isBroken()) {
        sleeper.arm(() => hasWork() || finishedRoles() === RINGERS);
        return;
      }
      disturbance.stop();
      sleeper.close();
      resolve({ served: served + doWork() });
    }
    turn();
  });
}
