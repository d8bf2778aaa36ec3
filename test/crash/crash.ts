/**
 * `npm run test:crash -- --cycles N [--seed S] [--flush sync|async|both] [--placement full|compact|inline|all] [--main dist/src/cli/main.js]`:
 * kills a real broker under load, again and again, and asks the next one for everything that was acknowledged (docs/testing.md).
 */
import { runFromCommandLine } from './options.ts';

await runFromCommandLine({}, (options) => options);
