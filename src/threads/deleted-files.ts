/**
 * Closes what a thread holds open of deleted files, whose blocks the system gives back only then. Net threads, dispatch and
 * control ask it in their turns; append and flush keep no older segment than the one they are at.
 */
import { asLogOffset } from '../base/units.ts';
import type { LogReader } from '../store/log-reader.ts';
import type { WatermarkReader } from './topology.ts';

const LOOK_EVERY_US = 1_000_000;
/** All queue files are closed at once then, and opened again when they are wanted: deletions that go on for minutes must not do so each second. */
const CLOSE_EVERY_US = 3_000_000;

export interface DeletedFilesEnds {
  readonly logStart: WatermarkReader;
  readonly queueFilesDeleted: WatermarkReader;
}

/** A reader's or the writer's. */
interface OpenQueueFiles {
  close(): void;
}

export class DeletedFiles {
  readonly #ends: DeletedFilesEnds;
  readonly #log: Pick<LogReader, 'dropBelow'>;
  readonly #queues: OpenQueueFiles;
  #logStart: number;
  #queueFiles: number;
  #lookAtUs = 0;
  #closeAtUs = 0;

  constructor(ends: DeletedFilesEnds, log: Pick<LogReader, 'dropBelow'>, queues: OpenQueueFiles) {
    this.#ends = ends;
    this.#log = log;
    this.#queues = queues;
    this.#logStart = ends.logStart.read();
    this.#queueFiles = ends.queueFilesDeleted.read();
  }

  /** To be called about once a second, or more often. */
  look(nowUs: number): void {
    if (nowUs < this.#lookAtUs) return;
    this.#lookAtUs = nowUs + LOOK_EVERY_US;
    const logStart = this.#ends.logStart.read();
    if (logStart !== this.#logStart) this.#log.dropBelow(asLogOffset(logStart));
    this.#logStart = logStart;
    // Which queues have lost files is not said: a file that is opened again costs 10 us.
    const queueFiles = this.#ends.queueFilesDeleted.read();
    if (queueFiles === this.#queueFiles || nowUs < this.#closeAtUs) return;
    this.#closeAtUs = nowUs + CLOSE_EVERY_US;
    this.#queueFiles = queueFiles;
    this.#queues.close();
  }
}
