/** Shows how far a run is: a bar on a terminal, a line for each step elsewhere. Called by bench.ts. */
import { Presets, SingleBar } from 'cli-progress';
import { every, systemClock, type Timer } from '../base/clock.ts';

const REDRAW_MS = 100;

export interface Progress {
  /** A step of about `ms` begins. */
  step(title: string, ms: number): void;
  /** A line to keep. */
  note(text: string): void;
  end(): void;
}

export interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** `totalMs` is what all steps together will take, about. */
export function progressOn(stream: ProgressStream, totalMs: number): Progress {
  return stream.isTTY === true ? new BarProgress(stream, totalMs) : new LineProgress(stream);
}

class LineProgress implements Progress {
  readonly #stream: ProgressStream;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  step(title: string): void {
    this.#stream.write(`${title} ...\n`);
  }

  note(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  end(): void {}
}

class BarProgress implements Progress {
  readonly #stream: ProgressStream;
  readonly #bar: SingleBar;
  readonly #timer: Timer;
  readonly #totalMs: number;
  #doneMs = 0;
  #stepMs = 0;
  #stepStartUs = 0;

  constructor(stream: ProgressStream, totalMs: number) {
    this.#stream = stream;
    this.#totalMs = totalMs;
    // The cursor stays: a run that is interrupted could not bring it back.
    const format = ' {bar} {percentage}%  {title}';
    this.#bar = new SingleBar({ stream, format, barsize: 30, clearOnComplete: true }, Presets.shades_classic);
    this.#bar.start(totalMs, 0, { title: '' });
    this.#timer = every(REDRAW_MS, () => this.#draw(), false);
  }

  step(title: string, ms: number): void {
    this.#doneMs += this.#stepMs;
    this.#stepMs = ms;
    this.#stepStartUs = systemClock.monotonicUs();
    this.#bar.update(Math.min(this.#doneMs, this.#totalMs), { title });
  }

  note(text: string): void {
    // Over the bar, which is drawn again below.
    this.#stream.write(`\r\u001b[K${text}\n`);
    this.#draw();
  }

  end(): void {
    this.#timer.stop();
    this.#bar.update(this.#totalMs, { title: 'done' });
    this.#bar.stop();
  }

  #draw(): void {
    const inStepMs = Math.min(this.#stepMs, (systemClock.monotonicUs() - this.#stepStartUs) / 1000);
    this.#bar.update(Math.min(this.#doneMs + inStepMs, this.#totalMs));
  }
}
