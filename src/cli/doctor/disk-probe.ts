/** Measures the disk of a folder with one file of 64 MiB at most, which is removed again. Called by `ringmq doctor`; takes up to two seconds, or more on a slow disk. */
import { closeSync, fdatasyncSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { describeDisk } from '../../bench/files.ts';
import { NodeDisk } from '../../store/disk.ts';
import type { DiskFacts, SyncLatency } from './facts.ts';

const BLOCK_BYTES = 4096;
const SAMPLES_MAX = 200;
const SAMPLES_MS = 700;
const CHUNK_BYTES = 1024 * 1024;
const WRITE_BYTES = 64 * CHUNK_BYTES;
const WRITE_MS = 700;
const US_PER_MS = 1000;
/** Of {@link measure}, which take about as long as each other. */
const PARTS = 3;

/** `folder` must be there. `advance` is told each share of the whole that is done. */
export function probeDisk(folder: string, advance: (share: number) => void): DiskFacts {
  const { total, free, usable } = new NodeDisk().usage(folder)!;
  const space = { folder, kind: describeDisk(folder), usedBytes: total - free, freeBytes: usable };
  const path = join(folder, `ringmq-doctor.${process.pid}`);
  try {
    const file = openSync(path, 'wx+');
    try {
      // Without a name it goes however this process ends.
      rmSync(path, { force: true });
      return { ...space, ...measure(file, advance), problem: null };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const problem = (error as Error).message;
    return { ...space, sparseSync: null, zeroedSync: null, writeBytesPerSecond: null, problem };
  }
}

/** The first part of the file is a hole, the second has its blocks, and then the whole is overwritten in one go. */
function measure(
  file: number,
  advance: (share: number) => void,
): Pick<DiskFacts, 'sparseSync' | 'zeroedSync' | 'writeBytesPerSecond'> {
  const half = SAMPLES_MAX * BLOCK_BYTES;
  ftruncateSync(file, 2 * half);
  writeSync(file, new Uint8Array(half), 0, half, half);
  fdatasyncSync(file);
  const sparseSync = syncLatency(file, 0, new Part(SAMPLES_MAX, SAMPLES_MS, advance));
  const zeroedSync = syncLatency(file, half, new Part(SAMPLES_MAX, SAMPLES_MS, advance));
  return { sparseSync, zeroedSync, writeBytesPerSecond: writeSpeed(file, new Part(WRITE_BYTES, WRITE_MS, advance)) };
}

/** A part of the measuring, which is over when it has all that it counts, or has taken its time. */
class Part {
  readonly #most: number;
  readonly #us: number;
  readonly #advance: (share: number) => void;
  readonly #startUs = systemClock.monotonicUs();
  #told = 0;

  constructor(most: number, ms: number, advance: (share: number) => void) {
    this.#most = most;
    this.#us = ms * US_PER_MS;
    this.#advance = advance;
  }

  isOver(count: number): boolean {
    const passedUs = systemClock.monotonicUs() - this.#startUs;
    const share = Math.min(1, Math.max(count / this.#most, passedUs / this.#us));
    this.#advance((share - this.#told) / PARTS);
    this.#told = share;
    return share === 1;
  }
}

function syncLatency(file: number, from: number, part: Part): SyncLatency {
  const block = new Uint8Array(BLOCK_BYTES).fill(1);
  const samples: number[] = [];
  while (!part.isOver(samples.length)) {
    writeSync(file, block, 0, BLOCK_BYTES, from + samples.length * BLOCK_BYTES);
    const startUs = systemClock.monotonicUs();
    fdatasyncSync(file);
    samples.push(systemClock.monotonicUs() - startUs);
  }
  samples.sort((left, right) => left - right);
  const at = (share: number): number => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))]!;
  return { p50Us: at(0.5), p99Us: at(0.99) };
}

/** With one fdatasync at the end: what gets to the disk. */
function writeSpeed(file: number, part: Part): number {
  const chunk = new Uint8Array(CHUNK_BYTES).fill(1);
  const startUs = systemClock.monotonicUs();
  let written = 0;
  while (!part.isOver(written)) written += writeSync(file, chunk, 0, CHUNK_BYTES, written);
  fdatasyncSync(file);
  return written / ((systemClock.monotonicUs() - startUs) / 1e6);
}
