/** How far a tool is, on a terminal only: bytes, speed, and how long it may take. Called by verify and repair. */
import { Presets, SingleBar } from 'cli-progress';
import { systemClock } from '../base/clock.ts';
import { sizeText } from './tool-output.ts';

export interface ToolProgress {
  advance(bytes: number): void;
  end(): void;
}

const US_PER_SECOND = 1e6;

/** Draws on stderr, or nothing where that is no terminal. */
export function toolProgress(title: string, totalBytes: number): ToolProgress {
  if (process.stderr.isTTY !== true || totalBytes === 0) return { advance: () => {}, end: () => {} };
  // The cursor stays: a run that is interrupted could not bring it back.
  const format = ` ${title} {bar} {percentage}%  {done} of {all}, {speed}/s, {eta_formatted} left`;
  const bar = new SingleBar(
    { stream: process.stderr, format, barsize: 30, clearOnComplete: true },
    Presets.shades_classic,
  );
  const startUs = systemClock.monotonicUs();
  let done = 0;
  const figures = (): object => {
    const seconds = (systemClock.monotonicUs() - startUs) / US_PER_SECOND;
    return { done: sizeText(done), all: sizeText(totalBytes), speed: sizeText(done / Math.max(seconds, 1e-3)) };
  };
  bar.start(totalBytes, 0, figures());
  return {
    advance(bytes) {
      done += bytes;
      bar.update(done, figures());
    },
    end: () => bar.stop(),
  };
}
