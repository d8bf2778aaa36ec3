/** Where the repository lies, and in it the sources and build results of the interop suite's client programs. */
import { fileURLToPath } from 'node:url';

/** The repository: this file runs from dist/test/support. */
export const repository = fileURLToPath(new URL('../../..', import.meta.url));
export const javaProject = `${repository}test/interop/java`;
export const goModule = `${repository}test/interop/go`;
