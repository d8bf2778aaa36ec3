/**
 * Where a start after a clean stop begins to look through the log: at a record that lies {@link LOOK_BACK_BYTES} before the end, or a
 * little more. Told of places on the way by recovery, and by dispatch, which passes every record.
 */
import { LOOK_BACK_BYTES } from '../base/limits.ts';

const MARKS_APART_BYTES = LOOK_BACK_BYTES / 4;

export class LookBack {
  /** Places where records begin, oldest first: only the first may be further back than it has to. */
  readonly #marks: number[];
  #markFrom: number;

  /** `from`: the earliest place, which is taken while there is no better one. */
  constructor(from: number) {
    this.#marks = [from];
    this.#markFrom = from + MARKS_APART_BYTES;
  }

  /** A record begins at `position`, or the log ends there. */
  passed(position: number): void {
    if (position < this.#markFrom) return;
    this.#markFrom = position + MARKS_APART_BYTES;
    const marks = this.#marks;
    marks.push(position);
    while (marks[1]! <= position - LOOK_BACK_BYTES) marks.shift();
  }

  /** `end`: not before any place that was passed. */
  from(end: number): number {
    return this.#marks.findLast((mark) => mark <= end - LOOK_BACK_BYTES) ?? this.#marks[0]!;
  }
}
