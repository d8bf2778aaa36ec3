/**
 * The ConsumeQueue files: dispatch writes them in groups of entries, net and control read what has left the tail in shared memory.
 * Entries are 20 bytes (layout/queue-entry.ts), files sparse and of one size (spec/store.md 5).
 */
import { assert, InvariantError } from '../base/assert.ts';
import { asQueueOffset, type QueueOffset } from '../base/units.ts';
import { fillerEntries, QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { type Disk, type DiskFile, isOutOfDescriptors, writeFully } from './disk.ts';
import { fileStartOf } from './file-names.ts';
import { HandleCache } from './handle-cache.ts';
import { findQueueEnd, queueDirectory, queueFilePath } from './queue-files.ts';
import { type UnsyncedPaths, UnsyncedQueues } from './unsynced-queues.ts';

/** One queue as this thread knows it. */
interface QueueState {
  readonly directory: string;
  /** Offset of the next entry. */
  next: QueueOffset;
  /** The file last used, so that its path is not built again for every group. */
  fileStart: number;
  filePath: string;
}

/** Queues by topic and id, without a string per look-up. */
class QueueStates {
  readonly #root: string;
  readonly #topics = new Map<string, Map<number, QueueState>>();

  constructor(root: string) {
    this.#root = root;
  }

  get(topic: string, queueId: number): QueueState | undefined {
    return this.#topics.get(topic)?.get(queueId);
  }

  add(topic: string, queueId: number): QueueState {
    let queues = this.#topics.get(topic);
    if (queues === undefined) {
      queues = new Map();
      this.#topics.set(topic, queues);
    }
    const state = { directory: this.directoryOf(topic, queueId), next: asQueueOffset(0), fileStart: -1, filePath: '' };
    queues.set(queueId, state);
    return state;
  }

  directoryOf(topic: string, queueId: number): string {
    return queueDirectory(this.#root, topic, queueId);
  }
}

function pathIn(state: QueueState, start: number): string {
  if (state.fileStart !== start) {
    state.filePath = queueFilePath(state.directory, start);
    state.fileStart = start;
  }
  return state.filePath;
}

const samePath = (path: string): string => path;

/** Dispatch's end. */
export class ConsumeQueueWriter {
  readonly #disk: Disk;
  readonly #fileSize: number;
  readonly #states: QueueStates;
  readonly #handles: HandleCache<string>;
  readonly #unsynced: UnsyncedQueues;

  constructor(disk: Disk, directory: string, fileSizeBytes: number, handlesMax: number) {
    assert(fileSizeBytes % QUEUE_ENTRY_BYTES === 0, 'a queue file holds whole entries');
    this.#disk = disk;
    this.#fileSize = fileSizeBytes;
    this.#states = new QueueStates(directory);
    this.#handles = new HandleCache(disk, 'write', handlesMax, samePath);
    this.#unsynced = new UnsyncedQueues(directory);
  }

  /** Offset of the next entry that this queue takes. */
  end(topic: string, queueId: number): QueueOffset {
    return this.#state(topic, queueId).next;
  }

  /**
   * Files the entries in `entries[at, at + length)`, the first of which has the offset `first`. Those that the queue has already are
   * written again, which changes nothing. A gap is an InvariantError: an entry that were appended over it would shift the queue for
   * ever. Only a queue without an entry starts wherever it is told to. On a shortage (disk.ts) the queue's end has not moved: file them
   * again.
   */
  append(topic: string, queueId: number, first: QueueOffset, entries: Uint8Array, at: number, length: number): void {
    assert(length % QUEUE_ENTRY_BYTES === 0, 'entries are filed whole');
    const state = this.#state(topic, queueId);
    if (first > state.next) this.#start(state, topic, queueId, first);
    let byte = first * QUEUE_ENTRY_BYTES;
    for (let done = 0; done < length; ) {
      const fileStart = fileStartOf(byte, this.#fileSize);
      const part = Math.min(length - done, fileStart + this.#fileSize - byte);
      const file = this.#file(state, fileStart, byte === fileStart);
      this.#unsynced.add(file.path);
      writeFully(file, entries, at + done, part, byte - fileStart);
      done += part;
      byte += part;
    }
    state.next = asQueueOffset(Math.max(state.next, byte / QUEUE_ENTRY_BYTES));
  }

  /** What recovery has cut is made durable with what is filed first. */
  owe(unsynced: UnsyncedPaths): void {
    this.#unsynced.addAll(unsynced);
  }

  /** What was filed since the last time and has to be made durable, by whoever may wait for the disk. */
  takeUnsynced(): UnsyncedPaths {
    return this.#unsynced.take();
  }

  /** The files are opened again when they are written to. */
  close(): void {
    this.#handles.close();
  }

  #state(topic: string, queueId: number): QueueState {
    const known = this.#states.get(topic, queueId);
    if (known !== undefined) return known;
    // Looked for first: a queue whose end could not be found must not be known as one that is empty.
    const end = this.#sparing(() => findQueueEnd(this.#disk, this.#states.directoryOf(topic, queueId), this.#fileSize));
    const state = this.#states.add(topic, queueId);
    state.next = end;
    return state;
  }

  /** An empty queue begins at `first`. What lies before it in its file is filled, because a file's entries have to be a whole row. */
  #start(state: QueueState, topic: string, queueId: number, first: QueueOffset): void {
    if (state.next !== 0) {
      throw new InvariantError(`gap in queue ${topic}/${queueId}: entry ${first} after ${state.next}`);
    }
    const firstByte = first * QUEUE_ENTRY_BYTES;
    const fileStart = fileStartOf(firstByte, this.#fileSize);
    const file = this.#file(state, fileStart, true);
    const filler = fillerEntries((firstByte - fileStart) / QUEUE_ENTRY_BYTES);
    writeFully(file, filler, 0, filler.length, 0);
  }

  /** `isFirst`: its first entry is going to be written, so it is probably not there yet. */
  #file(state: QueueState, fileStart: number, isFirst: boolean): DiskFile {
    const path = pathIn(state, fileStart);
    const there = isFirst ? null : this.#handles.get(path);
    return there ?? this.#handles.getOrMake(path, () => this.#sparing(() => this.#create(state.directory, path)));
  }

  /** When too many files are open this thread closes some of its own, so that the action may succeed the next time. */
  #sparing<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (isOutOfDescriptors(error)) this.#handles.shrink();
      throw error;
    }
  }

  #create(directory: string, path: string): DiskFile {
    this.#disk.makeDirectory(directory);
    const file = this.#disk.open(path, 'create');
    try {
      file.resize(this.#fileSize);
    } catch (error) {
      file.close();
      // A file of another size would be taken for an old one the next time, and refused at the next start. One that was there before is of
      // the full size, to which it is resized without fail.
      this.#disk.unlink(path);
      throw error;
    }
    this.#unsynced.addNames(directory);
    return file;
  }
}

/** The readers' end: any thread has one of its own. */
export class ConsumeQueueReader {
  readonly #fileSize: number;
  readonly #states: QueueStates;
  readonly #handles: HandleCache<string>;

  constructor(disk: Disk, directory: string, fileSizeBytes: number, handlesMax: number) {
    assert(fileSizeBytes % QUEUE_ENTRY_BYTES === 0, 'a queue file holds whole entries');
    this.#fileSize = fileSizeBytes;
    this.#states = new QueueStates(directory);
    this.#handles = new HandleCache(disk, 'read', handlesMax, samePath);
  }

  /**
   * Reads up to `count` entries from offset `from` on to `into[at...]`; returns how many there were. 0 when their file is not there.
   * How far the queue is filed is the caller's to know: beyond it there are zeros.
   */
  read(topic: string, queueId: number, from: QueueOffset, count: number, into: Uint8Array, at: number): number {
    const state = this.#states.get(topic, queueId) ?? this.#states.add(topic, queueId);
    let byte = from * QUEUE_ENTRY_BYTES;
    const end = byte + count * QUEUE_ENTRY_BYTES;
    let target = at;
    while (byte < end) {
      const fileStart = fileStartOf(byte, this.#fileSize);
      const file = this.#handles.get(pathIn(state, fileStart));
      if (file === null) break;
      const part = Math.min(end, fileStart + this.#fileSize) - byte;
      const read = file.read(into, target, part, byte - fileStart);
      byte += read;
      target += read;
      if (read < part) break;
    }
    return Math.floor((target - at) / QUEUE_ENTRY_BYTES);
  }

  /** Those files that are still there are opened again when they are wanted. */
  close(): void {
    this.#handles.close();
  }
}
