/** Opens the flush agent on its thread. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { CheckpointFields, Vouched } from '../../layout/checkpoint-file.ts';
import { CheckpointWriter } from '../../store/checkpoint.ts';
import { CommitLogSync } from '../../store/commit-log-sync.ts';
import type { QueueRound } from '../thread-messages.ts';
import { flushEnds } from '../topology.ts';
import type { OpenedAgent, WorkerContext } from '../worker-context.ts';
import { FlushAgent, type Reached } from './flush-agent.ts';
import { QueueRounds } from './queue-rounds.ts';

export function openFlush({ memory, settings, paths, logFiles, disk, clock, ports }: WorkerContext): OpenedAgent {
  const checkpoint = new CheckpointWriter(disk, paths.checkpoint);
  const agent = new FlushAgent({
    ends: flushEnds(memory),
    log: new CommitLogSync(disk, logFiles),
    queues: new QueueRounds(disk, () => nextRound(ports.fromDispatch!)),
    clock,
    segmentSizeBytes: logFiles.segmentSizeBytes,
    syncFlush: settings.flushDiskType === 'SYNC_FLUSH',
    intervalMs: settings.flushIntervalCommitLog,
    aheadBytes: settings.flushAheadBytes,
    zeroWriteNextSegment: settings.flushDiskType === 'SYNC_FLUSH' && settings.zeroWriteNextSegment,
    saveCheckpoint: (reached) => checkpoint.write(checkpointFields(reached), vouchedWhileRunning(reached)),
  });
  return {
    agent,
    closed() {
      checkpoint.close();
      ports.fromDispatch!.close();
    },
  };
}

function checkpointFields({ logTimestamp, round }: Reached): Partial<CheckpointFields> {
  return { logTimestamp, queuesTimestamp: round.storeTimestamp, indexTimestamp: round.indexTimestamp };
}

/** Control completes it when the broker is stopped in order. */
function vouchedWhileRunning({ round, logStart }: Reached): Vouched {
  const { logOffset: filedTo, lookFrom, indexEnd, queueCount, queueEntries } = round;
  return { filedTo, lookFrom, indexEnd, stoppedAt: -1, queueCount, queueEntries, logStart };
}

/** Without the event loop, which a thread that blocks does not have. */
function nextRound(port: MessagePort): QueueRound | null {
  return (receiveMessageOnPort(port)?.message as QueueRound | undefined) ?? null;
}
