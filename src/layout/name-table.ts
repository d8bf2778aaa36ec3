/** Finds which of a few fixed ASCII names lies in a run of bytes, without making a string. Built at load, used by the scanners on net. */
import { equalWords, WORD_BYTES, wordsOfText } from './words.ts';

interface Name {
  readonly index: number;
  readonly bytes: Uint8Array;
  /** Empty for names shorter than a word. */
  readonly words: Int32Array;
}

export class NameTable {
  readonly #byLength: readonly (readonly Name[])[];

  constructor(names: readonly string[]) {
    const lengthMax = Math.max(...names.map((name) => name.length));
    const byLength = Array.from({ length: lengthMax + 1 }, (): Name[] => []);
    names.forEach((name, index) => {
      byLength[name.length]!.push(nameOf(name, index));
    });
    this.#byLength = byLength;
  }

  /** Index of the name that is `bytes[start, end)`, or -1. `words` is the same memory (wordsOf). */
  find(bytes: Uint8Array, words: DataView, start: number, end: number): number {
    const length = end - start;
    if (length >= this.#byLength.length) return -1;
    const names = this.#byLength[length]!;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      if (length < WORD_BYTES ? equalBytes(name.bytes, bytes, start) : equalWords(name.words, words, start, end)) {
        return name.index;
      }
    }
    return -1;
  }
}

function nameOf(text: string, index: number): Name {
  return { index, bytes: Buffer.from(text, 'latin1'), words: wordsOfText(text) };
}

function equalBytes(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}
