/**
 * Rules that keep messages safe, each taken out once. The simulator must notice every one of them within so many runs, and for what it
 * breaks, or it proves nothing; without an edit none of its runs fails. An edit is of the compiled text and must match exactly once.
 */
import type { Edit } from '../support/edited-build.ts';

export interface Mutation {
  readonly fault: string;
  readonly edits: readonly Edit[];
  /** What a run has to say of it, with the name of the error. */
  readonly seen: RegExp;
  /** What the broker itself may say in runs before that one. Anything else comes from somewhere else. */
  readonly also?: readonly RegExp[];
}

const LOST = /^Violation: message .* is lost: /;
const LOST_ANSWERED = /^Violation: message .* is lost: its sender was told that it is flushed/;
const LOST_SEEN = /^Violation: message .* is lost: a consumer has seen it/;
const REPAIRED = /^Violation: a start had to repair what no crash may break: /;
const QUEUE_WRONG = /^Violation: (message .* lies at \d+, its queue says|entry .* points at) /;
const SETTINGS_LOST = /^Violation: (topic .* is lost|consumer offsets .* are none of those that were saved last)/;
/** A start refuses a store that has lost what the checkpoint vouches for, or files of a row. */
const LOG_SHORT = /^StoreDamagedError: the log of .* has lost something: /;
const FILE_SHORT = /^StoreDamagedError: .* has \d+ bytes, but .*(is|make) \d+\./;
const FILE_MISSING = /^StoreDamagedError: .* does not follow \d+: a file between them is missing/;
/** One of the two, of the log. */
const LOG_FILE = /^StoreDamagedError: \S*\/commitlog\/\d+ (has \d+ bytes|does not follow)/;
const LOG_HOLE = /^StoreDamagedError: the log is damaged at \d+ .* and goes on in /;
const LOG_END = /^Violation: the log (says that it ends|begins) at \d+/;
const LOG_DAMAGE = [LOST, LOG_SHORT, FILE_SHORT, FILE_MISSING, LOG_END];
const QUEUE_DAMAGE = [REPAIRED, QUEUE_WRONG, FILE_SHORT, FILE_MISSING, /^Violation: message .* times by its key/];
/** Assertions of recovery and dispatch. */
const RECORD_TORN = /^InvariantError: (the parts of a record in the log add up|the log holds records up to its end)/;

const FLUSH = 'src/threads/flush/flush-agent.js';
const ROUNDS = 'src/threads/flush/queue-rounds.js';
const ROUND_STEP = 'if (!this.#sync.step())';
const LOG_RECOVERY = 'src/store/log-recovery.js';

export const MUTATIONS: readonly Mutation[] = [
  {
    fault: 'the answer does not wait for fdatasync',
    edits: [
      {
        file: 'src/broker/pending-sends.js',
        find: 'if (this.#ports.syncFlush && !isFlushed && this.#waits[index] === 1)',
        replace: 'if (false)',
      },
    ],
    seen: /^Violation: message \d+ is answered at written/,
  },
  {
    fault: 'flushed moves on without an fdatasync',
    edits: [{ file: FLUSH, find: 'log.sync(asLogOffset(this.#flushed), asLogOffset(written));', replace: '' }],
    seen: LOST_ANSWERED,
    also: LOG_DAMAGE,
  },
  {
    fault: 'what is written during the fdatasync counts as flushed',
    edits: [
      { file: FLUSH, find: 'this.#flushed = written;', replace: 'this.#flushed = ends.written.read();' },
      { file: FLUSH, find: 'ends.flushed.advance(written);', replace: 'ends.flushed.advance(this.#flushed);' },
    ],
    seen: LOST_ANSWERED,
    also: LOG_DAMAGE,
  },
  {
    fault: 'the newer segment is flushed and the older one is not',
    edits: [
      {
        file: 'src/store/commit-log-sync.js',
        find: 'syncSegment(this.#disk, this.#files, this.openSegment(asLogOffset(start)));',
        replace: 'if (start === last) syncSegment(this.#disk, this.#files, this.openSegment(asLogOffset(start)));',
      },
    ],
    seen: LOST_ANSWERED,
    also: LOG_DAMAGE,
  },
  {
    fault: 'the checkpoint is ahead of the queues',
    edits: [{ file: ROUNDS, find: ROUND_STEP, replace: 'if (false)' }],
    seen: REPAIRED,
    also: QUEUE_DAMAGE,
  },
  {
    fault: 'the checkpoint is ahead of the queues, and entries are appended over the gap',
    edits: [
      { file: ROUNDS, find: ROUND_STEP, replace: 'if (false)' },
      // The run would notice that a start has to repair something, which is not what is asked here.
      { file: 'test/simulator/run.js', find: 'repairs.length === 0', replace: 'true' },
      { file: 'src/store/queue-ledger.js', find: 'firstUnfiled > Math.max(0, filedEnd)', replace: 'false' },
      { file: 'src/store/recovery.js', find: 'vouched.queueCount > 0', replace: 'false' },
      {
        file: 'src/threads/dispatch/dispatch-agent.js',
        find: "assert(queueOffset === next, 'a queue has no gaps');",
        replace: '',
      },
    ],
    seen: QUEUE_WRONG,
    also: [...QUEUE_DAMAGE, /^Violation: a second start finds something else/],
  },
  {
    fault: 'the name of a segment is not made durable',
    edits: [
      { file: 'src/store/commit-log-sync.js', find: 'this.#disk.syncDirectory(this.#files.directory);', replace: '' },
    ],
    seen: LOST_ANSWERED,
    also: LOG_DAMAGE,
  },
  {
    fault: 'the names of queue files are not made durable',
    edits: [
      { file: 'src/store/unsynced-queues.js', find: 'ifThere(() => this.#disk.syncDirectory(path));', replace: '' },
    ],
    seen: REPAIRED,
    also: QUEUE_DAMAGE,
  },
  {
    fault: 'the names of folders are not made durable',
    edits: [
      {
        file: 'src/store/disk.js',
        find: 'disk.makeDirectory(path);\n    disk.syncDirectory(parent);',
        replace: 'disk.makeDirectory(path);',
      },
    ],
    seen: LOST_ANSWERED,
    also: [...LOG_DAMAGE, SETTINGS_LOST],
  },
  {
    fault: 'a short write of a run is taken for a whole one',
    edits: [
      {
        file: 'src/store/commit-log.js',
        find: 'while (done < length)\n                done +=',
        replace: 'if (done < length)\n                done +=',
      },
    ],
    seen: LOST,
    also: [RECORD_TORN, LOG_END],
  },
  {
    fault: 'a short write of queue entries is taken for a whole one',
    edits: [{ file: 'src/store/disk.js', find: 'while (done < length)', replace: 'if (done < length)' }],
    seen: QUEUE_WRONG,
    // Everything else is written by this loop as well: settings, checkpoint, abort, fillers.
    also: [LOST, ...QUEUE_DAMAGE, SETTINGS_LOST, RECORD_TORN, /^FailStopError: process \d+ has opened the store/],
  },
  {
    fault: 'a start does not flush what it has found',
    edits: [{ file: LOG_RECOVERY, find: 'flushSegment(disk, files, start);', replace: '' }],
    seen: LOST,
    also: LOG_DAMAGE,
  },
  {
    fault: 'only the last file of a row may be torn',
    edits: [
      {
        file: 'src/store/file-run.js',
        find: 'cleanStop || faults.length > 0 ? [] : row.splice(tornFrom(row, rule))',
        replace: '[]',
      },
    ],
    seen: FILE_SHORT,
    also: [FILE_MISSING],
  },
  {
    fault: 'a store is written to before its checkpoint says anything',
    edits: [
      {
        file: 'src/threads/control/open-control.js',
        find: 'if (recovered.word !== null)',
        replace: 'if (false)',
      },
    ],
    seen: LOG_FILE,
    also: [LOG_HOLE],
  },
  {
    fault: 'a settings file is not flushed before it replaces the old one',
    edits: [
      {
        file: 'src/store/disk.js',
        find: 'writeFully(file, contents, 0, contents.length, 0);\n        file.sync();',
        replace: 'writeFully(file, contents, 0, contents.length, 0);',
      },
    ],
    seen: SETTINGS_LOST,
    also: [FILE_SHORT],
  },
  {
    fault: 'consumers see what is not flushed',
    edits: [{ file: 'src/threads/topology.js', find: "syncFlush ? 'flushed' : 'written'", replace: "'written'" }],
    seen: LOST_SEEN,
  },
  {
    fault: 'a look for another broker without a descriptor is a failure',
    edits: [
      {
        file: 'src/threads/control/store-watch.js',
        find: 'if (!isOutOfDescriptors(cause))\n                throw cause;',
        replace: 'throw cause;',
      },
    ],
    seen: /^Violation: want of descriptors has ended a running broker: DiskFailedError: open .*abort/,
  },
  {
    fault: 'dispatch does not wait for a descriptor to read the log with',
    edits: [
      {
        file: 'src/threads/dispatch/dispatch-agent.js',
        find: 'if (!isOutOfDescriptors(cause))\n                throw cause;',
        replace: 'throw cause;',
      },
    ],
    seen: /^Violation: want of descriptors has ended a running broker: DiskFailedError: open .*commitlog/,
  },
];
