/**
 * Opens a net agent on its thread: takes what control has said so far, opens the port, and puts the parts together. Connections come
 * after that, so no client meets a broker that does not know its topics.
 */

import { every } from '../../base/clock.ts';
import { NET_THREADS_MAX } from '../../base/limits.ts';
import { seededRandom } from '../../base/random.ts';
import { asLogOffset } from '../../base/units.ts';
import { BrokerProperties } from '../../broker/broker-properties.ts';
import type { FromControl } from '../../broker/control-protocol.ts';
import { NetTables } from '../../broker/net-tables.ts';
import { PendingSends } from '../../broker/pending-sends.ts';
import { PullMessages } from '../../broker/pull-message.ts';
import { SendAnswers } from '../../broker/send-answers.ts';
import { refusedFullDisk } from '../../broker/send-checks.ts';
import { SendMessages } from '../../broker/send-message.ts';
import { encodeHost } from '../../layout/message-record.ts';
import { ConsumeQueueReader } from '../../store/consume-queue.ts';
import { LogReader } from '../../store/log-reader.ts';
import type { Connection } from '../../transport/connection.ts';
import { type Listener, listen } from '../../transport/listener.ts';
import { addressOfName, advertisedHost } from '../advertised-host.ts';
import { DeletedFiles } from '../deleted-files.ts';
import { descriptorShares } from '../descriptor-shares.ts';
import { memoryLimitBytes } from '../memory-limit.ts';
import { coldReadPool } from '../pool/cold-read-pool.ts';
import { netEnds } from '../topology.ts';
import type { OpenedAgent, WorkerContext } from '../worker-context.ts';
import type { ClientConnection } from './client-connection.ts';
import { CommitBatch } from './commit-batch.ts';
import { ControlLink } from './control-link.ts';
import { NetAgent } from './net-agent.ts';
import { NetRequests } from './net-requests.ts';

const US_PER_MS = 1000;
const MS_PER_SECOND = 1000;
/** A stopping broker gives its last answers so much time: two fsyncs of a slow disk. */
const FAREWELL_MS = 2_000;
/** Peers have so long to take them and to close their side. */
const PARTING_MS = 500;
const FAREWELL_LOOK_MS = 5;

export async function openNet(context: WorkerContext, net: number, listenPort: number): Promise<OpenedAgent> {
  const { memory, settings, paths, logFiles, disk, clock, log, wake, guard } = context;
  const ends = netEnds(memory, net);
  const tables = new NetTables();
  const control = new ControlLink(context.ports.toControl!);
  control.takeNow((message) => tables.take(message));

  const shares = descriptorShares(disk, settings);
  if (net === 0 && shares.connections < settings.connectionsMax) {
    log(
      'info',
      `descriptors of this process suffice for ${shares.connections} connections of a net thread (connectionsMax)`,
    );
  }
  // Before the port is open: a connection that comes meets an agent.
  const brokerIP1 = await addressOfName(settings.brokerIP1);
  let agent: NetAgent | null = null;
  let connections = 0;
  const listener = await listen({
    host: settings.bindAddress,
    port: listenPort,
    // Unique over all net threads.
    nextConnectionId: () => ++connections * NET_THREADS_MAX + net,
    connectionsMax: shares.connections,
    idleMs: settings.serverChannelMaxIdleTimeSeconds * MS_PER_SECOND,
    reusePort: settings.netThreads > 1,
    log: (line) => log('warn', line),
    events: {
      opened: (connection) => guard(() => agent!.opened(connection)),
      chunk: (connection: Connection, bytes: Uint8Array) => guard(() => agent!.chunk(connection, bytes)),
      drained: (connection) => guard(() => agent!.drained(connection)),
      closed: (connection, reason) => guard(() => agent!.closed(connection, reason)),
    },
  });
  const storeHost = encodeHost(advertisedHost({ brokerIP1 }, listener.host), listener.port);
  const random = seededRandom(clock.nowMs() ^ net);
  const { extFields } = new BrokerProperties(settings, random);
  const coldReads = coldReadPool(logFiles, () => ends.logStart.read(), guard);
  const commits = new CommitBatch((commit) => control.send(commit));

  const pending = new PendingSends({
    bytes: ends.bytes,
    descriptors: ends.descriptors,
    answers: new SendAnswers(settings, storeHost, extFields),
    extFields,
    answerTime: ends.page.status.stage('answer'),
    syncFlush: settings.flushDiskType === 'SYNC_FLUSH',
    flushTimeoutUs: settings.syncFlushTimeout * US_PER_MS,
    flushed: () => ends.flushed.read(),
    diskIsFull: () => ends.page.add('diskFullAnswers', 1),
  });
  const sends = new SendMessages({
    settings,
    tables,
    bytes: ends.bytes,
    descriptors: ends.descriptors,
    queueTable: ends.queueTable,
    pending,
    storeHost,
    random,
    refusedByDisk() {
      const full = ends.page.status.diskFull();
      if (full === null) return null;
      ends.page.add('diskFullAnswers', 1);
      return refusedFullDisk(full);
    },
    undispatchedBytes: () => agent!.undispatchedBytes,
  });
  const records = new LogReader(disk, logFiles);
  // One file at least that can be closed for another when descriptors are short.
  records.open(asLogOffset(ends.written.read()));
  const entries = new ConsumeQueueReader(
    disk,
    paths.consumeQueue,
    settings.mappedFileSizeConsumeQueue,
    shares.queueReader,
  );
  const pulls = new PullMessages({
    tables,
    settings,
    queues: ends.queueTable,
    entries,
    log: records,
    coldReads,
    clock,
    memoryLimitBytes: memoryLimitBytes(),
    lines: {
      info: (message) => log('info', message),
      warn: (message) => log('warn', message),
      error: (message, cause) => log('error', cause instanceof Error ? `${message}: ${cause.stack}` : message),
    },
    logEnd: () => asLogOffset(ends.written.read()),
    add: (counter, amount) => ends.page.add(counter, amount),
    setParked: (count) => ends.page.status.setParked(net, count),
    // Every pull of this thread came through its requests, with the connection as its reply.
    commitOffset: (reply, group, topic, queueId, offset) =>
      requests.commitOffset(reply as ClientConnection, { kind: 'commitOffset', group, topic, queueId, offset }),
    ensureGroup: (pull, group, then) =>
      requests.ensureGroup(pull.reply as ClientConnection, group, pull.header.names.length, then),
    outOfTurn: wake,
  });
  const requests: NetRequests = new NetRequests({ settings, sends, pulls, control, commits, page: ends.page, clock });
  const opened = new NetAgent({
    ends,
    clock,
    tables,
    requests,
    pending,
    pulls,
    commits,
    control,
    deleted: new DeletedFiles(ends, records, entries),
    log: (line) => log('info', line),
    wake,
  });
  agent = opened;
  control.listen((message: FromControl) => guard(() => opened.receive(message)), wake);
  return {
    agent: opened,
    address: { host: listener.host, port: listener.port },
    async finish() {
      await farewell(listener, opened, () => ends.page.status.failed());
      await coldReads.close();
    },
  };
}

/** Takes no more connections and requests, waits for the answers that are owed, and ends the connections behind them. */
async function farewell(listener: Listener, agent: NetAgent, hasFailed: () => boolean): Promise<void> {
  void listener.stopAccepting();
  agent.stopReading();
  await new Promise<void>((resolve) => {
    let looksLeft = FAREWELL_MS / FAREWELL_LOOK_MS;
    const look = every(FAREWELL_LOOK_MS, () => {
      if (agent.isOwing && looksLeft-- > 0) return;
      look.stop();
      resolve();
    });
  });
  // A failed broker says nothing more, not even what its sockets still hold.
  if (hasFailed()) await listener.close('the broker has failed');
  else await listener.end('the broker stops', PARTING_MS);
}
