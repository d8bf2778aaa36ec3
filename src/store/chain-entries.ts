/**
 * Entries of one index file for a walk along a chain, which leads back: each read takes along what comes before in the page, because the
 * system has the whole page in memory then, and the next one in the chain of a key that many messages have is near. Part of queries.
 */
import { FIRST_INDEX_ENTRY, INDEX_ENTRY_BYTES, indexEntryPosition } from '../layout/index-file.ts';
import type { IndexFile } from './index-file.ts';

const PAGE_BYTES = 4096;

export class ChainEntries {
  readonly #bytes = Buffer.allocUnsafeSlow(PAGE_BYTES + INDEX_ENTRY_BYTES);
  #file: IndexFile | null = null;
  /** The entries from `first` on, before `end`, are in memory; the last of them may end in the next page. */
  #first = 0;
  #end = 0;

  /** From here on entries are those of `file`. */
  begin(file: IndexFile): void {
    this.#file = file;
    this.#end = 0;
  }

  /** Entries up to this one have to be whole in the file: they do not change then. */
  read(entry: number, into: Uint8Array): void {
    if (entry < this.#first || entry >= this.#end) this.#load(entry);
    const from = (entry - this.#first) * INDEX_ENTRY_BYTES;
    // A call that copies takes longer than so few bytes.
    for (let i = 0; i < INDEX_ENTRY_BYTES; i++) into[i] = this.#bytes[from + i]!;
  }

  #load(entry: number): void {
    const file = this.#file!;
    const inPage = indexEntryPosition(file.shape, entry) % PAGE_BYTES;
    const first = Math.max(FIRST_INDEX_ENTRY, entry - Math.floor(inPage / INDEX_ENTRY_BYTES));
    // A read that fails leaves nothing.
    this.#end = 0;
    file.readEntries(first, entry + 1 - first, this.#bytes);
    this.#first = first;
    this.#end = entry + 1;
  }
}
