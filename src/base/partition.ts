/** The first index in `[from, to)` at which `isBefore` no longer holds; `to` when it holds for all. It must not hold again after that. */
export function partition(from: number, to: number, isBefore: (index: number) => boolean): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
