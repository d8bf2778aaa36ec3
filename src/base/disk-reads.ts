/** Whether this process has waited for the disk lately, which a slow read alone does not tell: it may have waited for the processor. */

/** Grows when a thread of this process reads from the disk and not from the page cache; stays 0 where the system does not count it. */
export function blocksReadFromDisk(): number {
  return process.resourceUsage().fsRead;
}
