/**
 * Crash at every call: one scripted life, ended before each call of the disk that changes something, and in the middle of each write, by a
 * kill and by losses of power that keep nothing, everything, or some of what was not synced.
 */

import type { CrashMode } from '../support/sim-disk.ts';
import type { Profile } from './profile.ts';
import { type RunOptions, runSimulation } from './run.ts';

/** Small enough that segments, queue files and batches end everywhere. */
export function scriptedProfile(syncFlush: boolean): Profile {
  return {
    sizes: {
      syncFlush,
      zeroWrite: syncFlush,
      segmentBytes: 4096,
      queueFileBytes: 100,
      index: { slots: 10, entries: 30 },
      ringBytes: 16_384,
      descriptors: 1024,
    },
    topics: ['A', 'B'],
    queues: 2,
    bodyMax: 500,
    hasOneLength: false,
    slow: null,
    latencyMaxMs: 20,
    deletes: true,
    lives: 1,
    stepsPerLife: 150,
    trouble: 'none',
  };
}

const SHARES = [0, 0.6];
const MODES: readonly { readonly mode: CrashMode; readonly kept?: number }[] = [
  { mode: 'kill' },
  { mode: 'power', kept: 0 },
  { mode: 'power', kept: 0.5 },
  { mode: 'power', kept: 1 },
];

/** Calls of the whole life, its stop included. */
export function scriptedCalls(profile: Profile, seed: number): number {
  const crash = { call: Number.POSITIVE_INFINITY, share: 0, mode: 'kill' } as const;
  return runSimulation({ seed, profile, crash }).firstCalls;
}

/** Every way to crash, `every` th only; the caller runs them. */
export function* crashes(profile: Profile, seed: number, every = 1): Generator<RunOptions> {
  const calls = scriptedCalls(profile, seed);
  let number = 0;
  for (let call = 1; call <= calls; call++) {
    for (const share of SHARES) {
      for (const how of MODES) if (number++ % every === 0) yield { seed, profile, crash: { call, share, ...how } };
    }
  }
}
