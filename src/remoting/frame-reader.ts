/**
 * Cuts a connection's chunks into frames (spec/remoting.md 1). A frame that lies inside one chunk is handed on as it is, without a copy;
 * only one that spans chunks is gathered. One per connection, on the thread that owns the socket.
 */
import { FRAME_SIZE_MAX_BYTES } from '../base/limits.ts';
import { FRAME_LENGTH_BYTES, int32At } from '../layout/remoting-frame.ts';
import { FrameError } from './command.ts';

export interface FrameSink {
  /** A whole frame is in `bytes[start, end)`, length field included. The bytes are the sink's only until it returns. */
  frame(bytes: Uint8Array, start: number, end: number): void;
}

/** First size of the memory that gathers a frame. It doubles as bytes arrive: a length field alone must not reserve 16 MiB. */
const GATHER_BYTES = 4096;
const EMPTY = new Uint8Array(0);

export class FrameReader {
  #gathered: Uint8Array = EMPTY;
  #gatheredLength = 0;

  /** Bytes of the unfinished frame. */
  get bufferedBytes(): number {
    return this.#gatheredLength;
  }

  /**
   * Takes the next bytes of the stream and calls the sink for each frame that they complete.
   * @throws FrameError when a length field is none; nothing behind it can be read, so the caller closes the connection.
   */
  push(chunk: Uint8Array, onFrame: FrameSink): void {
    let at = this.#gatheredLength === 0 ? 0 : this.#finishGathered(chunk, onFrame);
    while (chunk.length - at >= FRAME_LENGTH_BYTES) {
      const end = at + frameSizeAt(chunk, at);
      if (end > chunk.length) break;
      onFrame.frame(chunk, at, end);
      at = end;
    }
    if (at < chunk.length) this.#gather(chunk, at, chunk.length);
  }

  /** Gives the memory of the unfinished frame back; what comes next would be read as a new one, so the connection must be at its end. */
  forget(): void {
    this.#gathered = EMPTY;
    this.#gatheredLength = 0;
  }

  /** Completes the frame that earlier chunks began; returns where the next one starts in `chunk`. */
  #finishGathered(chunk: Uint8Array, onFrame: FrameSink): number {
    let at = 0;
    if (this.#gatheredLength < FRAME_LENGTH_BYTES) {
      at = Math.min(FRAME_LENGTH_BYTES - this.#gatheredLength, chunk.length);
      this.#gather(chunk, 0, at);
      if (this.#gatheredLength < FRAME_LENGTH_BYTES) return at;
    }
    const size = frameSizeAt(this.#gathered, 0);
    const end = Math.min(at + size - this.#gatheredLength, chunk.length);
    this.#gather(chunk, at, end);
    if (this.#gatheredLength < size) return end;
    const frame = this.#gathered;
    this.#gathered = EMPTY;
    this.#gatheredLength = 0;
    onFrame.frame(frame, 0, size);
    return end;
  }

  #gather(chunk: Uint8Array, start: number, end: number): void {
    const length = this.#gatheredLength + end - start;
    if (length > this.#gathered.length) {
      const larger = new Uint8Array(Math.max(GATHER_BYTES, length, this.#gathered.length * 2));
      larger.set(this.#gathered.subarray(0, this.#gatheredLength));
      this.#gathered = larger;
    }
    this.#gathered.set(chunk.subarray(start, end), this.#gatheredLength);
    this.#gatheredLength = length;
  }
}

/** Size of the frame at `at`, its length field included. */
function frameSizeAt(bytes: Uint8Array, at: number): number {
  const length = int32At(bytes, at);
  if (length < FRAME_LENGTH_BYTES || length > FRAME_SIZE_MAX_BYTES - FRAME_LENGTH_BYTES) {
    throw new FrameError(`length field ${length}`);
  }
  return length + FRAME_LENGTH_BYTES;
}
