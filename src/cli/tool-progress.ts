/** How far a tool is, on a terminal only. Called by verify, repair, inspect and doctor. */
import { Presets, SingleBar } from 'cli-progress';
import { systemClock } from '../base/clock.ts';
import { sizeText } from './tool-output.ts';

export interface ToolProgress {
  /** So much more of the total is done. */
  advance(amount: number): void;
  /** Takes the bar away. */
  end(): void;
}

export interface ProgressOutput extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

export const NO_PROGRESS: ToolProgress = { advance: () => {}, end: () => {} };

const US_PER_SECOND = 1e6;

/** Of bytes that are read: how many, how fast, and how long it may take. Draws on stderr, or nothing where that is no terminal. */
export function toolProgress(title: string, totalBytes: number, output: ProgressOutput = process.stderr): ToolProgress {
  const startUs = systemClock.monotonicUs();
  const format = ` ${title} {bar} {percentage}%  {done} of {all}, {speed}/s, {eta_formatted} left`;
  return barOn(output, format, totalBytes, (done) => {
    const seconds = (systemClock.monotonicUs() - startUs) / US_PER_SECOND;
    return { done: sizeText(done), all: sizeText(totalBytes), speed: sizeText(done / Math.max(seconds, 1e-3)) };
  });
}

/** Of work that is none of bytes, in parts that each count 1. */
export function partsProgress(title: string, parts: number, output: ProgressOutput = process.stderr): ToolProgress {
  return barOn(output, ` ${title} {bar} {percentage}%`, parts, () => ({}));
}

function barOn(output: ProgressOutput, format: string, total: number, figures: (done: number) => object): ToolProgress {
  if (output.isTTY !== true || total === 0) return NO_PROGRESS;
  // Cursor and line wrapping stay as they are: a run that is interrupted could not bring them back.
  const options = { stream: output, format, barsize: 20, clearOnComplete: true, linewrap: true };
  const bar = new SingleBar(options, Presets.shades_classic);
  let done = 0;
  bar.start(total, 0, figures(0));
  return {
    advance(amount) {
      done += amount;
      bar.update(done, figures(done));
    },
    end: () => bar.stop(),
  };
}
