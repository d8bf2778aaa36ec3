/**
 * Refusals of the store at start. The command line shows their message and exits. Thrown before anything is changed but the files that say
 * who has the store open, which are put back.
 */

/** The files contradict each other or the settings. The message says what to do. */
export class StoreDamagedError extends Error {
  override readonly name = 'StoreDamagedError';
}

/** A live process has the store open. */
export class StoreOwnedError extends Error {
  override readonly name = 'StoreOwnedError';
}
