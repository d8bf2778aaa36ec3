/**
 * The store tools' work on all cores, by a piscina pool. Opened by the command line for one verification or repair; a broker has nothing to
 * do with it.
 */
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { VerifyResult, VerifyTask } from '../../store/verify-task.ts';
import type { WorkContext } from './store-tool-worker.ts';

export interface StoreToolPool {
  readonly threads: number;
  /** `context` is what all pieces of one verification or repair have in common. */
  run(context: WorkContext, task: VerifyTask): Promise<VerifyResult>;
  close(): Promise<void>;
}

export function storeToolPool(): StoreToolPool {
  const threads = availableParallelism();
  const pool = new Piscina({
    name: 'work',
    filename: new URL('./store-tool-worker.js', import.meta.url).href,
    execArgv: [],
    minThreads: threads,
    maxThreads: threads,
  });
  return {
    threads,
    run: (context, task) => pool.run({ context, task }),
    close() {
      // Piscina's word for an answer that comes when its worker is being ended: the task has been refused by then.
      pool.on('error', () => {});
      return pool.destroy();
    },
  };
}
