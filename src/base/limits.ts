/**
 * Every limit of the project with its reason, and the relations between them, asserted when this file loads. A limit that an operator
 * may change is a setting in config/; the value here is then its default or its bound.
 */
import { assert } from './assert.ts';

/** Largest frame, its length field included; a longer one closes the connection (spec/remoting.md 1). */
export const FRAME_SIZE_MAX_BYTES = 16 * 1024 * 1024;
/** Largest message body (`maxMessageSize`). */
export const BODY_SIZE_MAX_BYTES = 4 * 1024 * 1024;
/** Largest whole record: a body and 64 KiB of head, topic and properties (spec/store.md 16.2). */
export const RECORD_SIZE_MAX_BYTES = BODY_SIZE_MAX_BYTES + 65_536;
/** Properties are counted in an int16. */
export const PROPERTIES_SIZE_MAX_BYTES = 32_767;
/** The least that a disk writes: what did not get there is missing in such pieces. */
export const SECTOR_BYTES = 512;
export const TOPIC_LENGTH_MAX = 127;
/** Retry and dead-letter topics may be longer, because a group name is in them. */
export const RETRY_TOPIC_LENGTH_MAX = 255;

/**
 * Tag expression of a pull: some hundred tags. It is hashed for each pull and kept while the pull waits, and upstream's bound, which is
 * that of a frame, would let one connection's waiting pulls take all memory.
 */
export const PULL_EXPRESSION_MAX_BYTES = 16 * 1024;
/** Names and expressions of the pulls of one connection that wait: 16 384 of usual ones (some hundred bytes each) are far below. */
export const WAITING_PULLS_MAX_BYTES = 8 * 1024 * 1024;

/** Bytes of one producer's ring of encoded records. */
export const BYTES_RING_SIZE = 16 * 1024 * 1024;
/** Requests in flight between one producer and append. */
export const DESCRIPTOR_RING_SLOTS = 16_384;
/** A request that needs more than this share of the ring is refused (MESSAGE_ILLEGAL), so that any request fits an empty ring. */
export const REQUEST_SIZE_MAX_BYTES = BYTES_RING_SIZE / 2;

/** The status page has cells for 16 threads, of which four are no net threads. */
export const NET_THREADS_MAX = 12;

/** Rows of the shared queue table. */
export const QUEUE_SLOTS_MAX = 65_536;
/** Queues of one topic: no single request may use up the rows. Upstream's BenchmarkTest has 1024. */
export const QUEUES_PER_TOPIC_MAX = 4096;
/** Newest entries of each queue that live in shared memory. */
export const QUEUE_TAIL_ENTRIES = 128;
/** Dispatch publishes a queue's new maximum at the latest after this many entries, so that readers may trust the rest of the tail. */
export const QUEUE_TAIL_UNPUBLISHED_MAX = 64;

/**
 * Open files of ConsumeQueues: of dispatch, and of each thread that reads. Dispatch writes to all queues in turn, and opening a file for
 * each write costs five times the write; a process with few descriptors makes do with fewer (threads/descriptor-shares).
 */
export const QUEUE_HANDLES_WRITE_MAX = 8192;
export const QUEUE_HANDLES_READ_MAX = 256;

/** Newest entries of the key index that live in shared memory: those that are in no file yet, and some more. */
export const INDEX_TAIL_ENTRIES = 32_768;

/** After a clean stop a start looks through so much of the log, or a little more: it takes 30 ms, most of them to warm up. */
export const LOOK_BACK_BYTES = 4 * 1024 * 1024;

/** How long a send may wait for room in a ring before it is answered SYSTEM_BUSY (`waitTimeMillsInSendQueue`). */
export const SEND_WAIT_MAX_MS = 200;
/** Work of one drain: an agent hands the thread back after this many requests. */
export const DRAIN_REQUESTS_MAX = 256;
/** Bytes of the log that dispatch reads at once. */
export const DISPATCH_READ_BYTES = 1024 * 1024;

assert(BYTES_RING_SIZE >= 2 * RECORD_SIZE_MAX_BYTES, 'any legal record fits the ring even when it has to start at 0');
assert(REQUEST_SIZE_MAX_BYTES >= RECORD_SIZE_MAX_BYTES, 'a single record never meets the request limit');
assert(QUEUE_TAIL_UNPUBLISHED_MAX * 2 <= QUEUE_TAIL_ENTRIES, 'half of a tail is always published and stable');
assert(Number.isInteger(Math.log2(INDEX_TAIL_ENTRIES)), 'the place of an index entry is its number & mask');
assert(Number.isInteger(Math.log2(BYTES_RING_SIZE)), 'ring index is position & mask');
assert(Number.isInteger(Math.log2(DESCRIPTOR_RING_SLOTS)), 'ring index is position & mask');
