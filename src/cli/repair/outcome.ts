/** How a repair has ended, as text and as JSON. Part of `ringmq repair`. */
import { counted } from '../../base/counted.ts';
import { queueName } from '../../store/queue-folders.ts';
import type { RepairPlan } from '../../store/repair-plan.ts';
import { NOTHING_DONE, type RepairEnd, type RepairOutcome, type StoreRepair } from '../../store/store-repair.ts';
import { jsonLine, sizeText, wordsOf } from '../tool-output.ts';
import { findingLines, problemsText } from '../verify.ts';

export interface RepairFigures {
  /** Of the whole repair, what was verified before and after included, and of building alone. */
  readonly seconds: number;
  readonly buildSeconds: number;
  /** Good records that the plan's cut takes with it. */
  readonly recordsCut: number;
}

const END_TEXT: Readonly<Record<RepairEnd, string>> = {
  'nothing to do': 'nothing to repair',
  repaired: 'repaired',
  refused: 'NOT repaired, nothing was changed',
  declined: 'nothing was changed; --yes does it without a question',
};

export function outcomeText({ ok, end, verified, plan, kept }: RepairOutcome, { seconds }: RepairFigures): string {
  const lines = plan.refusals.map((refusal) => `refused: ${refusal}`);
  lines.push(...kept.map((file) => `kept: ${file}`));
  lines.push(...plan.left.map((left) => `left alone: ${left}`));
  // Whoever declined has seen them with the question.
  if (end !== 'declined' && (end !== 'nothing to do' || !ok)) lines.push(...findingLines(verified.report));
  const { log } = verified.report;
  const isChanged = end === 'refused' && kept.length > 0;
  lines.push(
    `${isChanged ? 'NOT repaired but for the cut' : END_TEXT[end]}: ${counted(log.records, 'record')}, ${sizeText(log.end - log.start)} of log, ${seconds.toFixed(2)} s`,
  );
  if (end === 'repaired') lines.push(ok ? 'fine now' : `left: ${problemsText(verified.report.matter)}`);
  return `${lines.join('\n')}\n`;
}

/** What was done has members of its own; what would be done is in `plan`, where nobody agreed to it. */
export function outcomeJson(outcome: RepairOutcome, figures: RepairFigures): string {
  const { ok, end, verified, plan, done, isHalfDone, kept } = outcome;
  const { report } = verified;
  const { seconds, buildSeconds, recordsCut } = figures;
  return jsonLine({
    ok,
    end,
    refusals: plan.refusals,
    plan: end === 'declined' ? planJson(plan, recordsCut) : null,
    isHalfDone,
    ...done,
    kept,
    left: plan.left,
    findings: report.findings,
    problems: report.matter,
    records: report.log.records,
    logStart: report.log.start,
    logEnd: report.log.end,
    seconds,
    buildSeconds,
  });
}

/** Of a repair that has thrown, with what it had done by then; null where it has not begun. */
export function failureJson(error: unknown, repair: StoreRepair | null): string {
  return jsonLine({
    ok: false,
    end: 'failed',
    error: wordsOf(error),
    isHalfDone: repair?.isHalfDone ?? false,
    ...(repair?.done ?? NOTHING_DONE),
    kept: repair?.kept ?? [],
  });
}

function planJson(plan: RepairPlan, recordsCut: number): object {
  const { cut, fillers, build, shorten, discard, buildIndex, discardIndex, writeCheckpoint, assumed } = plan;
  return {
    cut,
    recordsCut,
    fillers,
    buildQueues: build.map(queueName),
    shortenQueues: shorten.map(queueName),
    discardQueues: discard.map(queueName),
    buildIndex,
    discardIndex,
    writeCheckpoint,
    assumed,
  };
}
