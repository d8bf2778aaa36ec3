/**
 * The store tools' work on all cores, by a piscina pool. Opened by the command line for one verification or repair; a broker has nothing to
 * do with it.
 */
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { BuiltIndex } from '../../store/repair-store.ts';
import type { SliceContext } from '../../store/verify-slice.ts';
import type { VerifyResult, VerifyTask } from '../../store/verify-task.ts';
import type { IndexTask } from './store-tool-worker.ts';

export interface StoreToolPool {
  run(task: VerifyTask): Promise<VerifyResult>;
  buildIndex(task: IndexTask): Promise<BuiltIndex>;
  close(): Promise<void>;
}

/** `context` is what all pieces have in common; it is given to each worker once. */
export function storeToolPool(context: Omit<SliceContext, 'tagsCodeOf'>): StoreToolPool {
  const threads = availableParallelism();
  const pool = new Piscina({
    filename: new URL('./store-tool-worker.js', import.meta.url).href,
    workerData: context,
    execArgv: [],
    minThreads: threads,
    maxThreads: threads,
  });
  return {
    run: (task) => pool.run(task, { name: 'work' }),
    buildIndex: (task) => pool.run(task, { name: 'index' }),
    close: () => pool.destroy(),
  };
}
