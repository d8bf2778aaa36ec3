import { describe, expect, it } from 'vitest';
import { FRAME_SIZE_MAX_BYTES } from '../../src/base/limits.ts';
import { seededRandom } from '../../src/base/random.ts';
import { FrameError } from '../../src/remoting/command.ts';
import { FrameReader } from '../../src/remoting/frame-reader.ts';

function frameOf(bodyLength: number, fill: number): Buffer {
  const frame = Buffer.alloc(8 + bodyLength, fill);
  frame.writeInt32BE(4 + bodyLength, 0);
  return frame;
}

function collect(reader: FrameReader, chunks: readonly Uint8Array[]): Buffer[] {
  const frames: Buffer[] = [];
  for (const chunk of chunks) {
    reader.push(chunk, { frame: (bytes, start, end) => frames.push(Buffer.from(bytes.slice(start, end))) });
  }
  return frames;
}

describe('FrameReader', () => {
  it('hands on a frame inside a chunk without a copy', () => {
    const chunk = Buffer.concat([frameOf(3, 1), frameOf(0, 2)]);
    const seen: [Uint8Array, number, number][] = [];
    new FrameReader().push(chunk, { frame: (bytes, start, end) => seen.push([bytes, start, end]) });
    expect(seen).toEqual([
      [chunk, 0, 11],
      [chunk, 11, 19],
    ]);
    expect(seen[0]![0]).toBe(chunk);
  });

  it('finds the same frames however the stream is cut', () => {
    const random = seededRandom(7);
    const frames = [0, 1, 5, 4096, 10_000, 2, 70_000, 0].map((length, i) => frameOf(length, i));
    const stream = Buffer.concat(frames);
    for (const pieceMax of [1, 2, 3, 7, 100, 5000, 100_000]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < stream.length; ) {
        const next = Math.min(stream.length, at + 1 + random.below(pieceMax));
        chunks.push(stream.subarray(at, next));
        at = next;
      }
      const reader = new FrameReader();
      const found = collect(reader, chunks);
      expect(found.map((frame) => frame.length)).toEqual(frames.map((frame) => frame.length));
      expect(Buffer.concat(found).equals(stream)).toBe(true);
      expect(reader.bufferedBytes).toBe(0);
    }
  });

  it('reserves memory for bytes that came, not for those announced', () => {
    const reader = new FrameReader();
    const head = Buffer.alloc(8);
    head.writeInt32BE(FRAME_SIZE_MAX_BYTES - 4);
    expect(collect(reader, [head])).toEqual([]);
    expect(reader.bufferedBytes).toBe(8);
  });

  it.each([-1, 0, 3, FRAME_SIZE_MAX_BYTES - 3, 0x16030100, -2_147_483_648])('refuses the length %d', (length) => {
    const head = Buffer.alloc(4);
    head.writeInt32BE(length);
    expect(() => collect(new FrameReader(), [head])).toThrow(FrameError);
    expect(() => collect(new FrameReader(), [head.subarray(0, 1), head.subarray(1)])).toThrow(FrameError);
  });

  it('delivers the frames before a bad length', () => {
    const frames: number[] = [];
    const chunk = Buffer.concat([frameOf(1, 1), Buffer.alloc(4, 0xff)]);
    expect(() => new FrameReader().push(chunk, { frame: (_, start) => frames.push(start) })).toThrow(FrameError);
    expect(frames).toEqual([0]);
  });
});
