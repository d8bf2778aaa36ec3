/**
 * Rules that keep messages safe, each taken out once. The simulator must notice every one of them within so many runs, or it proves
 * nothing; without an edit none of its runs fails. An edit is of the compiled text and must match exactly once.
 */
import type { Edit } from '../support/edited-build.ts';

export interface Mutation {
  readonly fault: string;
  readonly edits: readonly Edit[];
}

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
  },
  {
    fault: 'flushed moves on without an fdatasync',
    edits: [{ file: FLUSH, find: 'log.sync(asLogOffset(this.#flushed), asLogOffset(written));', replace: '' }],
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
  },
  {
    fault: 'the checkpoint is ahead of the queues',
    edits: [{ file: ROUNDS, find: ROUND_STEP, replace: 'if (false)' }],
  },
  {
    fault: 'the checkpoint is ahead of the queues, and entries are appended over the gap',
    edits: [
      { file: ROUNDS, find: ROUND_STEP, replace: 'if (false)' },
      // The run would notice that a start has to repair something, which is not what is asked here.
      { file: 'test/simulator/run.js', find: 'repairs.length === 0', replace: 'true' },
      { file: 'src/store/queue-ledger.js', find: 'firstUnfiled > Math.max(0, filedEnd)', replace: 'false' },
      {
        file: 'src/threads/dispatch/dispatch-agent.js',
        find: "assert(record.queueOffset === next, 'a queue has no gaps');",
        replace: '',
      },
    ],
  },
  {
    fault: 'the name of a segment is not made durable',
    edits: [
      { file: 'src/store/commit-log-sync.js', find: 'this.#disk.syncDirectory(this.#files.directory);', replace: '' },
    ],
  },
  {
    fault: 'the names of queue files are not made durable',
    edits: [
      { file: 'src/store/unsynced-queues.js', find: 'ifThere(() => this.#disk.syncDirectory(path));', replace: '' },
    ],
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
  },
  {
    fault: 'a short write of queue entries is taken for a whole one',
    edits: [{ file: 'src/store/disk.js', find: 'while (done < length)', replace: 'if (done < length)' }],
  },
  {
    fault: 'a start does not flush what it has found',
    edits: [{ file: LOG_RECOVERY, find: 'syncSegment(disk, files, file);', replace: '' }],
  },
  {
    fault: 'only the last file of a row may be torn',
    edits: [
      {
        file: 'src/store/file-run.js',
        find: 'if (!cleanStop)\n        dropTorn(disk, run, starts, sizeOf);',
        replace: '',
      },
    ],
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
  },
  {
    fault: 'consumers see what is not flushed',
    edits: [{ file: 'src/threads/topology.js', find: "syncFlush ? 'flushed' : 'written'", replace: "'written'" }],
  },
];
