/**
 * Whatever comes over a socket: nothing but FrameError and HeaderError is thrown, nothing hangs, memory stays bounded. A short slice by
 * default; FUZZ_FRAMES=1000000 for the long run. fast-check prints the seed of a failure.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_SIZE_MAX_BYTES } from '../../src/base/limits.ts';
import { ScannedProperties, scanProperties } from '../../src/layout/message-properties.ts';
import { FrameError, HeaderError, type RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame, encodeFrame } from '../../src/remoting/frame-codec.ts';
import { FrameReader } from '../../src/remoting/frame-reader.ts';
import { requiredBody } from '../../src/remoting/json-fields.ts';
import { PullHeader, pullHeaderOf } from '../../src/remoting/pull-header.ts';
import { scanPullHeader } from '../../src/remoting/pull-header-scanner.ts';
import { SendHeader, sendHeaderOf } from '../../src/remoting/send-header.ts';
import { scanSendHeader } from '../../src/remoting/send-header-scanner.ts';
import { goClientSend, MODES, recordedBytes, recordedFrames } from '../support/recorded-frames.ts';
import { mutationOf } from './mutate.ts';

const FRAMES = Number(process.env.FUZZ_FRAMES ?? 4000);
const FRAMES_PER_RUN = 4;
/** A million frames take a few minutes. */
const TIMEOUT_MS = 30_000 + FRAMES;
const BODY_SIZE_MAX_BYTES = 4096;

const originals = [
  goClientSend(),
  ...MODES.flatMap((mode) =>
    recordedFrames(mode)
      .filter(({ bodyLength }) => bodyLength < BODY_SIZE_MAX_BYTES)
      .map((frame) => recordedBytes(mode, frame)),
  ),
];
const damaged = mutationOf(originals);
/** Random bytes with a length field that fits, so that they get as far as the codecs. */
const noise = fc.uint8Array({ minLength: 4, maxLength: 60 }).map((bytes) => {
  const frame = Buffer.concat([Buffer.alloc(4), bytes]);
  frame.writeInt32BE(bytes.length);
  return frame;
});
const rawBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const stream = fc.record({
  parts: fc.array(
    fc.oneof({ weight: 8, arbitrary: damaged }, { weight: 3, arbitrary: noise }, { weight: 1, arbitrary: rawBytes }),
    {
      minLength: FRAMES_PER_RUN,
      maxLength: FRAMES_PER_RUN,
    },
  ),
  chunkMax: fc.constantFrom(1, 3, 100, 1000, 100_000),
});

function allowed(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof FrameError) && !(error instanceof HeaderError)) throw error;
  }
}

const send = new SendHeader();
const pull = new PullHeader();
const properties = new ScannedProperties();

/** All that a broker may do with a frame before it decides. */
function handle(bytes: Uint8Array, start: number, end: number): void {
  if (scanSendHeader(bytes, start, end, send)) {
    expect(send.bodyEnd).toBe(end);
    scanProperties(send.properties, send.propertiesStart, send.propertiesEnd, properties);
  }
  if (scanPullHeader(bytes, start, end, pull)) pull.subscription();
  allowed(() => {
    const command: RemotingCommand = decodeFrame(bytes, start, end);
    allowed(() => sendHeaderOf(command, send));
    allowed(() => pullHeaderOf(command, pull));
    allowed(() => requiredBody(command.body));
    const again = encodeFrame(command);
    const decoded = decodeFrame(again, 0, again.length);
    expect(decoded.opaque).toBe(command.opaque);
    expect(decoded.body?.length).toBe(command.body?.length);
  });
}

describe('fuzz', () => {
  it(
    `survives ${FRAMES} frames`,
    () => {
      const heapBefore = process.memoryUsage().arrayBuffers;
      fc.assert(
        fc.property(stream, ({ parts, chunkMax }) => {
          const reader = new FrameReader();
          const bytes = Buffer.concat(parts);
          allowed(() => {
            for (let at = 0; at < bytes.length; at += chunkMax) {
              reader.push(bytes.subarray(at, at + chunkMax), { frame: handle });
              expect(reader.bufferedBytes).toBeLessThanOrEqual(Math.min(bytes.length, FRAME_SIZE_MAX_BYTES));
            }
          });
        }),
        { numRuns: Math.ceil(FRAMES / FRAMES_PER_RUN) },
      );
      expect(process.memoryUsage().arrayBuffers - heapBefore).toBeLessThan(4 * FRAME_SIZE_MAX_BYTES);
    },
    TIMEOUT_MS,
  );
});
