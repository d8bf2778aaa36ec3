/**
 * The sub-command `ringmq inspect`: shows any file of a store, a record of it, or the store as a whole. It only reads, so it may be used beside
 * a broker that runs; what the broker has not written yet is not shown. Loaded when the sub-command is called.
 */
import { basename, dirname, resolve } from 'node:path';
import { asQueueOffset } from '../base/units.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { parseMessageId } from '../layout/message-id.ts';
import { entryLogOffset, entrySize, QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { ConsumeQueueReader } from '../store/consume-queue.ts';
import { type Disk, NodeDisk } from '../store/disk.ts';
import { startByteOf } from '../store/file-names.ts';
import type { StorePaths } from '../store/store-paths.ts';
import type { StoreSizes } from '../store/store-sizes.ts';
import { ExitCode } from './exit-code.ts';
import { fileKind } from './inspect/file-kind.ts';
import { inspectIndexFile } from './inspect/index-file.ts';
import { type Inspection, inspectionJson, inspectionText } from './inspect/inspection.ts';
import { inspectStore } from './inspect/overview.ts';
import { inspectBatchQueueFile, inspectQueueFile } from './inspect/queue-file.ts';
import { inspectRecordAt, inspectSegment } from './inspect/segment.ts';
import { inspectAbort, inspectCheckpoint, inspectLock, inspectSettings } from './inspect/small-file.ts';
import { inspectTimerCheck, inspectTimerLog, inspectTimerWheel } from './inspect/timer-file.ts';
import { refuseFile, type StoreFlags, storeArguments } from './store-arguments.ts';
import { jsonLine } from './tool-output.ts';

export interface InspectFlags extends StoreFlags {
  readonly limit: string;
}

/** `what`: what of it is wanted, see `--help`. 1 when it is not there. */
export function runInspect(path: string, what: string | undefined, options: InspectFlags): number {
  const limit = Number(options.limit);
  if (!Number.isSafeInteger(limit) || limit < 0)
    throw new ConfigurationError([`--limit ${options.limit}: must be a number`]);
  const inspection = inspect(new NodeDisk(), resolve(path), what, limit, options);
  process.stdout.write(options.json === true ? jsonLine(inspectionJson(inspection)) : inspectionText(inspection));
  return inspection.kind === NOTHING ? ExitCode.failed : ExitCode.ok;
}

const NOTHING = 'no record';

/** `flags`: settings that say where the log of a store lies and how large its files are, where these do not tell. */
export function inspect(
  disk: Disk,
  path: string,
  what: string | undefined,
  limit: number,
  flags: StoreFlags = { set: [] },
): Inspection {
  refuseFile(disk, dirname(path));
  const stat = disk.stat(path);
  if (stat === null) throw new Error(`${path} is not there`);
  if (!stat.isDirectory) return inspectFile(disk, path, what, limit);
  const { paths, sizes } = storeArguments(disk, path, flags);
  if (what === undefined) return inspectStore(disk, paths, sizes, limit);
  const logOffset = positionOf(disk, paths, sizes, what);
  if (logOffset === null)
    return { kind: NOTHING, path, facts: { wanted: what }, notes: ['the queue has no such offset in its files'] };
  const files = { directory: paths.commitLog, segmentSizeBytes: sizes.segmentSizeBytes };
  return inspectRecordAt(disk, files, path, logOffset);
}

/** Log offset of the record that is meant: by its offset, by message id, or by topic/queue/offset. Null when the queue does not have it. */
function positionOf(disk: Disk, paths: StorePaths, sizes: StoreSizes, what: string): number | null {
  if (/^\d{1,16}$/.test(what)) return Number(what);
  const id = parseMessageId(what);
  if (id !== null) return Number(id.logOffset);
  const [, topic, queue, offset] = /^(.+)\/(\d+)\/(\d+)$/.exec(what) ?? [];
  if (topic === undefined) {
    throw new ConfigurationError([
      `${what}: must be an offset of the log, an offset message id, or topic/queue/offset`,
    ]);
  }
  const reader = new ConsumeQueueReader(disk, paths.consumeQueue, sizes.queueFileSizeBytes, 1);
  try {
    const entry = new Uint8Array(QUEUE_ENTRY_BYTES);
    const view = new DataView(entry.buffer);
    const read = reader.read(topic, Number(queue), asQueueOffset(Number(offset)), 1, entry, 0);
    return read === 1 && entrySize(view, 0) > 0 ? entryLogOffset(view, 0) : null;
  } finally {
    reader.close();
  }
}

function inspectFile(disk: Disk, path: string, what: string | undefined, limit: number): Inspection {
  const kind = fileKind(disk, path);
  const name = basename(path);
  const start = Math.max(0, startByteOf(name));
  const from = what !== undefined && /^\d+$/.test(what) ? Number(what) : null;
  switch (kind) {
    case 'segment':
      return inspectSegment(disk, { path, start, sizeBytes: disk.stat(path)?.size ?? 0 }, from, limit);
    case 'queue':
      return inspectQueueFile(disk, { path, start }, from, limit);
    case 'batch queue':
      return inspectBatchQueueFile(disk, { path, start }, from, limit);
    case 'index':
      return inspectIndexFile(disk, path, from, from === null ? (what ?? null) : null, limit);
    case 'checkpoint':
      return inspectCheckpoint(disk, path);
    case 'abort':
      return inspectAbort(disk, path);
    case 'lock':
      return inspectLock(disk, path, name);
    case 'settings':
      return inspectSettings(disk, path);
    case 'timer wheel':
      return inspectTimerWheel(disk, path, limit);
    case 'timer log':
      return inspectTimerLog(disk, path, start, limit);
    case 'timer check':
      return inspectTimerCheck(disk, path);
    default:
      throw new Error(`${path} is no file of a store that is known here`);
  }
}
