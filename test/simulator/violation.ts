/** A promise of the store that was broken: what the simulator looks for. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function insist(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new Violation(message());
}
