/** Where the interop suite's own sources and build results lie. Used by the other files of this folder and by native-free-bench/peers. */
import { fileURLToPath } from 'node:url';

/** The repository: this file runs from dist/test/interop/harness. */
export const repository = fileURLToPath(new URL('../../../../', import.meta.url));
export const javaProject = `${repository}test/interop/java`;
export const goModule = `${repository}test/interop/go`;
