/**
 * The sub-command `ringmq doctor`: looks at a disk, a machine, a store and the settings for what would disappoint or endanger a broker there.
 * Loaded when the sub-command is called.
 */
import { resolve as resolvePath } from 'node:path';
import { counted } from '../base/counted.ts';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { BROKER_NAMES, type Resolved, resolveBroker } from '../config/resolve.ts';
import { NodeDisk } from '../store/disk.ts';
import type { DoctorLine } from './doctor/doctor-line.ts';
import type { DoctorFacts } from './doctor/facts.ts';
import { judge } from './doctor/judge.ts';
import { diskAndMachineFacts, storeFacts } from './doctor/probes.ts';
import { ExitCode } from './exit-code.ts';
import { gather } from './server-options.ts';
import { refuseFile } from './store-arguments.ts';
import { alignedRows, jsonLine } from './tool-output.ts';
import { NO_PROGRESS, partsProgress, type ToolProgress } from './tool-progress.ts';

export interface DoctorFlags {
  readonly config?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
}

/** `folder` wins over storePathRootDir. 1 when something is bad, warnings are none. */
export function runDoctor(folder: string | undefined, options: DoctorFlags): number {
  const facts = gatherFacts(folder, options);
  const lines = judge(facts);
  process.stdout.write(options.json === true ? jsonLine({ lines, facts }) : textOf(lines));
  return lines.some(({ verdict }) => verdict === 'bad') ? ExitCode.failed : ExitCode.ok;
}

function gatherFacts(folder: string | undefined, options: DoctorFlags): DoctorFacts {
  const { resolved, problems } = settingsOf(folder, options);
  const settings = resolved?.settings ?? null;
  const root = resolvePath(settings?.storePathRootDir ?? folder ?? '.');
  for (const path of [root, settings?.storePathCommitLog ?? root]) refuseFile(new NodeDisk(), path);
  const store = storeFacts(root, settings);
  const begin = (disks: number): ToolProgress =>
    options.json === true ? NO_PROGRESS : partsProgress('measuring', disks);
  return {
    store,
    ...diskAndMachineFacts(root, settings?.storePathCommitLog, begin),
    settings,
    settingsProblems: problems,
    settingsWarnings: resolved?.warnings ?? [],
  };
}

/** What cannot be used is one of the things that the doctor tells, not an error of the command line. */
function settingsOf(
  folder: string | undefined,
  options: DoctorFlags,
): { resolved: Resolved<BrokerSettings> | null; problems: readonly string[] } {
  const flags = { storePathRootDir: ['the folder', folder] } as const;
  const assignments = gather(options, flags, BROKER_NAMES);
  try {
    return { resolved: resolveBroker(assignments), problems: [] };
  } catch (error) {
    if (error instanceof ConfigurationError) return { resolved: null, problems: error.problems };
    throw error;
  }
}

function textOf(lines: readonly DoctorLine[]): string {
  const rows = alignedRows(lines.map(({ verdict, what, figure, means }) => [verdict.padEnd(4), what, figure, means]));
  const counts = (verdict: string): number => lines.filter((each) => each.verdict === verdict).length;
  const summary = `${counts('ok')} ok, ${counted(counts('warn'), 'warning')}, ${counts('bad')} bad`;
  return `${rows.map((row) => row.trimEnd()).join('\n')}\n${summary}\n`;
}
