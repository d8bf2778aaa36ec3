/** Opens the dispatch agent on its thread. It has filed everything that recovery has found before anybody is served. */
import { asLogOffset } from '../../base/units.ts';
import { DelayLevels } from '../../broker/delay-levels.ts';
import { ConsumeQueueWriter } from '../../store/consume-queue.ts';
import { LogReader } from '../../store/log-reader.ts';
import { DeletedFiles } from '../deleted-files.ts';
import { descriptorShares } from '../descriptor-shares.ts';
import { slowProgress } from '../slow-progress.ts';
import type { StoreStart } from '../thread-messages.ts';
import { dispatchEnds } from '../topology.ts';
import type { OpenedAgent, WorkerContext } from '../worker-context.ts';
import { DispatchAgent } from './dispatch-agent.ts';
import { IndexFiling } from './index-filing.ts';
import { QueueFiling } from './queue-filing.ts';

export function openDispatch(
  { memory, settings, paths, logFiles, indexFiles, disk, clock, ports, beat, log: say }: WorkerContext,
  start: StoreStart,
): OpenedAgent {
  const ends = dispatchEnds(memory, settings.flushDiskType === 'SYNC_FLUSH');
  const files = new ConsumeQueueWriter(
    disk,
    paths.consumeQueue,
    settings.mappedFileSizeConsumeQueue,
    descriptorShares(disk, settings).queueWriter,
  );
  files.owe(start.unsynced);
  const log = new LogReader(disk, logFiles);
  log.open(asLogOffset(start.logEnd));
  const { indexTable } = ends;
  const index =
    indexTable === null || indexFiles === null ? null : new IndexFiling(disk, indexFiles, indexTable, clock);
  const filing = new QueueFiling({
    ends,
    files,
    index,
    nowUs: clock.monotonicUs(),
    lookFrom: start.lookFrom,
    startedAt: start.logEnd,
    handOver: (round) => ports.toFlush!.postMessage(round),
  });
  const agent = new DispatchAgent({
    ends,
    log,
    filing,
    index,
    delays: new DelayLevels(),
    batchTopics: new Set(start.batchTopics),
    completeTo: start.queuesCompleteTo,
    queues: start.queues,
    clock,
    deleted: new DeletedFiles(ends, log, files),
  });
  const progress = slowProgress(clock, (line) => say('info', line), 'building queues and index from the log');
  agent.catchUp(start.logEnd, (position) => {
    beat();
    progress(position, start.logEnd);
  });
  // Of what has been filed in an earlier life the log's newest record is the measure: a round that is owed has to reach it.
  filing.seen(start.lastStoreTimestamp, start.logEnd);
  return { agent, closed: () => ports.toFlush!.close() };
}
