/** What a worker of the store tools' pool runs: pieces of a verification, each over files of its own. */
import { workerData } from 'piscina';
import { NodeDisk } from '../../store/disk.ts';
import type { SliceContext } from '../../store/verify-slice.ts';
import { runVerifyTask, type VerifyResult, type VerifyTask } from '../../store/verify-task.ts';
import { tagsCodes } from './record-tags.ts';

const disk = new NodeDisk();
const context: SliceContext = { ...(workerData as Omit<SliceContext, 'tagsCodeOf'>), tagsCodeOf: tagsCodes() };

export function verify(task: VerifyTask): VerifyResult {
  return runVerifyTask(disk, context, task);
}
