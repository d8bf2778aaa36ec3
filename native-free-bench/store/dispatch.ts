/**
 * `npm run bench:dispatch -- [--gb N] [--queues Q] [--body B] [--rounds R]`: what dispatch costs for each record, with and without the key
 * index, over a log in the page cache. Queues and index are built anew each time; a round counts when all queues have what the log has.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assert } from '../../src/base/assert.ts';
import { systemClock } from '../../src/base/clock.ts';
import { asQueueSlot } from '../../src/base/units.ts';
import { DelayLevels } from '../../src/broker/delay-levels.ts';
import { ConsumeQueueWriter } from '../../src/store/consume-queue.ts';
import { NodeDisk } from '../../src/store/disk.ts';
import { DEFAULT_INDEX_SHAPE } from '../../src/store/index-shape.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import { DEFAULT_STORE_SIZES } from '../../src/store/store-sizes.ts';
import { DeletedFiles } from '../../src/threads/deleted-files.ts';
import { DispatchAgent } from '../../src/threads/dispatch/dispatch-agent.ts';
import { IndexFiling } from '../../src/threads/dispatch/index-filing.ts';
import { QueueFiling } from '../../src/threads/dispatch/queue-filing.ts';
import { allocateBrokerMemory, controlEnds, dispatchEnds } from '../../src/threads/topology.ts';
import { printMachine } from '../micro.ts';
import { makeStore } from './make-store.ts';

const { values } = parseArgs({
  options: {
    gb: { type: 'string', default: '0.5' },
    queues: { type: 'string', default: '8' },
    body: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '5' },
  },
});
const queues = Number(values.queues);
const root = mkdtempSync(join(tmpdir(), 'ringmq-bench-dispatch-'));

try {
  printMachine();
  const plan = { root, queues, bodyBytes: Number(values.body), sizes: DEFAULT_STORE_SIZES };
  const { records, logBytes } = makeStore({ ...plan, logBytes: Number(values.gb) * 1e9 });
  console.log(`${records} records of two keys, ${queues} queues`);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const indexed of [false, true]) {
      const { ns, cpuNs } = run(records, logBytes, indexed, round);
      console.log(
        `${indexed ? 'with the key index' : 'queues only'}: ${ns.toFixed(0)} ns a record, ${cpuNs.toFixed(0)} of CPU time`,
      );
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}

function run(records: number, logEnd: number, indexed: boolean, round: number): { ns: number; cpuNs: number } {
  const target = storePathsOf(join(root, `round-${round}-${indexed}`));
  const disk = new NodeDisk();
  const memory = allocateBrokerMemory('inline', 1, indexed ? DEFAULT_INDEX_SHAPE.slots : null);
  const control = controlEnds(memory, false);
  for (let i = 0; i < queues; i++) control.directory.add(`topic-${Math.floor(i / 8)}`, i % 8);
  control.written.advance(logEnd);
  const ends = dispatchEnds(memory, false);
  const files = new ConsumeQueueWriter(disk, target.consumeQueue, DEFAULT_STORE_SIZES.queueFileSizeBytes, 1024);
  const indexFiles = { directory: target.index, shape: DEFAULT_INDEX_SHAPE };
  const index = ends.indexTable === null ? null : new IndexFiling(disk, indexFiles, ends.indexTable, systemClock);
  const segmentSizeBytes = DEFAULT_STORE_SIZES.segmentSizeBytes;
  const log = new LogReader(disk, { directory: storePathsOf(root).commitLog, segmentSizeBytes });
  const agent = new DispatchAgent({
    ends,
    log,
    filing: new QueueFiling({
      ends,
      files,
      index,
      nowUs: systemClock.monotonicUs(),
      lookFrom: 0,
      startedAt: 0,
      handOver: () => {},
    }),
    index,
    delays: new DelayLevels(),
    batchTopics: new Set(),
    completeTo: 0,
    queues: [],
    clock: systemClock,
    deleted: new DeletedFiles(ends, log, files),
  });
  const startUs = systemClock.monotonicUs();
  const cpu = process.cpuUsage();
  agent.catchUp(logEnd);
  const { user, system } = process.cpuUsage(cpu);
  const tookUs = systemClock.monotonicUs() - startUs;
  let filed = 0;
  for (let slot = 0; slot < queues; slot++) filed += ends.queueTable.max(asQueueSlot(slot));
  assert(filed === records, `${filed} of ${records} records are in their queues`);
  agent.close();
  return { ns: (tookUs * 1000) / records, cpuNs: ((user + system) * 1000) / records };
}
