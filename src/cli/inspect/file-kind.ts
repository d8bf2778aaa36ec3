/** Which file of a store a path is, told by its place and, where that does not tell, by its contents. Part of `ringmq inspect`. */
import { basename, dirname, join } from 'node:path';
import {
  BLANK_HEAD_BYTES,
  BLANK_MAGIC,
  RECORD_MAGIC_V1,
  RECORD_MAGIC_V2,
  RecordAt,
} from '../../layout/message-record.ts';
import { QUEUE_ENTRY_BYTES } from '../../layout/queue-entry.ts';
import type { Disk } from '../../store/disk.ts';
import { startByteOf } from '../../store/file-names.ts';
import { isIndexFileName } from '../../store/index-files.ts';

export type FileKind =
  | 'segment'
  | 'queue'
  | 'batch queue'
  | 'index'
  | 'checkpoint'
  | 'abort'
  | 'lock'
  | 'settings'
  | 'timer wheel'
  | 'timer log'
  | 'timer check'
  | 'unknown';

/** `path` is absolute. */
export function fileKind(disk: Disk, path: string): FileKind {
  const name = basename(path);
  const parent = dirname(path);
  if (startByteOf(name) >= 0) return runFileKind(disk, path, parent);
  if (basename(parent) === 'index' && isIndexFileName(name)) return 'index';
  if (/^abort(?:\.bak)?$/.test(name)) return 'abort';
  if (name === 'lock' || name.startsWith('lock.')) return 'lock';
  if (name === 'checkpoint') return 'checkpoint';
  if (name === 'timerwheel') return 'timer wheel';
  if (name === 'timercheck') return 'timer check';
  return isJson(disk, path) ? 'settings' : 'unknown';
}

/** A file named by the byte at which it starts. */
function runFileKind(disk: Disk, path: string, parent: string): FileKind {
  if (basename(parent) === 'timerlog') return 'timer log';
  const root = basename(join(parent, '..', '..'));
  if (root === 'consumequeue') return 'queue';
  if (root === 'batchconsumequeue') return 'batch queue';
  if (basename(parent) === 'commitlog') return 'segment';
  const head = new Uint8Array(BLANK_HEAD_BYTES);
  const file = disk.open(path, 'read');
  try {
    file.read(head, 0, head.length, 0);
  } finally {
    file.close();
  }
  const magic = new DataView(head.buffer).getInt32(RecordAt.magic);
  if (magic === RECORD_MAGIC_V1 || magic === RECORD_MAGIC_V2 || magic === BLANK_MAGIC) return 'segment';
  return (disk.stat(path)?.size ?? 0) % QUEUE_ENTRY_BYTES === 0 && head.some((byte) => byte !== 0)
    ? 'queue'
    : 'segment';
}

const JSON_MAX_BYTES = 256 * 1024 * 1024;

function isJson(disk: Disk, path: string): boolean {
  const size = disk.stat(path)?.size ?? 0;
  if (size > JSON_MAX_BYTES) return false;
  return /^\s*[{[]/.test(Buffer.from(disk.readWhole(path)).toString('utf8', 0, 256));
}
