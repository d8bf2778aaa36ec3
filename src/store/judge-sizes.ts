/**
 * Which sizes a verification only guesses, and what is wrong with the settings of a repair that was interrupted. Called by whoever plans one
 * of a store whose settings it was not given.
 */
import type { KnownSettings } from './known-settings.ts';
import { SIZE_SETTINGS, type SizeOrigins } from './store-sizes.ts';
import { INDEX_SETTING_NAMES, isUnfinishedRepair, type RepairSettings } from './unfinished-repair.ts';
import type { VerifyPlan } from './verify-plan.ts';

export function judgeSizes(plan: VerifyPlan, known: KnownSettings): void {
  const { findings, paths, options, segments, queueFolders } = plan;
  const { origins } = known;
  const add = (file: string, name: keyof SizeOrigins): void => {
    const setting = SIZE_SETTINGS[name];
    const bytes = options.sizes[name];
    const taken = origins[name] === 'guessed' ? `${bytes} is taken for it` : `the default is taken for it, ${bytes}`;
    const what = `the files do not tell for sure what ${setting} is: ${taken}. A broker for which it is another refuses to start`;
    findings.add({ kind: 'size-guessed', file, offset: null, what, matters: false, advice: 'settings' });
  };
  if (segments.length > 0 && origins.segmentSizeBytes !== 'sure') add(paths.commitLog, 'segmentSizeBytes');
  if (queueFolders.length > 0 && origins.queueFileSizeBytes !== 'sure') add(paths.consumeQueue, 'queueFileSizeBytes');
  judgeRepairSettings(plan, known);
}

function judgeRepairSettings({ vouched, findings, paths }: VerifyPlan, { given, unfinished }: KnownSettings): void {
  // The repair has come to its end since.
  if (!isUnfinishedRepair(vouched)) return;
  const file = paths.repairSettings;
  if (unfinished.kind === 'missing') return;
  if (unfinished.kind !== 'read') {
    const fault =
      unfinished.kind === 'empty' ? 'is empty' : `is not what a repair writes (${wordsOf(unfinished.cause)})`;
    const what = `${fault}: it does not count, and what the repair that was interrupted went by is not known any more`;
    findings.add({ kind: 'repair-settings', file, offset: null, what, matters: false, advice: 'settings' });
    return;
  }
  for (const [name, was, is] of settingsOf(unfinished.value, given)) {
    if (was === undefined || is === undefined || was === is) continue;
    const what = `the repair that was interrupted went by ${name}=${was}; ${is} is given, and counts`;
    findings.add({ kind: 'repair-settings', file, offset: null, what, matters: false, advice: 'nothing' });
  }
}

type Setting = readonly [name: string, was: number | boolean | undefined, is: number | boolean | undefined];

function settingsOf(was: RepairSettings, is: KnownSettings['given']): Setting[] {
  return [
    [SIZE_SETTINGS.segmentSizeBytes, was.sizes.segmentSizeBytes, is.sizes?.segmentSizeBytes],
    [SIZE_SETTINGS.queueFileSizeBytes, was.sizes.queueFileSizeBytes, is.sizes?.queueFileSizeBytes],
    [INDEX_SETTING_NAMES.slots, was.indexShape?.slots, is.indexShape?.slots],
    [INDEX_SETTING_NAMES.entries, was.indexShape?.entries, is.indexShape?.entries],
    [INDEX_SETTING_NAMES.wanted, was.wantsIndex, is.wantsIndex],
  ];
}

function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
