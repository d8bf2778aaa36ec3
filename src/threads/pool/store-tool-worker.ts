/** What a worker of the store tools' pool runs: pieces of a verification or a repair, each over files of its own. */
import { workerData } from 'piscina';
import type { IndexFileShape } from '../../layout/index-file.ts';
import { NodeDisk } from '../../store/disk.ts';
import type { BuiltIndex } from '../../store/repair-store.ts';
import type { SliceContext } from '../../store/verify-slice.ts';
import { runVerifyTask, type VerifyResult, type VerifyTask } from '../../store/verify-task.ts';
import { buildIndex } from './index-build.ts';
import { tagsCodes } from './record-tags.ts';

const disk = new NodeDisk();
const context: SliceContext = { ...(workerData as Omit<SliceContext, 'tagsCodeOf'>), tagsCodeOf: tagsCodes() };

export interface IndexTask {
  readonly shape: IndexFileShape;
  readonly from: number;
  readonly to: number;
}

export function work(task: VerifyTask): VerifyResult {
  return runVerifyTask(disk, context, task);
}

export function index({ shape, from, to }: IndexTask): BuiltIndex {
  const { paths, sizes } = context;
  const log = { directory: paths.commitLog, segmentSizeBytes: sizes.segmentSizeBytes };
  return buildIndex(disk, log, { directory: paths.index, shape }, from, to);
}
