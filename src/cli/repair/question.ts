/** What a repair would do, and the question whether it is to. Part of `ringmq repair`. */
import { createInterface } from 'node:readline/promises';
import { counted } from '../../base/counted.ts';
import type { QueueName, RepairPlan } from '../../store/repair-plan.ts';

/** Where somebody may be asked. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

const STANDARD: Terminal = { input: process.stdin, output: process.stderr };

/** `lines`: what was found and what is going to be done. With `json` they are shown only to somebody who is asked. */
export async function isAgreed(
  lines: readonly string[],
  { json, yes }: { readonly json?: boolean; readonly yes?: boolean },
  { input, output }: Terminal = STANDARD,
): Promise<boolean> {
  const asks = yes !== true && input.isTTY === true && output.isTTY === true;
  if (json !== true || asks) output.write(`${lines.join('\n')}\n`);
  if (!asks) return yes === true;
  const terminal = createInterface({ input, output });
  try {
    return /^y(?:es)?$/i.test((await terminal.question('Do it? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}

/** One line for each thing that is done. */
export function stepLines(plan: RepairPlan, recordsCut: number): string[] {
  const { cut, losesRecords, fillers, build, shorten, discard, buildIndex, discardIndex, writeCheckpoint, assumed } =
    plan;
  const lines: string[] = [];
  if (cut !== null) {
    const what = losesRecords ? `with ${counted(recordsCut, 'record')} behind that place` : 'none of them a record';
    lines.push(`cut ${counted(cut.dataEnd - cut.at, 'byte')} off the log at ${cut.at}, ${what}; they are kept`);
  }
  if (fillers.length > 0) lines.push(`write the size of ${counted(fillers.length, 'filler')}`);
  if (shorten.length > 0) lines.push(`take away entries that name nothing from ${counted(shorten.length, 'queue')}`);
  if (build.length > 0)
    lines.push(`remove the files of ${counted(build.length, 'queue')} and build them from the log: ${namesOf(build)}`);
  if (discard.length > 0)
    lines.push(
      `take away the files of ${counted(discard.length, 'queue')} of which the log has no record: ${namesOf(discard)}; they are kept`,
    );
  if (discardIndex) lines.push('take away the files of the key index, of which the log has no record; they are kept');
  if (buildIndex) lines.push('remove the files of the key index and build it from the log');
  if (writeCheckpoint) lines.push('write the checkpoint');
  if (assumed.length > 0) lines.push(`go by the default where no file tells a setting: ${assumed.join(', ')}`);
  return lines.map((line) => `will ${line}`);
}

function namesOf(queues: readonly QueueName[]): string {
  const shown = queues.slice(0, 5).map(({ topic, queueId }) => `${topic}/${queueId}`);
  return `${shown.join(', ')}${queues.length > shown.length ? ', ...' : ''}`;
}
