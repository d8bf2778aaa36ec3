/** What a worker of the store tools' pool runs: pieces of a verification or a repair, each over files of its own. */
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { NodeDisk } from '../../store/disk.ts';
import type { SliceContext } from '../../store/verify-slice.ts';
import { runVerifyTask, type VerifyResult, type VerifyTask } from '../../store/verify-task.ts';
import { tagsCodes } from './record-tags.ts';

/** What can be sent of it. */
export type WorkContext = Omit<SliceContext, 'tagsCodeOf'>;

const disk = new NodeDisk();
const tagsCodeOf = tagsCodes();

/** Returns a {@link VerifyResult}; one with keys in piscina's wrapping, because they are handed over and not copied. */
export function work({ context, task }: { context: WorkContext; task: VerifyTask }): VerifyResult | object {
  const result = runVerifyTask(disk, { ...context, tagsCodeOf }, task);
  const keys = result.kind === 'build' ? result.built.keys : null;
  if (keys === null) return result;
  const { logOffsets, storeTimes, counts, hashes } = keys;
  const moved = [logOffsets.buffer, storeTimes.buffer, counts.buffer, hashes.buffer];
  return move({ [transferableSymbol]: moved, [valueSymbol]: result });
}
