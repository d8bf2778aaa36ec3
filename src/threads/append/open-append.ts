/** Opens the append agent on its thread. */

import { asLogOffset } from '../../base/units.ts';
import { CommitLogWriter } from '../../store/commit-log.ts';
import type { StoreStart } from '../thread-messages.ts';
import { appendEnds } from '../topology.ts';
import type { OpenedAgent, WorkerContext } from '../worker-context.ts';
import { AppendAgent } from './append-agent.ts';
import { NextOffsets } from './next-offsets.ts';

export function openAppend(
  { memory, settings, logFiles, disk, clock, log: say }: WorkerContext,
  start: StoreStart,
): OpenedAgent {
  const ends = appendEnds(memory);
  const agent = new AppendAgent({
    ends,
    log: new CommitLogWriter(disk, logFiles, asLogOffset(start.logEnd)),
    nextOffsets: new NextOffsets(ends.directory, start.queues),
    clock,
    lastStoreTimestamp: start.lastStoreTimestamp,
    flushAfterBytes: settings.flushDiskType === 'SYNC_FLUSH' ? 0 : settings.flushAheadBytes,
    warn: (message) => say('warn', message),
  });
  return { agent };
}
