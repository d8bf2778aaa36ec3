/**
 * Opens control on its thread, before all others: takes the store's lock, recovers it, gives the queues their rows and reads the settings
 * files. What the other agents need of that goes back to main.
 */
import type { ControlLog } from '../../broker/control-ports.ts';
import type { ToControl } from '../../broker/control-protocol.ts';
import { Coordinator } from '../../broker/coordinator.ts';
import { settingsText } from '../../broker/settings-text.ts';
import { vouchAtStart } from '../../store/checkpoint.ts';
import { ConsumeQueueReader } from '../../store/consume-queue.ts';
import { IndexReader } from '../../store/index-reader.ts';
import { LogReader } from '../../store/log-reader.ts';
import { SystemProcesses } from '../../store/process-table.ts';
import { type RecoveredStore, recoverStore } from '../../store/recovery.ts';
import { SettingsFolder } from '../../store/settings-file.ts';
import { StoreLock } from '../../store/store-lock.ts';
import { FailStopError, FailureCode } from '../agent.ts';
import { descriptorShares } from '../descriptor-shares.ts';
import { memoryLimitBytes } from '../memory-limit.ts';
import { slowProgress } from '../slow-progress.ts';
import type { StoreStart } from '../thread-messages.ts';
import { type ControlEnds, controlEnds, threadOf, workersOf } from '../topology.ts';
import type { OpenedAgent, WorkerContext } from '../worker-context.ts';
import { isStopClean, type StoppedStore, vouchForStop } from './clean-stop.ts';
import { ControlAgent, NetPosts } from './control-agent.ts';
import { EntryReads } from './entry-reads.ts';
import { LivenessWatch } from './liveness-watch.ts';
import { MessageReads } from './message-reads.ts';
import { QueueReads } from './queue-reads.ts';
import { QueueRows } from './queue-rows.ts';
import { Registrar } from './registrar.ts';
import { runtimeFigures } from './runtime-figures.ts';
import { StoreUpkeep } from './store-upkeep.ts';
import { StoreWatch } from './store-watch.ts';

const US_PER_MS = 1000;

export function openControl(context: WorkerContext): OpenedAgent {
  const { disk, paths } = context;
  const lock = StoreLock.acquire(disk, paths, new SystemProcesses(disk));
  // A start that is refused leaves everything as it was.
  let isAsItWas = true;
  const changes = (): void => {
    isAsItWas = false;
  };
  try {
    return openWithLock(context, lock, changes);
  } catch (cause) {
    lock.release(isAsItWas && lock.cleanStop);
    throw cause;
  }
}

function openWithLock(context: WorkerContext, lock: StoreLock, changes: () => void): OpenedAgent {
  const { memory, settings, paths, logFiles, disk, clock, ports, guard } = context;
  const log = controlLog(context);
  const ends = controlEnds(memory, settings.flushDiskType === 'SYNC_FLUSH');
  const recovered = recover(context, lock.cleanStop, changes);
  // Before a segment can be made: where nothing is said, none that is torn counts as never flushed. And before anything that was missing is
  // built: when that is ended half way the next start must not take it for whole.
  if (recovered.word !== null) vouchAtStart(disk, paths.checkpoint, recovered.word, recovered.checkpoint);
  const start = storeStart(recovered);
  setWatermarks(ends, recovered, start);
  const rows = new QueueRows(ends.directory, ends.queueTable);
  rows.recover(recovered.queues);

  const bootMs = clock.nowMs();
  const shares = descriptorShares(disk, settings);
  const { mappedFileSizeConsumeQueue } = settings;
  const files = new ConsumeQueueReader(disk, paths.consumeQueue, mappedFileSizeConsumeQueue, shares.queueReader);
  const reader = new LogReader(disk, logFiles);
  const index = context.indexFiles === null ? null : new IndexReader(disk, context.indexFiles, shares.index);
  const entries = new EntryReads(ends.directory, ends.queueTable, files);
  const upkeep = new StoreUpkeep(context, ends, { log: reader, queueFiles: files, entries, index }, log);
  const queues = new QueueReads({
    rows,
    table: ends.queueTable,
    entries,
    log: reader,
    logEnd: () => ends.written.read(),
    memoryBytes: (memoryLimitBytes() * settings.accessMessageInMemoryMaxRatio) / 100,
  });
  const posts = new NetPosts(ports.toNets);
  let nameServers = settings.namesrvAddr;
  const registrar = new Registrar(context, () => coordinator.topicSnapshot());
  const coordinator: Coordinator = new Coordinator({
    settings,
    clock,
    files: new SettingsFolder(disk, paths.config, log),
    queues,
    messages: new MessageReads({
      log: reader,
      visible: () => ends.visible.read(),
      indexTable: ends.indexTable,
      indexReader: index,
    }),
    cleaning: upkeep,
    createSlot: (topic, queueId) => rows.create(topic, queueId),
    send: (net, message) => posts.send(net, message),
    topicsChanged: (names) => registrar.topicsChanged(names),
    runtime: () => {
      const { placement } = settings;
      const figures = runtimeFigures(ends.page.status, { placement, bootMs, nowMs: clock.nowMs() });
      return { ...figures, ...upkeep.figures() };
    },
    configText: () => settingsText({ ...settings, namesrvAddr: nameServers }),
    log,
  });
  // After a clean stop too: what was stopped may have lost messages since, or have been repaired.
  const { batchTopics } = recovered;
  coordinator.holdOffsetsBack((topic, queueId) =>
    batchTopics.has(topic) ? Number.POSITIVE_INFINITY : recovered.nextOffset(topic, queueId),
  );
  coordinator.warnOfUnknownTopics(recovered.queues.filter(({ next }) => next > 0).map(({ topic }) => topic));
  const watched = workersOf(settings.placement, settings.netThreads)
    .map((agents) => agents[0]!)
    .map((agent) => ({ name: agent, index: threadOf(agent).index }));
  const agent = new ControlAgent({
    coordinator,
    posts,
    upkeep,
    watch: new LivenessWatch(ends.page.status, watched, clock.monotonicUs() / US_PER_MS, (line) => log.warn(line)),
    store: new StoreWatch(lock, clock.monotonicUs() / US_PER_MS),
    clock,
    stuck: (thread) =>
      guard(() => {
        throw new FailStopError(FailureCode.stuck, `thread ${thread} is stuck`);
      }),
    taken: (by) =>
      guard(() => {
        throw new FailStopError(FailureCode.taken, `${by} has opened the store ${paths.root} too: stop it`);
      }),
  });
  ports.toNets.forEach((port, net) => {
    coordinator.announce(net);
    port.on('message', (messages: ToControl[]) => guard(() => agent.receive(net, messages)));
  });
  posts.flush();
  const stopped = (): StoppedStore => ({
    disk,
    checkpoint: paths.checkpoint,
    indexFiles: context.indexFiles,
    logStart: ends.logStart.read(),
    logEnd: ends.written.read(),
    lookFrom: recovered.lookFrom,
    queueEnds: rows.ends(),
  });
  return {
    agent,
    recovered: start,
    serving(address, given) {
      nameServers = given;
      return registrar.start(address, given);
    },
    leave: () => registrar.stop(),
    finish: () => upkeep.finish(),
    abandon: () => lock.release(false),
    closed() {
      files.close();
      reader.close();
      index?.close();
      lock.release(isStopClean(ends, rows) && vouchForStop(stopped()));
    },
  };
}

function recover(context: WorkerContext, cleanStop: boolean, changes: () => void): RecoveredStore {
  const { settings, paths, logFiles, disk, clock } = context;
  const log = controlLog(context);
  return recoverStore(
    disk,
    paths,
    {
      segmentSizeBytes: logFiles.segmentSizeBytes,
      queueFileSizeBytes: settings.mappedFileSizeConsumeQueue,
      checksBodies: true,
      cleanStop,
      nowMs: clock.nowMs(),
      index: context.indexFiles,
      progress: slowProgress(clock, log.info, 'looking through the log'),
      changes,
    },
    log,
  );
}

/** To the end of the log; after a crash recovery has flushed what it found there. */
function setWatermarks(ends: ControlEnds, recovered: RecoveredStore, { lastStoreTimestamp }: StoreStart): void {
  const { logTimestamp, queuesTimestamp } = recovered.checkpoint;
  ends.logStart.advance(recovered.logStart);
  ends.written.advance(recovered.logEnd);
  ends.flushed.advance(recovered.logEnd);
  ends.dispatched.advance(recovered.dispatchFrom);
  ends.writtenAt.advance(logTimestamp);
  // What was cut is not durable before the first round: until then a stop is no clean one.
  if (!recovered.cleanStop) return;
  ends.queuesSyncedAt.advance(queuesTimestamp);
  // The checkpoint of Apache's broker may not name the newest records: the first round makes up for it.
  if (queuesTimestamp >= lastStoreTimestamp) ends.queuesSyncedTo.advance(recovered.dispatchFrom);
}

function storeStart(recovered: RecoveredStore): StoreStart {
  const { logTimestamp, queuesTimestamp } = recovered.checkpoint;
  return {
    logStart: recovered.logStart,
    logEnd: recovered.logEnd,
    lookFrom: recovered.lookFrom,
    queues: recovered.queues.map(({ topic, queueId, next, filedTo }) => ({ topic, queueId, next, filedTo })),
    queuesCompleteTo: recovered.queuesCompleteTo,
    batchTopics: [...recovered.batchTopics],
    unsynced: recovered.unsynced,
    lastStoreTimestamp: Math.max(logTimestamp, queuesTimestamp, recovered.newestStoreTimestamp),
  };
}

function controlLog({ log }: WorkerContext): ControlLog {
  return {
    info: (message) => log('info', message),
    warn: (message) => log('warn', message),
    error: (message, cause) => log('error', cause instanceof Error ? `${message}: ${cause.message}` : message),
  };
}
