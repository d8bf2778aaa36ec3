/**
 * The sub-command `ringmq inspect`: shows any file of a store, a record of it, or the store as a whole. It only reads, so it may be used beside
 * a broker that runs; what the broker has not written yet is not shown. Loaded when the sub-command is called.
 */
import { basename, dirname, resolve } from 'node:path';
import { asQueueOffset } from '../base/units.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { TOPIC_KEY_SEPARATOR } from '../layout/index-file.ts';
import { parseMessageId } from '../layout/message-id.ts';
import { entryLogOffset, entrySize, FILLER_ENTRY_SIZE, QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { ConsumeQueueReader } from '../store/consume-queue.ts';
import { type Disk, NodeDisk } from '../store/disk.ts';
import { startByteOf } from '../store/file-names.ts';
import { logFilesOf } from '../store/segments.ts';
import type { StorePaths } from '../store/store-paths.ts';
import type { StoreSizes } from '../store/store-sizes.ts';
import { ExitCode } from './exit-code.ts';
import { type FileKind, fileKind } from './inspect/file-kind.ts';
import { inspectIndexFile } from './inspect/index-file.ts';
import { type Inspection, inspectionJson, inspectionText } from './inspect/inspection.ts';
import { inspectStore } from './inspect/overview.ts';
import { inspectBatchQueueFile, inspectQueueFile } from './inspect/queue-file.ts';
import { inspectRecordAt, inspectSegment } from './inspect/segment.ts';
import { inspectAbort, inspectCheckpoint, inspectLock, inspectSettings } from './inspect/small-file.ts';
import { inspectTimerCheck, inspectTimerLog, inspectTimerWheel } from './inspect/timer-file.ts';
import { refuseFile, type StoreFlags, storeArguments, wholeNumber } from './store-arguments.ts';
import { jsonLine, orFailureJson } from './tool-output.ts';
import { NO_PROGRESS, type ToolProgress, toolProgress } from './tool-progress.ts';

export interface InspectFlags extends StoreFlags {
  readonly limit: string;
}

/** `what`: what of it is wanted, see `--help`. 1 when it is not there. */
export function runInspect(path: string, what: string | undefined, options: InspectFlags): Promise<number> {
  return orFailureJson(options.json, () => show(path, what, options));
}

function show(path: string, what: string | undefined, options: InspectFlags): number {
  const limit = wholeNumber(options.limit);
  if (limit === null) throw new ConfigurationError([`--limit ${options.limit}: must be a number`]);
  const begin = (bytes: number): ToolProgress => (options.json === true ? NO_PROGRESS : toolProgress('reading', bytes));
  const inspection = inspect(new NodeDisk(), resolve(path), what, limit, options, begin);
  process.stdout.write(options.json === true ? jsonLine(inspectionJson(inspection)) : inspectionText(inspection));
  return inspection.isMissing === true ? ExitCode.failed : ExitCode.ok;
}

/**
 * `flags`: settings that say where the log of a store lies and how large its files are, where these do not tell. `begin` is called before so
 * many bytes are read that it takes more than a moment.
 */
export function inspect(
  disk: Disk,
  path: string,
  what: string | undefined,
  limit: number,
  flags: StoreFlags = { set: [] },
  begin: (bytes: number) => ToolProgress = () => NO_PROGRESS,
): Inspection {
  refuseFile(disk, dirname(path));
  const stat = disk.stat(path);
  if (stat === null) throw new Error(`${path} is not there`);
  if (!stat.isDirectory) return inspectFile(disk, path, what, limit, begin);
  const { paths, sizes } = storeArguments(disk, path, flags);
  if (what === undefined) return inspectStore(disk, paths, sizes, limit);
  const logOffset = positionOf(disk, paths, sizes, what);
  if (logOffset === null) {
    const notes = ['the queue has no such offset in its files'];
    return { kind: 'no record', path, facts: { wanted: what }, isMissing: true, notes };
  }
  const files = logFilesOf(paths, sizes);
  return inspectRecordAt(disk, files, path, logOffset);
}

const LOG_OFFSET_DIGITS = 16;

/** Log offset of the record that is meant: by its offset, by message id, or by topic/queue/offset. Null when the queue does not have it. */
function positionOf(disk: Disk, paths: StorePaths, sizes: StoreSizes, what: string): number | null {
  // Longer ones are message ids.
  const position = what.length > LOG_OFFSET_DIGITS ? null : wholeNumber(what);
  if (position !== null) return position;
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
    const isEntry = read === 1 && entrySize(view, 0) > 0 && entrySize(view, 0) !== FILLER_ENTRY_SIZE;
    return isEntry ? entryLogOffset(view, 0) : null;
  } finally {
    reader.close();
  }
}

function inspectFile(
  disk: Disk,
  path: string,
  what: string | undefined,
  limit: number,
  begin: (bytes: number) => ToolProgress,
): Inspection {
  const kind = fileKind(disk, path);
  if (kind === 'unknown') throw new Error(`${path} is no file of a store that is known here`);
  const name = basename(path);
  const start = Math.max(0, startByteOf(name));
  const { from, key } = partOf(kind, what);
  switch (kind) {
    case 'segment':
      return inspectSegment(disk, { path, start, sizeBytes: disk.stat(path)?.size ?? 0 }, from, limit, begin);
    case 'queue':
      return inspectQueueFile(disk, { path, start }, from, limit);
    case 'batch queue':
      return inspectBatchQueueFile(disk, { path, start }, from, limit);
    case 'index':
      return inspectIndexFile(disk, path, from, key, limit);
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
  }
}

/** What of a file can be asked for. The others are shown as a whole. */
const PARTS: Partial<Record<FileKind, string>> = {
  segment: 'an offset of the log, or of the file',
  queue: 'an offset of the queue',
  'batch queue': 'an offset of the queue',
  index: 'the number of an entry, or topic#key',
};

/** The part of a file that is wanted, by its number or by a key; both null for all of it. */
function partOf(kind: FileKind, what: string | undefined): { from: number | null; key: string | null } {
  if (what === undefined) return { from: null, key: null };
  const part = PARTS[kind];
  if (part === undefined) throw new ConfigurationError([`${what}: this file (${kind}) is shown as a whole`]);
  const from = wholeNumber(what);
  const key = from === null && kind === 'index' && what.includes(TOPIC_KEY_SEPARATOR) ? what : null;
  if (from === null && key === null) throw new ConfigurationError([`${what}: must be ${part}`]);
  return { from, key };
}
