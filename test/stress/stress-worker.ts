/** One thread of a stress run: loads the code of ring/ that it is told to, plays its role, reports. */
import { parentPort, workerData } from 'node:worker_threads';
import { ROLES } from './roles.ts';
import { type Assignment, Control, READY, type Report, type RoleContext } from './scenario.ts';

async function loadRing(sources: string) {
  return {
    ...((await import(`${sources}ring/bytes-ring.js`)) as typeof import('../../src/ring/bytes-ring.ts')),
    ...((await import(`${sources}ring/descriptor-ring.js`)) as typeof import('../../src/ring/descriptor-ring.ts')),
    ...((await import(`${sources}ring/doorbell.js`)) as typeof import('../../src/ring/doorbell.ts')),
    ...((await import(`${sources}ring/queue-table.js`)) as typeof import('../../src/ring/queue-table.ts')),
    ...((await import(`${sources}ring/watermark.js`)) as typeof import('../../src/ring/watermark.ts')),
    ...((await import(`${sources}base/limits.js`)) as typeof import('../../src/base/limits.ts')),
  };
}

export type Ring = Awaited<ReturnType<typeof loadRing>>;

async function play({ role, index, memories, control, lostMs, sources }: Assignment): Promise<Report> {
  const words = new Int32Array(control);
  const context: RoleContext = {
    ring: await loadRing(sources),
    memories,
    index,
    lostMs,
    isOver: () => Atomics.load(words, Control.over) === 1,
    isBroken: () => Atomics.load(words, Control.broken) === 1,
    finished: () => {
      Atomics.add(words, Control.finished, 1);
    },
    finishedRoles: () => Atomics.load(words, Control.finished),
  };
  parentPort!.postMessage(READY);
  Atomics.wait(words, Control.begun, 0);
  try {
    return { counts: await ROLES[role]!(context) };
  } catch (error) {
    Atomics.store(words, Control.broken, 1);
    wakeAll(memories.bells);
    return { error: `${role} ${index}: ${(error as Error).message}` };
  }
}

/** Nobody has to sleep out its time when the run is over. */
function wakeAll(bells: SharedArrayBuffer | undefined): void {
  if (bells === undefined) return;
  const words = new Int32Array(bells);
  for (let i = 0; i < words.length; i++) Atomics.notify(words, i);
}

parentPort!.postMessage(await play(workerData as Assignment));
