/** What a worker of the store tools' pool runs: pieces of a verification or a repair, each over files of its own. */
import { NodeDisk } from '../../store/disk.ts';
import type { SliceContext } from '../../store/verify-slice.ts';
import { runVerifyTask, type VerifyResult, type VerifyTask } from '../../store/verify-task.ts';
import { tagsCodes } from './record-tags.ts';

/** What can be sent of it. */
export type WorkContext = Omit<SliceContext, 'tagsCodeOf'>;

const disk = new NodeDisk();
const tagsCodeOf = tagsCodes();

export function work({ context, task }: { context: WorkContext; task: VerifyTask }): VerifyResult {
  return runVerifyTask(disk, { ...context, tagsCodeOf }, task);
}
