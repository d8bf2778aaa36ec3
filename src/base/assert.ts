/** Assertions that stay on in production: a broken invariant is a crash, never a guess (docs/decisions/0003). Called from every thread. */

/** Thrown when an invariant of the program itself does not hold. Nothing catches it except the thread's shell, which stops the broker. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Throws {@link InvariantError} unless `condition` holds. On hot paths pass a constant string, so that nothing is built when it holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Marks a branch that no value can reach; the type check proves it, the throw guards against casts. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`);
}
