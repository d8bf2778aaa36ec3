/** One thing that `ringmq doctor` has looked at. */

export type Verdict = 'ok' | 'warn' | 'bad';

export interface DoctorLine {
  readonly verdict: Verdict;
  readonly what: string;
  readonly figure: string;
  /** What it means, and what to do when it is not ok. */
  readonly means: string;
}

export function line(verdict: Verdict, what: string, figure: string, means: string): DoctorLine {
  return { verdict, what, figure, means };
}
