/**
 * `npm run test:power -- --cycles N [--fs ext4|xfs|both] [and the options of test:crash]`: as test:crash, but the power of the store's file system is
 * cut as well. What was acknowledged as flushed must be there, and what a consumer saw under sync flush; after a clean stop everything. As root.
 */
import { chosen, runFromCommandLine } from './options.ts';
import { FILE_SYSTEMS } from './power.ts';

await runFromCommandLine({ fs: 'ext4' }, (options, { fs }) => ({
  ...options,
  power: chosen('fs', fs!, FILE_SYSTEMS, 'both'),
}));
