/**
 * Messages to another thread and a result for each back: RingMQ's rings beside what worker threads offer. Run: `npm run bench:ring`.
 *
 *   event loop --(copy into ring, descriptor, bell)--> worker blocks --(results, bell)--> event loop
 *              --(postMessage: cloned, or transferred) -> event loop  --(postMessage)---> event loop
 *
 * All ways copy the body once, look at the same bytes at the far end, have the same window of unanswered messages, and are checked by a
 * sum over all messages. The batched transfer packs a batch into one buffer and gets it back with the results, so it allocates nothing:
 * the fairest thing that a port can do.
 */
import { Bench } from 'tinybench';
import { assert } from '../../src/base/assert.ts';
import { latencyOf, nanoseconds, printMachine, printTable } from '../micro.ts';
import { type Carrier, openCarrier, type Way } from './carriers.ts';

const WINDOW = 1024;
const MESSAGES = 4096;
const LAST_BYTE = 0x61;

const WAYS: readonly { readonly way: Way; readonly name: string }[] = [
  { way: 'ring', name: 'bytes and descriptor ring' },
  { way: 'plain', name: 'postMessage, cloned' },
  { way: 'batched', name: 'postMessage, array of a batch cloned' },
  { way: 'transferred', name: 'postMessage, transferred' },
  { way: 'batchedTransferred', name: 'postMessage, a batch in one buffer transferred' },
];

/** Sends messages, in batches, never more than `window` without a result. */
class Run {
  readonly carrier: Carrier;
  #sent = 0;

  constructor(way: Way, size: number) {
    this.carrier = openCarrier(way, size);
  }

  async send(count: number, batch: number, window: number): Promise<void> {
    const end = this.#sent + count;
    for (;;) {
      const acknowledged = this.carrier.acknowledged();
      while (this.#sent < end && this.#sent + batch - acknowledged <= window) {
        this.carrier.post(this.#sent, batch);
        this.#sent += batch;
      }
      if (acknowledged === end) break;
      await this.carrier.progress();
    }
    const numbers = (end * (end - 1)) / 2;
    assert(this.carrier.sum() === numbers + end * LAST_BYTE, 'the far end has seen every message once');
  }
}

async function measure(size: number, batch: number, window: number, count: number): Promise<string[]> {
  const cells: string[] = [];
  for (const { way, name } of WAYS) {
    const run = new Run(way, size);
    const bench = new Bench({ time: 600, warmupTime: 200 });
    bench.add(name, () => run.send(count, batch, window));
    await bench.run();
    const { p50, min } = latencyOf(bench.tasks[0]!);
    cells.push(`${nanoseconds(p50, count)} (${nanoseconds(min, count)})`);
    await run.carrier.close();
  }
  return cells;
}

printMachine();
const columns: { readonly head: string; readonly cells: readonly string[] }[] = [];
for (const [size, batch] of [
  [128, 1],
  [128, 32],
  [1024, 1],
  [1024, 32],
  [1024, 256],
] as const) {
  columns.push({ head: `${size} B, ${batch}`, cells: await measure(size, batch, WINDOW, MESSAGES) });
}
columns.push({ head: 'one at a time', cells: await measure(1024, 1, 1, 200) });
printTable(
  WAYS.map(({ name }, i) => [name, ...columns.map(({ cells }) => cells[i]!)]),
  ['ns a message: median (fastest)', ...columns.map(({ head }) => head)],
);
