import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { VerifyTask } from '../../../src/store/verify-task.ts';
import { storeToolPool } from '../../../src/threads/pool/store-tool-pool.ts';
import type { WorkContext } from '../../../src/threads/pool/store-tool-worker.ts';
import { SMALL_SIZES, smallPaths } from '../../support/small-store.ts';

const CONTEXT: WorkContext = {
  paths: smallPaths,
  sizes: SMALL_SIZES,
  batchTopics: new Set(),
  indexFiles: [],
  settledTo: Number.POSITIVE_INFINITY,
  indexedTo: Number.POSITIVE_INFINITY,
  checksBodies: true,
};
const NO_QUEUES: VerifyTask = {
  kind: 'queues',
  context: { fileSizeBytes: 400, logStart: 0, logEnd: 0, healed: new Set(), cleanStop: true, limit: 0 },
  queues: [],
};
const ANSWER_MS = 100;

/** Else it is an uncaught error, by which the runner of tests fails, and a tool would not say how far it has come. */
it('is ended while an answer is on its way, which is then nobody’s', async () => {
  const pool = storeToolPool();
  await pool.run(CONTEXT, NO_QUEUES);
  const running = pool.run(CONTEXT, NO_QUEUES);
  const refused = expect(running).rejects.toThrow('Terminating');
  // The worker has answered, and this thread has not seen it.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ANSWER_MS);
  await pool.close();
  await refused;
  await turn();
});
