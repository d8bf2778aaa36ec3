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

/** Somebody has put it there. Nothing can be read of it, and the broker would need the name sooner or later. */
export function folderError(path: string): StoreDamagedError {
  return new StoreDamagedError(`${path} is a folder, where a file is to be: move it away`);
}
