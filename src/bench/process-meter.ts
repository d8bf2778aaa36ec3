/** CPU time and memory of another process, from /proc (Linux). Called around each load of the peers benchmark. */
import { readFileSync } from 'node:fs';

/** The kernel counts CPU time for /proc in ticks of this length on every Linux this runs on (USER_HZ). */
const TICK_US = 10_000;

export interface ProcessSample {
  /** User and system time of all threads, in microseconds; grows in steps of 10 ms. */
  cpuUs: number;
  residentBytes: number;
  /** Without the pages of mapped files, which Apache's broker counts its whole log into. */
  anonymousBytes: number;
}

export function sampleProcess(pid: number): ProcessSample {
  // The name in parentheses may hold blanks; the fields after it do not. utime and stime are fields 14 and 15.
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return {
    cpuUs: (Number(fields[11]) + Number(fields[12])) * TICK_US,
    residentBytes: kibibytes(status, 'VmRSS'),
    anonymousBytes: kibibytes(status, 'RssAnon'),
  };
}

function kibibytes(status: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
  if (match === null) throw new Error(`/proc/PID/status has no ${name}`);
  return Number(match[1]) * 1024;
}
