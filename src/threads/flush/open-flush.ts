/** Opens the flush agent on its thread. */
import { CheckpointWriter } from '../../store/checkpoint.ts';
import { CommitLogSync } from '../../store/commit-log-sync.ts';
import { flushEnds } from '../topology.ts';
import type { OpenedAgent, WorkerContext } from '../worker-context.ts';
import { FlushAgent } from './flush-agent.ts';

export function openFlush({ memory, settings, paths, logFiles, disk, clock }: WorkerContext): OpenedAgent {
  const checkpoint = new CheckpointWriter(disk, paths.checkpoint);
  const agent = new FlushAgent({
    ends: flushEnds(memory),
    log: new CommitLogSync(disk, logFiles),
    clock,
    segmentSizeBytes: logFiles.segmentSizeBytes,
    syncFlush: settings.flushDiskType === 'SYNC_FLUSH',
    intervalMs: settings.flushIntervalCommitLog,
    aheadBytes: settings.flushAheadBytes,
    zeroWriteNextSegment: settings.flushDiskType === 'SYNC_FLUSH' && settings.zeroWriteNextSegment,
    saveCheckpoint: (logTimestamp, queuesTimestamp) => checkpoint.write({ logTimestamp, queuesTimestamp }),
  });
  return {
    agent,
    closed: () => checkpoint.close(),
  };
}
