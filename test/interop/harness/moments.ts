/**
 * Moments at which the files of a store are least complete, and RingMQ brokers that kill themselves there: the writes around them lie
 * microseconds apart, where no other process can aim. Such a broker is a copy of the compiled one with a line more, which does nothing
 * until the broker is armed. Used by exchange.ts.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { IndexFileShape } from '../../../src/layout/index-file.ts';
import { buildEdited, type Edit, type EditedBuild } from '../../support/edited-build.ts';
import { repository } from '../../support/paths.ts';
import { indexRollOf, logRollOf } from './killed-files.ts';

const INDEX = 'src/threads/dispatch/index-filing.js';
const LOG = 'src/store/commit-log.js';
const APPEND = 'src/threads/append/append-agent.js';
const CLI = 'src/cli/main.js';
const FULL_HEAD = 'this.#complete(this.#file);';
const NEXT_SEGMENT = 'const next = this.#openNext(nextStart);';
/** So much of a batch's last record is not written. */
const TORN_BYTES = 10;

interface Shot {
  /** A line of the broker, and whether the shot comes before it or after it. */
  readonly file: string;
  readonly line: string;
  readonly side: 'before' | 'after';
  /** An expression of the broker. */
  readonly when: string;
  /** A statement of the broker that is done first. */
  readonly first?: string;
}

export interface Moment {
  readonly shot: Shot;
  /** How a kill at this moment leaves the files, in the words of killed-files.ts. */
  readonly leaves: string;
  look(store: string, index: IndexFileShape): string;
}

function indexRoll(line: string, side: Shot['side'], when: string, leaves: string): Moment {
  return { shot: { file: INDEX, line, side, when }, leaves, look: indexRollOf };
}

/** Only where what has no room in the segment is a batch. */
function batchAtEnd(shot: Omit<Shot, 'file'>, leaves: string): Moment {
  return { shot: { file: LOG, ...shot, when: `this.batchBytes > 0 && ${shot.when}` }, leaves, look: logRollOf };
}

export const MOMENTS = {
  'a full index file is not up to date': indexRoll(
    FULL_HEAD,
    'before',
    // A round has brought it up to date in the meantime.
    '!this.#isUpToDate && this.#written.nextEntry > FIRST_INDEX_ENTRY',
    'the newest index file has fewer entries than fit',
  ),
  'the slots of a full index file are not written': indexRoll(
    'while (this.#update !== null)\n                this.#bringUpToDate(file, this.#update);',
    'before',
    'true',
    'the newest index file is full and names an older end',
  ),
  'a full index file is the newest': indexRoll(
    FULL_HEAD,
    'after',
    'this.#file !== null',
    'the newest index file is full',
  ),
  'an index file has no header': indexRoll(
    'const file = IndexFile.create(this.#disk, path, this.#files.shape);',
    'after',
    'this.#name !== null',
    'the newest index file is all zero',
  ),
  'an index file has no entries': indexRoll(
    'const next = this.#create(name, head);',
    'after',
    'this.#name !== null',
    'the newest index file is empty',
  ),
  'a batch has no room and the segment no filler': batchAtEnd(
    { line: NEXT_SEGMENT, side: 'after', when: 'true' },
    'no filler, then nothing',
  ),
  'a batch has no room and is not in the next segment': batchAtEnd(
    { line: 'this.#writeBlank(remaining);', side: 'after', when: 'true' },
    'a filler, then nothing',
  ),
  'a part of a batch is in the next segment': batchAtEnd(
    {
      line: 'let done = 0;',
      side: 'after',
      when: 'from === 0 && this.#segmentStart > 0',
      first: `writeSome(this.#file, bytes, at, this.batchBytes - ${TORN_BYTES}, from)`,
    },
    'a filler, then records and a torn one',
  ),
} as const satisfies Record<string, Moment>;

export type MomentName = keyof typeof MOMENTS;

/** A RingMQ broker that kills itself at a moment, once. */
export class ShotBroker {
  readonly #armed: string;
  readonly #build: EditedBuild;

  /** `armed`: the path of a file that it is armed with. */
  constructor(moment: MomentName, armed: string) {
    this.#armed = armed;
    const { shot }: Moment = MOMENTS[moment];
    this.#build = buildEdited('', ['src'], [FIND_VERSION, TELL_BATCH, fire(shot, armed)]);
  }

  /** The command line's main.js. */
  get main(): string {
    return `${this.#build.directory}/${CLI}`;
  }

  arm(): void {
    writeFileSync(this.#armed, '');
  }

  /** Whether it was killed by its own hand. */
  get hasFired(): boolean {
    return !existsSync(this.#armed);
  }

  remove(): void {
    this.#build.remove();
    rmSync(this.#armed, { force: true });
  }
}

/** The copy lies elsewhere. */
const FIND_VERSION: Edit = {
  file: CLI,
  find: "new URL('../../../package.json', import.meta.url)",
  replace: `new URL('${pathToFileURL(`${repository}package.json`).href}')`,
};

const NO_ROOM = 'if (ints[firstIndex * DESCRIPTOR_INTS + DescriptorInt.length] > this.#log.roomInSegment()';
/** The log is told how long the batch is that comes next, 0 for no batch. */
const TELL_BATCH: Edit = {
  file: APPEND,
  find: NO_ROOM,
  replace:
    'const isBatch = ints[firstIndex * DESCRIPTOR_INTS + DescriptorInt.recordCount] > 1;\n' +
    'this.#log.batchBytes = isBatch ? ints[firstIndex * DESCRIPTOR_INTS + DescriptorInt.length] : 0;\n' +
    NO_ROOM,
};

function fire({ file, line, side, when, first = '' }: Shot, armed: string): Edit {
  const path = JSON.stringify(armed);
  const shot =
    `if (${when} && process.getBuiltinModule('node:fs').existsSync(${path})) {\n` +
    `${first};\nprocess.getBuiltinModule('node:fs').unlinkSync(${path});\nprocess.kill(process.pid, 'SIGKILL');\n}`;
  // Braces: the line may be all that an `if` has.
  return { file, find: line, replace: side === 'before' ? `{\n${shot}\n${line}\n}` : `${line}\n${shot}` };
}
