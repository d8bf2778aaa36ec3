/**
 * What the clients of the crash suite have been told, as a file of entries of 40 bytes: written by a process that is not killed, read by the
 * one that judges. The file also stays for a look at a run that has failed.
 *
 * ```
 *  0         1      2       4         8                 16             24               32            40
 *  | kind u8 | 0 u8 | topic | queueId | id or group f64 | queue offset | log offset f64 | time in us  |
 *  |         |      | u16   | u32     |                 | f64          |                | f64         |
 * ```
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** A send is answered when it is flushed, or when it is only written. */
export const WitnessKind = { flushed: 1, seen: 2, commitSent: 3, commitAnswered: 4, written: 5 } as const;
export type WitnessKind = (typeof WitnessKind)[keyof typeof WitnessKind];

export interface WitnessEntry {
  readonly kind: WitnessKind;
  readonly topic: number;
  readonly queueId: number;
  /** The message's id; of a commit the number of the group. */
  readonly id: number;
  readonly queueOffset: number;
  /** Where the message lies in the log; 0 of a commit. */
  readonly logOffset: number;
  /** When the client was told, or has told: monotonic time in microseconds. */
  readonly us: number;
}

export function isAcknowledgement({ kind }: WitnessEntry): boolean {
  return kind === WitnessKind.flushed || kind === WitnessKind.written;
}

const ENTRY_BYTES = 40;
const BUFFERED_ENTRIES = 2048;

export class WitnessWriter {
  readonly #file: number;
  readonly #bytes = Buffer.alloc(ENTRY_BYTES * BUFFERED_ENTRIES);
  #used = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  add({ kind, topic, queueId, id, queueOffset, logOffset, us }: WitnessEntry): void {
    const bytes = this.#bytes;
    const start = this.#used;
    bytes.writeUInt8(kind, start);
    bytes.writeUInt16LE(topic, start + 2);
    bytes.writeUInt32LE(queueId, start + 4);
    bytes.writeDoubleLE(id, start + 8);
    bytes.writeDoubleLE(queueOffset, start + 16);
    bytes.writeDoubleLE(logOffset, start + 24);
    bytes.writeDoubleLE(us, start + 32);
    this.#used += ENTRY_BYTES;
    if (this.#used === bytes.length) this.flush();
  }

  flush(): void {
    for (let written = 0; written < this.#used; ) {
      written += writeSync(this.#file, this.#bytes, written, this.#used - written);
    }
    this.#used = 0;
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }
}

/** Reads what has come since it read last. */
export class WitnessReader {
  readonly #file: number;
  #position = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'a+');
  }

  readNew(): WitnessEntry[] {
    const entries: WitnessEntry[] = [];
    const bytes = Buffer.alloc(ENTRY_BYTES * BUFFERED_ENTRIES);
    for (;;) {
      const length = readSync(this.#file, bytes, 0, bytes.length, this.#position);
      const whole = length - (length % ENTRY_BYTES);
      if (whole === 0) return entries;
      for (let start = 0; start < whole; start += ENTRY_BYTES) entries.push(entryAt(bytes, start));
      this.#position += whole;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

function entryAt(bytes: Buffer, start: number): WitnessEntry {
  return {
    kind: bytes.readUInt8(start) as WitnessKind,
    topic: bytes.readUInt16LE(start + 2),
    queueId: bytes.readUInt32LE(start + 4),
    id: bytes.readDoubleLE(start + 8),
    queueOffset: bytes.readDoubleLE(start + 16),
    logOffset: bytes.readDoubleLE(start + 24),
    us: bytes.readDoubleLE(start + 32),
  };
}
