/** The entry of a broker's worker threads. Started by broker-node.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import type { WorkerStart } from './thread-messages.ts';
import { runWorker } from './worker.ts';

assert(parentPort !== null, 'this file is the entry of a worker');
await runWorker(workerData as WorkerStart, parentPort);
