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

/** `folder` must be there. */
export function probeDisk(folder: string): DiskFacts {
  const { total, free, usable } = new NodeDisk().usage(folder)!;
  const space = { folder, kind: describeDisk(folder), usedBytes: total - free, freeBytes: usable };
  const path = join(folder, `ringmq-doctor.${process.pid}`);
  try {
    const file = openSync(path, 'wx+');
    try {
      // Without a name it goes however this process ends.
      rmSync(path, { force: true });
      return { ...space, ...measure(file), problem: null };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const problem = (error as Error).message;
    return { ...space, sparseSync: null, zeroedSync: null, writeBytesPerSecond: null, problem };
  }
}

/** The first part of the file is a hole, the second has its blocks, and then the whole is overwritten in one go. */
function measure(file: number): Pick<DiskFacts, 'sparseSync' | 'zeroedSync' | 'writeBytesPerSecond'> {
  const half = SAMPLES_MAX * BLOCK_BYTES;
  ftruncateSync(file, 2 * half);
  writeSync(file, new Uint8Array(half), 0, half, half);
  fdatasyncSync(file);
  const sparseSync = syncLatency(file, 0);
  const zeroedSync = syncLatency(file, half);
  return { sparseSync, zeroedSync, writeBytesPerSecond: writeSpeed(file) };
}

function syncLatency(file: number, from: number): SyncLatency {
  const block = new Uint8Array(BLOCK_BYTES).fill(1);
  const samples: number[] = [];
  const endUs = systemClock.monotonicUs() + SAMPLES_MS * US_PER_MS;
  while (samples.length < SAMPLES_MAX && systemClock.monotonicUs() < endUs) {
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
function writeSpeed(file: number): number {
  const chunk = new Uint8Array(CHUNK_BYTES).fill(1);
  const startUs = systemClock.monotonicUs();
  let written = 0;
  while (written < WRITE_BYTES && systemClock.monotonicUs() - startUs < WRITE_MS * US_PER_MS) {
    written += writeSync(file, chunk, 0, CHUNK_BYTES, written);
  }
  fdatasyncSync(file);
  return written / ((systemClock.monotonicUs() - startUs) / 1e6);
}
