import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { readyJson, resultOf, ringmq } from './ringmq.ts';

describe('ringmq bench', () => {
  it('loads the broker that it is shown, and gives its result as JSON', async () => {
    const folder = temporaryFolder('cli');
    const broker = ringmq([
      'standalone',
      '--store',
      `${folder}/store`,
      '--namesrv-port',
      '0',
      '--broker-port',
      '0',
      '--json',
    ]);
    const { broker: target } = await readyJson(broker);
    const load = ['--in-flight', '4', '--rate', '200', '--duration', '0.2', '--warm-up', '0.1', '--connections', '1'];
    const args = ['bench', '--target', target as string, ...load, '--report', `${folder}/report.html`, '--json'];
    const { code, stdout } = await resultOf(ringmq(args));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, failures: [], command: ['ringmq', ...args].join(' ') });
  });

  it('refuses flags that make no sense with exit code 2', async () => {
    const { code, stdout, stderr } = await resultOf(ringmq(['bench', '--flush', 'sometimes']));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--flush takes async, sync; not sometimes');
  });

  it('fails when nobody answers at the target', async () => {
    const { code, stderr } = await resultOf(ringmq(['bench', '--target', '127.0.0.1:1', '--quick']));
    expect(code).toBe(1);
    expect(stderr).toContain('127.0.0.1:1');
  });
});
