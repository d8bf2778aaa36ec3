/**
 * The sub-command `ringmq verify`: looks through a whole store on all cores and prints what is wrong, whether it matters and what to do. It
 * only reads. Loaded when the sub-command is called.
 */
import { systemClock } from '../base/clock.ts';
import { counted } from '../base/counted.ts';
import { readSettings } from '../broker/read-settings.ts';
import { type Disk, NodeDisk } from '../store/disk.ts';
import type { Finding } from '../store/findings.ts';
import { judgeSizes } from '../store/judge-sizes.ts';
import { wasStoppedInOrder } from '../store/log-at-start.ts';
import { SystemProcesses } from '../store/process-table.ts';
import { liveOwner } from '../store/store-lock.ts';
import type { StorePaths } from '../store/store-paths.ts';
import type { StoreState } from '../store/store-state.ts';
import { planVerification, type VerifyPlan, type VerifySkips } from '../store/verify-plan.ts';
import { bytesToVerify, type VerifyReport, verifyStore, workContext } from '../store/verify-store.ts';
import { type StoreToolPool, storeToolPool } from '../threads/pool/store-tool-pool.ts';
import { ExitCode } from './exit-code.ts';
import { type StoreArguments, type StoreFlags, storeArguments } from './store-arguments.ts';
import { jsonLine, orFailureJson, sizeText, timeText } from './tool-output.ts';
import { toolProgress } from './tool-progress.ts';

export interface Verified {
  readonly plan: VerifyPlan;
  readonly report: VerifyReport;
  readonly seconds: number;
}

/** 1 when something that was found matters. */
export function runVerify(folder: string, options: StoreFlags): Promise<number> {
  return orFailureJson(options.json, () => verifyFolder(folder, options));
}

async function verifyFolder(folder: string, options: StoreFlags): Promise<number> {
  const disk = new NodeDisk();
  const store = storeArguments(disk, folder, options);
  const state = stateOf(disk, store.paths);
  const pool = storeToolPool();
  try {
    let verified = await verifyOnPool(disk, store, state, pool);
    // A broker that was started meanwhile changes what is looked at, and its start puts things right.
    if (state !== 'running' && stateOf(disk, store.paths) !== state)
      verified = await verifyOnPool(disk, store, 'running', pool);
    process.stdout.write(options.json === true ? verifiedJson(verified) : verifiedText(verified));
    return verified.report.matter > 0 ? ExitCode.failed : ExitCode.ok;
  } finally {
    await pool.close();
  }
}

function stateOf(disk: Disk, paths: StorePaths): StoreState {
  if (liveOwner(disk, paths, new SystemProcesses(disk)) !== null) return 'running';
  return wasStoppedInOrder(disk, paths) ? 'clean' : 'crashed';
}

/** Repair looks at the store in the same way before it touches it. */
export async function verifyOnPool(
  disk: Disk,
  store: StoreArguments,
  state: StoreState,
  pool: StoreToolPool,
  skips: VerifySkips = {},
): Promise<Verified> {
  const { paths, sizes, indexShape, wantsIndex } = store;
  const options = { sizes, state, skips, wantsIndex, nowMs: systemClock.nowMs(), parseSettings: readSettings };
  const plan = planVerification(disk, paths, indexShape === undefined ? options : { ...options, indexShape });
  judgeSizes(plan, store);
  const context = workContext(plan);
  const progress = toolProgress('checking', bytesToVerify(plan));
  const startUs = systemClock.monotonicUs();
  try {
    const report = await verifyStore(
      disk,
      plan,
      (task) => pool.run(context, task),
      (bytes) => progress.advance(bytes),
    );
    return { plan, report, seconds: (systemClock.monotonicUs() - startUs) / 1e6 };
  } finally {
    progress.end();
  }
}

const STATE_TEXT: Readonly<Record<StoreState, string>> = {
  clean: 'stopped in order',
  crashed: 'not stopped in order',
  running: 'open in a broker: checked as far as the checkpoint vouches for, what is newer may be in memory only',
};

const ADVICE_TEXT: Readonly<Record<Finding['advice'], string>> = {
  nothing: 'nothing to do',
  repair: 'ringmq repair',
  restore: 'restore a copy of the file',
  settings: 'give the settings with -c or --set',
  move: 'move it away',
};

export function findingLines({ findings, counts }: Pick<VerifyReport, 'findings' | 'counts'>): string[] {
  const lines = findings.map(({ kind, file, offset, what, matters, advice }) => {
    const place = offset === null ? file : `${file} at ${offset}`;
    return `${matters ? 'PROBLEM' : 'note   '} ${kind}: ${place}\n        ${what}\n        -> ${ADVICE_TEXT[advice]}`;
  });
  for (const [kind, count] of counts) {
    const kept = findings.filter((finding) => finding.kind === kind).length;
    if (count > kept) lines.push(`        ${kind}: ${count - kept} more of the kind`);
  }
  return lines;
}

export function problemsText(problems: number): string {
  return counted(problems, 'problem that matters', 'problems that matter');
}

function verifiedText({ plan, report, seconds }: Verified): string {
  const { log } = report;
  const bytes = log.end - log.start;
  const lines = [
    `${plan.paths.root}: ${STATE_TEXT[plan.options.state]}`,
    ...findingLines(report),
    `${counted(log.records, 'record')} in ${sizeText(bytes)} of log (${log.start} to ${log.end}), ${counted(plan.queueFolders.length, 'queue')}, ${counted(plan.context.indexFiles.length, 'index file')}`,
    `newest record ${timeText(log.newestStoreMs)}; ${seconds.toFixed(2)} s, ${sizeText(bytes / seconds)}/s`,
    report.matter === 0 ? 'fine' : problemsText(report.matter),
  ];
  return `${lines.join('\n')}\n`;
}

function verifiedJson({ plan, report, seconds }: Verified): string {
  const { log, findings, counts, matter } = report;
  return jsonLine({
    ok: matter === 0,
    store: plan.paths.root,
    state: plan.options.state,
    problems: matter,
    findings,
    counts: Object.fromEntries(counts),
    records: log.records,
    logStart: log.start,
    logEnd: log.end,
    queues: plan.queueFolders.length,
    indexFiles: plan.context.indexFiles.length,
    keys: log.keys.keys,
    newestStoreMs: log.newestStoreMs,
    seconds,
    bytesPerSecond: Math.round((log.end - log.start) / seconds),
  });
}
