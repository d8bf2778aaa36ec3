/** How the process ends, for scripts that look at `$?`. Named in README and `--help`. */

export const ExitCode = {
  ok: 0,
  /** Something failed while running: a port in use, a store that belongs to another process, a disk error, a benchmark that is not valid. */
  failed: 1,
  /** The command line or a setting cannot be used. */
  usage: 2,
} as const;
