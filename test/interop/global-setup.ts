/** Vitest's global set-up of the interop suite: jars and programs are made once, before any broker runs. */
import { CLIENT_VERSIONS, prepareGo, prepareJava } from './harness/artifacts.ts';

export function setup(): void {
  prepareJava(['server-5.3.3', ...CLIENT_VERSIONS.map((version) => `client-${version}` as const)]);
  prepareGo();
}
