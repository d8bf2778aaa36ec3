/** What every scanner of headers promises: it reads a frame as the general path does, or leaves it to that path. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { encodeFrame } from '../../src/remoting/frame-codec.ts';
import { mutationOf } from './mutate.ts';

export interface Readers {
  /** The scanner's reading, or null when it gives up. */
  byScanner(frame: Uint8Array): object | null;
  /** The general path's reading, or null when it refuses. */
  byGeneralPath(frame: Uint8Array): object | null;
}

const RANDOM_RUNS = 3000;
/** Of the random ones. */
const UNDERSTOOD_MIN = 300;
const DAMAGED_RUNS = 5000;

export function expectAgreementOnRandom(readers: Readers, commands: fc.Arbitrary<RemotingCommand>): void {
  let understood = 0;
  const property = fc.property(commands, (command) => {
    if (agrees(readers, encodeFrame(command))) understood++;
  });
  fc.assert(property, { numRuns: RANDOM_RUNS });
  expect(understood).toBeGreaterThan(UNDERSTOOD_MIN);
}

export function expectAgreementOnDamaged(readers: Readers, originals: readonly Uint8Array[]): void {
  const property = fc.property(mutationOf(originals), (frame) => void agrees(readers, frame));
  fc.assert(property, { numRuns: DAMAGED_RUNS });
}

/** False when the scanner has given up. */
function agrees({ byScanner, byGeneralPath }: Readers, frame: Uint8Array): boolean {
  const scanned = byScanner(frame);
  if (scanned === null) return false;
  expect(scanned).toEqual(byGeneralPath(frame));
  return true;
}
