/**
 * Upstream's JSON dialect of the objects that control answers with and saves. Their types are interfaces, which TypeScript does not take
 * for objects with members of any name, though they are: the one cast is here.
 */
import { printFastJson } from '../remoting/fast-json.ts';

export function printJson(value: object): string {
  return printFastJson(value as Parameters<typeof printFastJson>[0]);
}
