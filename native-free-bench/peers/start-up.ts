/**
 * From the spawn of a server to its first acknowledged message, and what it costs when nobody uses it. Called by peers.ts; the same
 * method for every broker that speaks RocketMQ's protocol.
 */
import { sleep, systemClock } from '../../src/base/clock.ts';
import { sampleProcess } from '../../src/bench/process-meter.ts';
import type { Child } from '../../test/support/child.ts';
import { request } from '../../test/support/probe.ts';
import { sendFields } from '../../test/support/raw-sends.ts';

const GIVE_UP_MS = 60_000;
const RETRY_MS = 5;
/** V8 tidies up for some 25 s after a start. */
const SETTLE_MS = 30_000;
const IDLE_MS = 10_000;

export interface StartUp {
  firstAckMs: number;
  residentBytes: number;
  anonymousBytes: number;
  /** Percent of one core over ten idle seconds. */
  idleCpuPercent: number;
}

/** `spawn` starts the server that will listen on `address`, without waiting for it. */
export async function measureStartUp(address: string, spawn: () => Child): Promise<StartUp> {
  const start = systemClock.monotonicUs();
  const child = spawn();
  try {
    await firstAck(address, child, start);
    const firstAckMs = (systemClock.monotonicUs() - start) / 1000;
    await sleep(SETTLE_MS);
    const before = sampleProcess(child.pid);
    await sleep(IDLE_MS);
    const after = sampleProcess(child.pid);
    const { residentBytes, anonymousBytes } = after;
    return { firstAckMs, residentBytes, anonymousBytes, idleCpuPercent: (after.cpuUs - before.cpuUs) / IDLE_MS / 10 };
  } finally {
    await child.stop('SIGTERM', 30_000);
  }
}

async function firstAck(address: string, child: Child, start: number): Promise<void> {
  for (;;) {
    try {
      const answer = await request(address, 310, sendFields('start-up', 'start-up'), Buffer.alloc(1024, 'x'));
      if (answer.code === 0) return;
    } catch {
      // Nobody listens yet, or the broker closed the connection while it was starting.
    }
    if (child.exit !== null) throw new Error(`${child.name} ended before its first acknowledgement\n${child.tail()}`);
    if (systemClock.monotonicUs() - start > GIVE_UP_MS * 1000)
      throw new Error(`${child.name}: no message acknowledged\n${child.tail()}`);
    await sleep(RETRY_MS);
  }
}
