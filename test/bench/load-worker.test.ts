import { afterEach, expect, it } from 'vitest';
import { after, every, systemClock } from '../../src/base/clock.ts';
import { mergeHistograms } from '../../src/bench/histograms.ts';
import { LoadSession } from '../../src/bench/load-worker.ts';
import { allocateBells, loadWorkerBell } from '../../src/bench/pacer.ts';
import { Doorbell } from '../../src/ring/doorbell.ts';
import { StatusPage } from '../../src/ring/status-page.ts';
import { FakeBroker } from './fake-broker.ts';

const STALL_MS = 400;
const RATE = 500;
const MEASURED_MS = 800;

let broker: FakeBroker;

afterEach(() => broker.close());

it('sends late what no lane was free for, and times it from when it was due', async () => {
  // Two lanes: during the stall two messages wait for their answers and all others for a lane.
  let isStalled = false;
  const answer = (index: number): number => {
    if (index === 50 && !isStalled) {
      isStalled = true;
      broker.hold();
      after(STALL_MS, () => broker.release());
    }
    return 0;
  };
  broker = await FakeBroker.start({ answer, topics: { 'bench-0': 1 } });
  const destinations = { topicPrefix: 'bench-', topics: 1, queues: 1 };
  const session = await LoadSession.open({
    address: broker.address,
    shape: { destinations, bodyBytes: 64, header: 'json', stamp: 1 },
    connections: [{ firstLane: 0, lanes: 2 }],
  });
  const bells = allocateBells();
  const page = new StatusPage(bells);
  const bell = new Doorbell(page.memory, page.bellAt(loadWorkerBell(0)));
  const pacing = every(1, () => bell.ring());
  try {
    const startUs = systemClock.monotonicUs();
    const window = { fromUs: startUs, toUs: startUs + MEASURED_MS * 1000 };
    const open = { ratePerSecond: RATE, bells, loadWorker: 0 };
    const report = await session.run({ startUs, window, open, drainMs: 5_000 });
    const latency = mergeHistograms([report.latency]);
    const scheduled = (RATE * MEASURED_MS) / 1000;
    expect(report.unsent).toBe(0);
    expect(latency.totalCount).toBe(scheduled);
    // A quarter of all was due in the first half of the stall. A generator that waits with the broker would show two late messages.
    expect(latency.getValueAtPercentile(78)).toBeGreaterThan((STALL_MS / 2) * 1000);
  } finally {
    pacing.stop();
  }
});
