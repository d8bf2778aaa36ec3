/** A number with its noun, for lines that people read. Used by the command line's tools, and by the store where it writes lines of theirs. */

/** "1 problem", "2 problems"; `plural` where that is not the noun with an s. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
