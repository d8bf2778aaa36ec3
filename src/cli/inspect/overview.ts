/** A whole store at a glance. Part of `ringmq inspect`; reads only, and works beside a broker that runs. */
import { join } from 'node:path';
import { readCheckpoint } from '../../store/checkpoint.ts';
import type { Disk } from '../../store/disk.ts';
import { fileNameOf } from '../../store/file-names.ts';
import { wasStoppedInOrder } from '../../store/log-at-start.ts';
import { findLogEnds } from '../../store/log-ends.ts';
import { SystemProcesses } from '../../store/process-table.ts';
import {
  endOfFiles,
  placedFileStarts,
  type QueueFiles,
  queueFileStarts,
  queueFilesOf,
} from '../../store/queue-files.ts';
import { type QueueFolder, queueFolders } from '../../store/queue-folders.ts';
import { minOf } from '../../store/queue-recovery.ts';
import { liveOwner } from '../../store/store-lock.ts';
import type { StorePaths } from '../../store/store-paths.ts';
import type { StoreSizes } from '../../store/store-sizes.ts';
import { sizeText, timeText } from '../tool-output.ts';
import { type Inspection, moreText, type Shown } from './inspection.ts';

const COLUMNS = ['topic', 'queue', 'min', 'max', 'files'];

export function inspectStore(disk: Disk, paths: StorePaths, sizes: StoreSizes, limit: number): Inspection {
  const ends = findLogEnds(disk, paths, sizes);
  const checkpoint = readCheckpoint(disk, paths.checkpoint);
  const queues = queueFolders(disk, paths.consumeQueue);
  const { index } = paths;
  const indexFiles = disk.list(index);
  const batch = queueFolders(disk, paths.batchConsumeQueue);
  const files = queueFilesOf(paths, sizes);
  const shown = queues.slice(0, limit);
  return {
    kind: 'store',
    path: paths.root,
    facts: {
      state: stateText(disk, paths),
      'log offsets': `${ends.start} to ${ends.end}`,
      segments: `${ends.segments.length} of ${sizeText(sizes.segmentSizeBytes)}`,
      'oldest stored at': ends.oldestStoreMs === null ? null : timeText(ends.oldestStoreMs),
      'newest stored at': ends.newestStoreMs === null ? null : timeText(ends.newestStoreMs),
      queues: `${queues.length}, files of ${sizeText(sizes.queueFileSizeBytes)}`,
      'batch queues': batch.length,
      'index files': `${indexFiles.length}, ${sizeText(sizeOf(disk, index, indexFiles))}`,
      'checkpoint of the log': timeText(checkpoint.logTimestamp),
      'checkpoint of the queues': timeText(checkpoint.queuesTimestamp),
      'checkpoint of the index': timeText(checkpoint.indexTimestamp),
      settings: disk
        .list(paths.config)
        .filter((name) => !name.endsWith('.bak'))
        .join(', '),
    },
    columns: COLUMNS,
    rows: shown.map((queue) => rowOf(disk, queue, ends.start, files)),
    notes: [
      ...(queues.length > limit ? [moreText(queues.length - limit, 'queue')] : []),
      ...shown.flatMap((queue) => misplacedNotes(disk, queue, files)),
    ],
  };
}

function stateText(disk: Disk, paths: StorePaths): string {
  const owner = liveOwner(disk, paths, new SystemProcesses(disk));
  if (owner !== null) return `open in process ${owner}: what it has not written to files yet is not shown`;
  return wasStoppedInOrder(disk, paths) ? 'stopped in order' : 'not stopped in order: the next start checks the log';
}

function rowOf(disk: Disk, { topic, queueId, directory }: QueueFolder, logStart: number, files: QueueFiles): Shown[] {
  const starts = placedFileStarts(disk, directory, files.fileSizeBytes);
  const end = endOfFiles(disk, directory, starts, files.fileSizeBytes);
  if (starts.length === 0) return [topic, queueId, 0, 0, 0];
  const queue = { directory, starts, end, logEnd: Number.POSITIVE_INFINITY };
  return [topic, queueId, minOf(disk, files, queue, logStart), end, starts.length];
}

function misplacedNotes(
  disk: Disk,
  { topic, queueId, directory }: QueueFolder,
  { fileSizeBytes }: QueueFiles,
): string[] {
  const misplaced = queueFileStarts(disk, directory).filter((start) => start % fileSizeBytes !== 0);
  return misplaced.map(
    (start) =>
      `${topic}/${queueId}: ${fileNameOf(start)} begins where no file of ${fileSizeBytes} bytes does, and is not counted`,
  );
}

function sizeOf(disk: Disk, directory: string, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (disk.stat(join(directory, name))?.size ?? 0), 0);
}
