/**
 * Pieces of the log that several pulls want, read once. The queues of a topic lie mixed in the log, so a pull of one of them is up to 32
 * small reads of 1.2 us or more each, and the pulls of its neighbours read what lies between. A window is a private copy of an aligned
 * piece, made when enough of it has been asked for; 32 records out of it cost 6 us, and its own read 0.17 us for each KiB: a third of the
 * time, when all queues are read (native-free-bench/broker). Bytes of the log never change once they are written. Lives on net; used by
 * pull-answers.
 */
import { asLogOffset, type LogOffset } from '../base/units.ts';
import type { LogSource } from './pull-ports.ts';
import type { PullSelection } from './pull-selection.ts';

const WINDOW_BYTES = 512 * 1024;
/** Readers of neighbouring queues may be this many windows apart and still share them; 8 MiB of a net thread, when all are used. */
const WINDOWS = 16;
/**
 * A window is read when pulls have asked for this share of it, and at once when so much of the one before was used. At a share of 1/8,
 * which is one reader of a topic with 8 queues, the window costs as much as the reader's own reads.
 */
const SHARE_WORTH_IT = 1 / 6;
/** A pull that reaches over more windows would push its own out, and wants too little of each. */
const WINDOWS_PER_PULL_MAX = WINDOWS / 2;

class LogWindow {
  /** Which piece of the log this is, counted in windows; -1 for none. */
  index = -1;
  /** Bytes asked for, before it was read and after. */
  wanted = 0;
  /** It is read at the first request. */
  isWorthIt = false;
  /** Bytes at its front that are here. */
  filled = 0;
  /** Made with the first read. */
  bytes: Buffer | null = null;
}

export class LogWindows {
  readonly #log: LogSource;
  readonly #windows = Array.from({ length: WINDOWS }, () => new LogWindow());

  constructor(log: LogSource) {
    this.#log = log;
  }

  /** Takes note of what a pull wants, and reads what has become worth it. True: {@link copy} has all of it. */
  hold(selection: PullSelection, logEnd: LogOffset): boolean {
    const { count, logOffsets, sizes } = selection;
    const first = indexOf(logOffsets[0]!);
    const last = indexOf(logOffsets[count - 1]! + sizes[count - 1]! - 1);
    if (last - first >= WINDOWS_PER_PULL_MAX) return false;
    for (let i = 0; i < count; i++) this.#at(indexOf(logOffsets[i]!)).wanted += sizes[i]!;
    let holdsAll = true;
    for (let i = 0; i < count; i++) {
      const offset = logOffsets[i]!;
      const end = offset + sizes[i]!;
      // More than one window for a record that lies across a border.
      for (let index = indexOf(offset); index * WINDOW_BYTES < end; index++) {
        const window = this.#at(index);
        const neededTo = Math.min(end - index * WINDOW_BYTES, WINDOW_BYTES);
        if (window.filled < neededTo && !this.#fill(window, neededTo, logEnd)) holdsAll = false;
      }
    }
    return holdsAll;
  }

  /** Copies a piece of the log that lies in windows held by the last {@link hold}. */
  copy(offset: number, length: number, into: Buffer, at: number): void {
    let from = offset;
    let target = at;
    const end = offset + length;
    while (from < end) {
      const index = indexOf(from);
      const start = index * WINDOW_BYTES;
      const to = Math.min(end, start + WINDOW_BYTES);
      this.#windows[index % WINDOWS]!.bytes!.copy(into, target, from - start, to - start);
      target += to - from;
      from = to;
    }
  }

  #at(index: number): LogWindow {
    const window = this.#windows[index % WINDOWS]!;
    if (window.index === index) return window;
    const before = this.#windows[(index + WINDOWS - 1) % WINDOWS]!;
    window.isWorthIt = before.index === index - 1 && before.wanted >= SHARE_WORTH_IT * WINDOW_BYTES;
    window.index = index;
    window.filled = 0;
    window.wanted = 0;
    return window;
  }

  /** Reads the window as far as the log goes; false when it is not worth it yet, or when the log has lost a part of it. */
  #fill(window: LogWindow, neededTo: number, logEnd: LogOffset): boolean {
    if (!window.isWorthIt && window.wanted < SHARE_WORTH_IT * WINDOW_BYTES) return false;
    window.bytes ??= Buffer.allocUnsafeSlow(WINDOW_BYTES);
    const start = window.index * WINDOW_BYTES;
    const length = Math.min(WINDOW_BYTES, logEnd - start);
    while (window.filled < length) {
      const at = window.filled;
      const read = this.#log.read(asLogOffset(start + at), length - at, window.bytes, at);
      if (read === 0) break;
      window.filled += read;
    }
    return window.filled >= neededTo;
  }
}

function indexOf(offset: number): number {
  return Math.floor(offset / WINDOW_BYTES);
}
