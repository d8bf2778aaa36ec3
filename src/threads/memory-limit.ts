/** How much memory there is for this process and the page cache of its files: what counts as hot follows from it. */
import { totalmem } from 'node:os';

/** The smaller of the machine's memory and what its control group allows. */
export function memoryLimitBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
