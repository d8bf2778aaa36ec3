/** The small files of a store: checkpoint, abort, locks, settings. Part of `ringmq inspect`. */
import { counted } from '../../base/counted.ts';
import {
  CHECKPOINT_FILE_BYTES,
  decodeCheckpoint,
  decodeVouched,
  NO_INDEX_KEPT,
  type Vouched,
} from '../../layout/checkpoint-file.ts';
import { parseFastJson } from '../../remoting/fast-json.ts';
import { namesTimes } from '../../store/checkpoint.ts';
import type { Disk } from '../../store/disk.ts';
import { SystemProcesses } from '../../store/process-table.ts';
import { timeText } from '../tool-output.ts';
import type { Inspection, Shown } from './inspection.ts';

export function inspectCheckpoint(disk: Disk, path: string): Inspection {
  const bytes = disk.readWhole(path);
  const fields = decodeCheckpoint(bytes);
  if (fields === null) {
    return {
      kind: 'checkpoint',
      path,
      facts: { size: bytes.length },
      notes: ['too short to hold its fields: a start looks through the whole log'],
    };
  }
  return {
    kind: 'checkpoint',
    path,
    facts: {
      'log flushed up to': timeText(fields.logTimestamp),
      'queues flushed up to': timeText(fields.queuesTimestamp),
      'index flushed up to': timeText(fields.indexTimestamp),
      'master flushed to': fields.masterFlushedOffset,
      'confirmed to': fields.confirmedOffset,
      ...vouchedFacts(decodeVouched(bytes)),
    },
    notes: [
      ...(namesTimes(fields) ? [] : ['is damaged: it names what is no time, and a start believes none of them']),
      ...(bytes.length === CHECKPOINT_FILE_BYTES
        ? []
        : [`has ${counted(bytes.length, 'byte')}, Apache's broker expects ${CHECKPOINT_FILE_BYTES}`]),
    ],
    value: fields,
  };
}

/** RingMQ's own part, which is not there when somebody else has written the file last. */
function vouchedFacts(vouched: Vouched | null): Record<string, Shown> {
  if (vouched === null) return { "RingMQ's part": 'not there' };
  const { filedTo, lookFrom, indexEnd, stoppedAt, queueCount, queueEntries, logStart } = vouched;
  return {
    'all is on the disk before log offset': filedTo,
    'a start looks from': lookFrom,
    'newest message in the index':
      indexEnd >= -1 ? indexEnd : indexEnd === NO_INDEX_KEPT ? 'no index is kept' : 'not known',
    'stopped in order at': stoppedAt < 0 ? 'not yet' : stoppedAt,
    'queues then': `${queueCount} with ${counted(queueEntries, 'entry', 'entries')}`,
    'the log then began at': logStart,
  };
}

export function inspectAbort(disk: Disk, path: string): Inspection {
  const text = Buffer.from(disk.readWhole(path)).toString();
  const isBackup = path.endsWith('.bak');
  const notes = isBackup
    ? ["a by-product of Apache's broker, of no meaning"]
    : ['it is there: a broker runs on this store, or the last one was not stopped in order'];
  return { kind: isBackup ? 'copy of the abort file' : 'abort file', path, facts: { process: text }, notes };
}

export function inspectLock(disk: Disk, path: string, name: string): Inspection {
  const identity = name.slice(name.indexOf('.') + 1);
  if (!name.includes('.')) {
    return {
      kind: "lock of Apache's broker",
      path,
      facts: {},
      notes: ['whether it is held only the system knows: Node cannot ask'],
    };
  }
  const [processId, ticks, boot] = identity.split('-');
  const isAlive = new SystemProcesses(disk).find(Number(processId))?.identity === identity;
  return {
    kind: 'lock of a RingMQ broker',
    path,
    facts: {
      process: Number(processId),
      'began, in ticks after boot': ticks === undefined ? null : Number(ticks),
      boot: boot ?? null,
      state: isAlive ? 'alive: it has the store open' : 'gone: the next start removes the file',
    },
  };
}

/** A document of `config` in Apache's dialect of JSON, or any other file that is JSON. */
export function inspectSettings(disk: Disk, path: string): Inspection {
  const text = Buffer.from(disk.readWhole(path)).toString();
  let value: unknown;
  try {
    value = parseFastJson(text);
  } catch (error) {
    const notes = [`cannot be parsed: ${(error as Error).message}. A start takes the version before, ${path}.bak`];
    return { kind: 'settings', path, facts: { size: text.length }, notes };
  }
  return { kind: 'settings', path, facts: { size: text.length, ...memberCounts(value) }, value };
}

/** Of each table how many members it has, of the rest the value. */
function memberCounts(value: unknown): Record<string, Shown> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      typeof member === 'object' && member !== null ? countText(name, member) : (member as Shown),
    ]),
  );
}

function countText(name: string, member: object): string {
  if (name === 'dataVersion')
    return JSON.stringify(member, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
  const names = Object.keys(member);
  const shown = names.slice(0, 20).join(', ');
  return `${names.length}${names.length === 0 ? '' : `: ${shown}${names.length > 20 ? ', ...' : ''}`}`;
}
