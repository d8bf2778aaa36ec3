/** The pieces of work that a verification or a repair is cut into, and who does them. A worker of the pool runs them (threads/pool), a test by itself. */
import { type BuildSlice, type BuiltSlice, buildQueues, type QueueToBuild } from './build-queues.ts';
import type { Disk } from './disk.ts';
import { type IndexFileResult, verifyIndexFile } from './verify-index.ts';
import type { IndexFileHead } from './verify-keys.ts';
import { type QueueContext, type QueueResult, type QueueToCheck, verifyQueue } from './verify-queue.ts';
import { type LogSlice, type SliceContext, type SliceResult, verifySlice } from './verify-slice.ts';

export type VerifyTask =
  | { readonly kind: 'slice'; readonly slice: LogSlice }
  | { readonly kind: 'index'; readonly file: IndexFileHead }
  | {
      readonly kind: 'build';
      readonly slice: BuildSlice;
      readonly queues: readonly QueueToBuild[];
      readonly withKeys: boolean;
    }
  | { readonly kind: 'queues'; readonly context: QueueContext; readonly queues: readonly QueueToCheck[] };

export type VerifyResult =
  | { readonly kind: 'slice'; readonly result: SliceResult }
  | { readonly kind: 'index'; readonly result: IndexFileResult }
  | { readonly kind: 'build'; readonly built: BuiltSlice }
  | { readonly kind: 'queues'; readonly results: readonly QueueResult[] };

export function runVerifyTask(disk: Disk, context: SliceContext, task: VerifyTask): VerifyResult {
  switch (task.kind) {
    case 'slice':
      return { kind: 'slice', result: verifySlice(disk, context, task.slice) };
    case 'index':
      return { kind: 'index', result: verifyIndexFile(disk, task.file) };
    case 'build':
      return { kind: 'build', built: buildQueues(disk, context, task.slice, task.queues, task.withKeys) };
    default:
      return { kind: 'queues', results: task.queues.map((queue) => verifyQueue(disk, task.context, queue)) };
  }
}
