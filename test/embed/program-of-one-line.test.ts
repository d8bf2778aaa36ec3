import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { repository } from '../support/paths.ts';

it('a program on the command line may embed a broker: its threads do not take over what node was told', () => {
  const program = `
    import { startStandalone } from ${JSON.stringify(`${repository}dist/src/index.js`)};
    const standalone = await startStandalone({ storePath: ${JSON.stringify(`${temporaryFolder('line')}/store`)}, port: 0, namesrvPort: 0 });
    await standalone.close();
    console.log('closed');
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 30_000 });
  expect(output.toString()).toBe('closed\n');
});
