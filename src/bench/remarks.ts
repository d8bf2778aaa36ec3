/** What a reader must know beside a phase's figures. Used by the table, the HTML report and the line after each phase. */
import { count } from './quantities.ts';
import type { BenchResult, LatencyResult, SubjectResult, ThroughputResult } from './result.ts';

/** Empty when everything went as it was meant to. */
export function remarksOf(phase: ThroughputResult | LatencyResult): string[] {
  const remarks = Object.entries(phase.refusals).map(([code, answers]) => `${count(answers)} answers ${code}`);
  if (phase.unanswered > 0) remarks.push(`${count(phase.unanswered)} requests without an answer`);
  if ('unsent' in phase && phase.unsent > 0) remarks.push(`${count(phase.unsent)} messages could not be sent in time`);
  const { duplicates, unacknowledgedRead } = phase.verification;
  if (duplicates > 0) remarks.push(`${count(duplicates)} messages twice`);
  if (unacknowledgedRead > 0) remarks.push(`${count(unacknowledgedRead)} messages there that were not acknowledged`);
  return remarks;
}

export function phaseName(phase: ThroughputResult | LatencyResult): string {
  return 'inFlight' in phase ? `${phase.inFlight} in flight` : `${count(phase.rate)}/s`;
}

/** The remarks on all phases, each with its place. */
export function allRemarks(result: BenchResult): string[] {
  return result.subjects.flatMap((subject) =>
    [...subject.throughput, ...subject.latency].flatMap((phase) =>
      remarksOf(phase).map((remark) => `${subject.name}, ${phaseName(phase)}: ${remark}`),
    ),
  );
}

/** How a throughput stands to that of the first subject with as many requests in flight; null for the first itself. */
export function besideFirst(result: BenchResult, subject: SubjectResult, phase: ThroughputResult): number | null {
  const [first] = result.subjects;
  const other = first?.throughput.find((candidate) => candidate.inFlight === phase.inFlight);
  if (subject === first || other === undefined || other.perSecond === 0) return null;
  return phase.perSecond / other.perSecond;
}

export interface VerifiedTotals {
  readonly expected: number;
  readonly duplicates: number;
}

export function verifiedTotals(result: BenchResult): VerifiedTotals {
  const verifications = result.subjects
    .flatMap((subject) => [...subject.throughput, ...subject.latency])
    .map((phase) => phase.verification);
  return {
    expected: verifications.reduce((sum, verification) => sum + verification.expected, 0),
    duplicates: verifications.reduce((sum, verification) => sum + verification.duplicates, 0),
  };
}
