/**
 * What is wrong with the names and sizes of the files of the log and of queues, by the rule that a start goes by (file-run.ts): what it would
 * refuse is told, and what it would take off. Part of verify-plan.ts and judge-queues.ts.
 */
import { join } from 'node:path';
import { counted } from '../base/counted.ts';
import type { Disk } from './disk.ts';
import { fileNameOf, startByteOf } from './file-names.ts';
import { type FoundFile, foundFiles, judgeRun, type RunFault } from './file-run.ts';
import type { Finding, FindingKind, Findings } from './findings.ts';
import { type CommitLogFiles, logRunOf } from './segments.ts';
import { CUT_NAME } from './segments-aside.ts';
import type { StoreState } from './store-state.ts';
import type { QueueResult } from './verify-queue.ts';

type FileFault = Exclude<RunFault['kind'], 'folder'>;

function faultText(kind: FileFault, { start, size }: FoundFile, sizeBytes: number): string {
  switch (kind) {
    case 'place':
      return `begins at ${start}, where no file of ${sizeBytes} bytes does: a broker refuses to start`;
    case 'size':
      return `has ${counted(size, 'byte')}, not ${sizeBytes}: a broker refuses to start`;
    case 'missing':
      return `the file before it, ${fileNameOf(start - sizeBytes)}, is missing: a broker refuses to start`;
  }
}

const LOG_FAULTS: Readonly<Record<FileFault, Pick<Finding, 'kind' | 'advice'>>> = {
  place: { kind: 'segment-size', advice: 'settings' },
  size: { kind: 'segment-size', advice: 'restore' },
  missing: { kind: 'segment-missing', advice: 'restore' },
};

/** Starts of the files that a start goes by, and whether it refuses them. `flushedTo`: see {@link logFlushedTo}. */
export function judgeSegments(
  disk: Disk,
  files: CommitLogFiles,
  state: StoreState,
  flushedTo: number,
  findings: Findings,
): { readonly starts: readonly number[]; readonly isRefused: boolean } {
  const { directory, segmentSizeBytes: sizeBytes } = files;
  for (const name of disk.list(directory)) {
    const path = join(directory, name);
    const isCut = name === CUT_NAME && disk.stat(path)?.isDirectory === true;
    if (startByteOf(name) < 0 && !isCut) findings.addForeign(path);
  }
  // Where a broker runs nothing of that is a crash's doing.
  const run = logRunOf(files, state === 'clean', state === 'running' ? Number.POSITIVE_INFINITY : flushedTo);
  const { starts, short, torn, faults } = judgeRun(foundFiles(disk, directory), run);
  for (const { kind, file, before } of faults) {
    const path = join(directory, fileNameOf(file.start));
    if (kind === 'folder') {
      findings.addFolder(path);
      continue;
    }
    const offset = kind === 'missing' ? before + sizeBytes : file.start;
    findings.add({ ...LOG_FAULTS[kind], file: path, offset, what: faultText(kind, file, sizeBytes), matters: true });
  }
  const note = (kind: FindingKind, offset: number, what: string): void =>
    findings.add({ kind, file: join(directory, fileNameOf(offset)), offset, what, matters: false, advice: 'nothing' });
  // A crash while it was made, or cut: the next start lets it grow.
  if (short !== null)
    note('segment-size', short.start, `has ${counted(short.size, 'byte')}, the others have ${sizeBytes}`);
  if (torn.length > 0) note('segment-missing', torn[0]!, `${tornText(torn)} takes them off the log`);
  return { starts, isRefused: faults.length > 0 };
}

function tornText(torn: readonly number[]): string {
  return `${counted(torn.length, 'file')} from here on, behind one that is short or missing: not known to have been flushed, and the next start`;
}

export function judgeQueueFiles(
  { queue: { directory, isLight }, files }: QueueResult,
  sizeBytes: number,
  state: StoreState,
  findings: Findings,
): void {
  const pathOf = (start: number): string => join(directory, fileNameOf(start));
  for (const { kind, file } of files.faults) {
    const path = pathOf(file.start);
    if (kind === 'folder') {
      findings.addFolder(path);
      continue;
    }
    const isMisplaced = kind === 'place';
    const way = `. Put a copy there, or move ${directory} away: nothing is built of such a queue`;
    findings.add({
      kind: 'queue-files',
      file: path,
      offset: null,
      what: `${faultText(kind, file, sizeBytes)}${isLight && !isMisplaced ? way : ''}`,
      matters: true,
      advice: isMisplaced || isLight ? 'move' : 'repair',
    });
  }
  const note = (start: number, what: string): void =>
    findings.add({ kind: 'queue-files', file: pathOf(start), offset: null, what, matters: false, advice: 'nothing' });
  if (files.torn.length > 0) note(files.torn[0]!, `${tornText(files.torn)} takes them away`);
  // A broker that runs is about to give them their size.
  if (state === 'running') return;
  const { short } = files;
  if (short !== null)
    note(short.start, `has ${counted(short.size, 'byte')}, not ${sizeBytes}: the next start gives it its size`);
  for (const start of files.empty) note(start, 'has no bytes: the next start removes it');
}
