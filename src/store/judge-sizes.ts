/** Which sizes a verification only guesses. Called by whoever plans one of a store whose settings it was not given. */
import { SIZE_SETTINGS, type SizeOrigins } from './store-sizes.ts';
import type { VerifyPlan } from './verify-plan.ts';

export function judgeSizes(
  { findings, paths, options, segments, queueFolders }: VerifyPlan,
  origins: SizeOrigins,
): void {
  const add = (file: string, name: keyof SizeOrigins): void => {
    const setting = SIZE_SETTINGS[name];
    const bytes = options.sizes[name];
    const taken = origins[name] === 'guessed' ? `${bytes} is taken for it` : `the default is taken for it, ${bytes}`;
    const what = `the files do not tell for sure what ${setting} is: ${taken}. A broker for which it is another refuses to start`;
    findings.add({ kind: 'size-guessed', file, offset: null, what, matters: false, advice: 'settings' });
  };
  if (segments.length > 0 && origins.segmentSizeBytes !== 'sure') add(paths.commitLog, 'segmentSizeBytes');
  if (queueFolders.length > 0 && origins.queueFileSizeBytes !== 'sure') add(paths.consumeQueue, 'queueFileSizeBytes');
}
