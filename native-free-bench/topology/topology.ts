/**
 * The path of a send without sockets, over real threads and a real, growing file. Run: `npm run bench:topology -- --messages 200000`.
 *
 *   net --(bytes ring, descriptor ring)--> append --(writeSync)--> file --(readSync)--> dispatch --> queue tails
 *    ^------------(log offsets)--------------|---------------(written)-------------------^
 *
 * `threads` gives each agent a thread, `one thread` runs the same agents in turn on one. Before a figure is printed, the file is walked:
 * every record is at the offset that it holds and that net was told, whole by its checksum, next in its queue, and in the queue's tail.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Bench } from 'tinybench';
import { assert } from '../../src/base/assert.ts';
import { systemClock } from '../../src/base/clock.ts';
import { bodyCrc32 } from '../../src/base/crc32.ts';
import { BYTES_RING_SIZE, DESCRIPTOR_RING_SLOTS } from '../../src/base/limits.ts';
import { asQueueOffset, asQueueSlot } from '../../src/base/units.ts';
import { readRecord } from '../../src/layout/message-record.ts';
import { entryLogOffset, QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import { BytesRing } from '../../src/ring/bytes-ring.ts';
import { allocateDescriptorRing } from '../../src/ring/descriptor-ring.ts';
import { QueueTable } from '../../src/ring/queue-table.ts';
import { StatusPage } from '../../src/ring/status-page.ts';
import { latencyOf, printMachine, printTable } from '../micro.ts';
import { APPEND, DISPATCH, FIRST_NET, type Memories, type Plan } from './agents.ts';
import type { WorkerTask } from './worker.ts';

const { values: options } = parseArgs({
  options: {
    messages: { type: 'string', default: '200000' },
    size: { type: 'string', default: '1024' },
    nets: { type: 'string', default: '1' },
    runs: { type: 'string', default: '5' },
    /** The disk that is written to. */
    dir: { type: 'string', default: tmpdir() },
    sync: { type: 'boolean', default: false },
  },
});

type Placement = 'threads' | 'one thread';

function allocate({ nets, messagesPerNet }: Plan): Memories {
  const each = <Memory>(make: () => Memory) => Array.from({ length: nets }, make);
  return {
    page: StatusPage.allocate(),
    table: QueueTable.allocate(nets),
    bytes: each(() => BytesRing.allocate(BYTES_RING_SIZE)),
    descriptors: each(() => allocateDescriptorRing(DESCRIPTOR_RING_SLOTS)),
    offsets: each(() => new SharedArrayBuffer(messagesPerNet * Float64Array.BYTES_PER_ELEMENT)),
  };
}

/** Milliseconds from the start of all threads to the end of the last. */
async function run(plan: Plan, placement: Placement): Promise<number> {
  const memories = allocate(plan);
  const agents = [APPEND, DISPATCH, ...Array.from({ length: plan.nets }, (_, i) => FIRST_NET + i)];
  const threads = placement === 'threads' ? agents.map((agent) => [agent]) : [agents];
  const bellOf = agents.map((agent) => threads.find((thread) => thread.includes(agent))![0]!);
  const workers: Worker[] = [];
  for (const own of threads) {
    const task: WorkerTask = { plan, memories, agents: own, bellOf };
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: task });
    // One after the other: append makes the file that dispatch opens.
    await once(worker, 'message');
    workers.push(worker);
  }
  const done = workers.map((worker) => once(worker, 'message'));
  const beganUs = systemClock.monotonicUs();
  for (const worker of workers) worker.postMessage('begin');
  await Promise.all(done);
  const elapsedMs = (systemClock.monotonicUs() - beganUs) / 1000;
  await Promise.all(workers.map((worker) => worker.terminate()));
  verify(plan, memories);
  return elapsedMs;
}

function verify(plan: Plan, memories: Memories): void {
  const file = readFileSync(plan.file);
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const told = memories.offsets.map((memory) => new Float64Array(memory));
  const next = told.map(() => 0);
  for (let at = 0; at < file.length; ) {
    const record = readRecord(view, file, at);
    assert(record !== null && record.physicalOffset === at, 'a record lies where it says');
    assert(bodyCrc32(record.body) === record.bodyCrc, 'its body is whole');
    const number = next[record.queueId]!++;
    const sent = Buffer.from(record.body.buffer, record.body.byteOffset, 4).readInt32BE();
    assert(record.queueOffset === number && sent === number, 'it is the next of its queue');
    assert(told[record.queueId]![number] === at, 'net was told where it lies');
    at += record.totalSize;
  }
  const table = new QueueTable(memories.table);
  const entry = Buffer.alloc(QUEUE_ENTRY_BYTES);
  next.forEach((count, queue) => {
    assert(count === plan.messagesPerNet, 'every message is there once');
    assert(table.max(asQueueSlot(queue)) === count, 'dispatch has seen them all');
    const last = table.readTail(asQueueSlot(queue), asQueueOffset(count - 1), 1, entry, 0);
    const lastOffset = entryLogOffset(new DataView(entry.buffer, entry.byteOffset), 0);
    assert(last === 1 && lastOffset === told[queue]![count - 1], 'the tail ends with the last message');
  });
}

const directory = mkdtempSync(join(options.dir, 'ringmq-topology-'));
try {
  printMachine();
  const nets = Number(options.nets);
  const rows: string[][] = [];
  for (const batch of [4, 32, 256]) {
    for (const placement of ['threads', 'one thread'] as const) {
      const plan: Plan = {
        nets,
        messagesPerNet: Math.floor(Number(options.messages) / nets),
        bodyBytes: Number(options.size),
        batch,
        sync: options.sync,
        file: join(directory, 'log'),
      };
      const bench = new Bench({ iterations: Number(options.runs), time: 0, warmup: false });
      bench.add(placement, async () => ({ overriddenDuration: await run(plan, placement) }));
      await bench.run();
      const { p50, min } = latencyOf(bench.tasks[0]!);
      const perSecond = (milliseconds: number) =>
        `${Math.round((plan.messagesPerNet * nets) / milliseconds).toLocaleString('en')} k`;
      rows.push([`${placement}, ${batch} a publish`, perSecond(p50), perSecond(min)]);
    }
  }
  printTable(rows, [`${options.size} B, ${nets} net, messages a second`, 'median', 'fastest']);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
