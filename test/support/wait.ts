/** Waiting for a condition with a deadline: no test sleeps and hopes. */
import { sleep, systemClock } from '../../src/base/clock.ts';

const POLL_MS = 25;

/**
 * Resolves with the first result of `probe` that is not undefined or false; throws when the deadline passes, naming `what`, which a function
 * can say as it is by then.
 */
export async function waitFor<Result>(
  what: string | (() => string),
  deadlineMs: number,
  probe: () => Result | undefined | false | Promise<Result | undefined | false>,
): Promise<Result> {
  const end = systemClock.monotonicUs() + deadlineMs * 1000;
  for (;;) {
    const result = await probe();
    if (result !== undefined && result !== false) return result;
    if (systemClock.monotonicUs() > end)
      throw new Error(`${typeof what === 'string' ? what : what()}: not within ${deadlineMs} ms`);
    await sleep(POLL_MS);
  }
}
