/** Bytes that a call leaves on the heap, for tests of code that must leave none. */

const CALLS = 10_000;
const WINDOWS = 15;

/** The median over several windows of calls: a collection that falls into one makes that window negative, not the result. */
export function bytesPerCall(call: () => void): number {
  for (let i = 0; i < 5 * CALLS; i++) call();
  const windows = Array.from({ length: WINDOWS }, () => {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < CALLS; i++) call();
    return (process.memoryUsage().heapUsed - before) / CALLS;
  });
  return windows.sort((a, b) => a - b)[WINDOWS >> 1]!;
}
