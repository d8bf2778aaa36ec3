/** Log lines for a part of the start that takes long: how far it is, every two seconds. For control's walk and dispatch's catching up. */
import type { Clock } from '../base/clock.ts';

const EVERY_US = 2_000_000;
const LOOK_EVERY_BYTES = 1024 * 1024;

/** Call it as often as you like. The position may go back: a walk begins again further back when a queue lacks more than it should. */
export function slowProgress(
  clock: Clock,
  line: (text: string) => void,
  what: string,
): (position: number, end: number) => void {
  let nextUs = clock.monotonicUs() + EVERY_US;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return (position, end) => {
    // A look at the clock takes as long as a record.
    if (position >= lookedAt && position < lookedAt + LOOK_EVERY_BYTES) return;
    lookedAt = position;
    if (clock.monotonicUs() < nextUs) return;
    nextUs = clock.monotonicUs() + EVERY_US;
    line(`${what}: at ${position} of ${end}`);
  };
}
