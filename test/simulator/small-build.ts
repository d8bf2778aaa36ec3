/**
 * The compiled broker and simulator with smaller limits, in a copy: what takes thousands of messages on a real broker (tails that wrap,
 * groups of entries, zeros in pieces) comes up in a run of a hundred, and a broker starts in a tenth of the time. A mutation is one more edit.
 */
import { buildEdited, type Edit, type EditedBuild } from '../support/edited-build.ts';

const LIMITS = 'src/base/limits.js';
const FILING = 'src/threads/dispatch/queue-filing.js';
const INDEX = 'src/threads/dispatch/index-filing.js';
const INDEX_RECOVERY = 'src/store/index-recovery.js';

const SMALL: readonly Edit[] = [
  { file: LIMITS, find: 'QUEUE_SLOTS_MAX = 65_536', replace: 'QUEUE_SLOTS_MAX = 256' },
  { file: LIMITS, find: 'DESCRIPTOR_RING_SLOTS = 16_384', replace: 'DESCRIPTOR_RING_SLOTS = 64' },
  { file: LIMITS, find: 'QUEUE_TAIL_ENTRIES = 128', replace: 'QUEUE_TAIL_ENTRIES = 16' },
  { file: LIMITS, find: 'QUEUE_TAIL_UNPUBLISHED_MAX = 64', replace: 'QUEUE_TAIL_UNPUBLISHED_MAX = 4' },
  { file: LIMITS, find: 'DISPATCH_READ_BYTES = 1024 * 1024', replace: 'DISPATCH_READ_BYTES = 3 * 1024' },
  { file: FILING, find: 'FILE_ENTRIES = 64', replace: 'FILE_ENTRIES = 8' },
  { file: FILING, find: 'FIRST_ENTRIES = 16', replace: 'FIRST_ENTRIES = 3' },
  { file: LIMITS, find: 'INDEX_TAIL_ENTRIES = 32_768', replace: 'INDEX_TAIL_ENTRIES = 16' },
  { file: INDEX, find: 'FILE_ENTRIES = 4096', replace: 'FILE_ENTRIES = 5' },
  { file: INDEX, find: 'PAGE_SLOTS = 1024', replace: 'PAGE_SLOTS = 2' },
  { file: INDEX, find: 'TURN_PAGES = 64', replace: 'TURN_PAGES = 2' },
  { file: INDEX, find: 'LOAD_SLOTS = 64 * 1024', replace: 'LOAD_SLOTS = 8' },
  { file: INDEX_RECOVERY, find: 'CHUNK_ENTRIES = 16 * 1024', replace: 'CHUNK_ENTRIES = 7' },
  { file: INDEX_RECOVERY, find: 'CHUNK_SLOTS = 64 * 1024', replace: 'CHUNK_SLOTS = 8' },
  { file: 'src/store/segment-preparation.js', find: 'STEP_BYTES = 256 * 1024', replace: 'STEP_BYTES = 3 * 1024' },
  { file: 'src/store/log-scanner.js', find: 'WINDOW_BYTES = 1024 * 1024', replace: 'WINDOW_BYTES = 6 * 1024' },
  { file: 'src/broker/system-names.js', find: "topic('BenchmarkTest', 1024)", replace: "topic('BenchmarkTest', 2)" },
];

const FOLDERS = ['src', 'test/simulator', 'test/threads', 'test/broker', 'test/support'];

export function buildSmall(mutations: readonly Edit[] = []): EditedBuild {
  return buildEdited('', FOLDERS, [...SMALL, ...mutations]);
}
