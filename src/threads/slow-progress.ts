/** Log lines for a part of the start that takes long: how far it is, every two seconds. For control's walk and dispatch's catching up. */
import type { Clock } from '../base/clock.ts';

const EVERY_US = 2_000_000;

/** Call it as often as you like. */
export function slowProgress(clock: Clock, line: (text: string) => void, what: string): (position: number) => void {
  let nextUs = clock.monotonicUs() + EVERY_US;
  let calls = 0;
  return (position) => {
    // A look at the clock takes as long as a record.
    if ((++calls & LOOK_MASK) !== 0 || clock.monotonicUs() < nextUs) return;
    nextUs = clock.monotonicUs() + EVERY_US;
    line(`${what}: at ${position}`);
  };
}

const LOOK_MASK = 0xff;
