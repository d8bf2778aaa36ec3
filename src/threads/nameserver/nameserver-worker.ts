/** The entry of a NameServer's own thread: opens it, answers its owner's questions, ends when told to. Started by nameserver-thread.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import type { FromNameServer, NameServerWorkerData, ToNameServer } from './nameserver-messages.ts';
import { openNameServer } from './open-name-server.ts';

assert(parentPort !== null, 'this file is the entry of a worker');
const port = parentPort;
const tell = (message: FromNameServer): void => port.postMessage(message);
const { options } = workerData as NameServerWorkerData;

try {
  const nameServer = await openNameServer(options, (line) => tell({ kind: 'log', line }));
  port.on('message', (message: ToNameServer) => {
    if (message.kind === 'stats') tell({ kind: 'stats', stats: nameServer.stats() });
    // Without a listener the port no longer holds the thread.
    else void nameServer.close().then(() => port.close());
  });
  tell({ kind: 'open', ...nameServer.address });
} catch (error) {
  tell({ kind: 'refused', message: (error as Error).message });
}
