/** `ringmq verify` as a user runs it: what goes to stdout, the exit codes, and a store that a broker has open. */
import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runDoctor } from '../../src/cli/doctor.ts';
import { runRepair } from '../../src/cli/repair.ts';
import { runVerify } from '../../src/cli/verify.ts';
import { temporaryFolder } from '../support/folders.ts';
import { damagedStore, goldenStore, goldenVariants } from '../support/golden-store.ts';
import { realStore } from '../support/real-store.ts';
import { readyLine, resultOf, ringmq } from './ringmq.ts';

describe('ringmq verify', () => {
  it('is content with a store by Apache, on all cores', async () => {
    const { code, stdout, stderr } = await resultOf(ringmq(['verify', realStore(goldenStore('clean')), '--json']));
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, state: 'clean', problems: 0, records: 687, indexFiles: 2 });
    expect(stderr, 'a bar is drawn on a terminal only').toBe('');
    expect(code).toBe(0);
  });

  it('prints each problem with its place and what to do, and ends with 1', async () => {
    const variant = goldenVariants.find(({ name }) => name === 'clean-queue-tail-zero')!;
    const root = realStore(damagedStore(variant));
    const { code, stdout } = await resultOf(ringmq(['verify', root]));
    expect(stdout).toContain(`PROBLEM queue-behind: ${root}/consumequeue/Bulk/0 at 142\n`);
    expect(stdout).toContain('-> ringmq repair');
    expect(stdout.split('\n').at(-1)).toBe('1 problem that matters');
    expect(code).toBe(1);
  });

  it('takes a store for stopped in order only where a start does', async () => {
    const root = realStore(goldenStore('clean'));
    writeFileSync(join(root, 'commitlog.sync-failed'), '');
    const { stdout } = await resultOf(ringmq(['verify', root, '--json']));
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, state: 'crashed', problems: 1 });
  });

  it('passes over what is left of a key index where none is kept, as repair does', async () => {
    const root = realStore(goldenStore('clean'));
    const [name] = readdirSync(join(root, 'index'));
    rmSync(join(root, 'index', name!));
    expect((await resultOf(ringmq(['verify', root]))).code).toBe(1);
    const { code, stdout } = await resultOf(ringmq(['verify', root, '--set', 'messageIndexEnable=false']));
    expect(stdout).toContain(`note    not-checked: ${join(root, 'index')}\n        no key index is kept`);
    expect([code, stdout.split('\n').at(-1)]).toEqual([0, 'fine']);
    expect((await resultOf(ringmq(['repair', root, '--yes', '--set', 'messageIndexEnable=false']))).code).toBe(0);
  });

  it('refuses what is no store, and a command line that is none', async () => {
    const folder = temporaryFolder('no-store');
    const none = await resultOf(ringmq(['verify', folder]));
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('is no store')]);
    const asJson = await resultOf(ringmq(['verify', '/not-there', '--json']));
    expect([asJson.code, JSON.parse(asJson.stdout)]).toEqual([1, { error: '/not-there is not there' }]);
    expect((await resultOf(ringmq(['verify', folder, '--set', 'listenPort=x']))).code).toBe(2);
    expect((await resultOf(ringmq(['verify']))).code).toBe(2);
  });

  it('refuses a file in place of a folder, as repair and doctor do', async () => {
    const root = realStore(goldenStore('clean'));
    const checkpoint = join(root, 'checkpoint');
    const said = `${checkpoint} is a file, not a folder of a store`;
    const { code, stderr } = await resultOf(ringmq(['verify', checkpoint]));
    expect([code, stderr]).toEqual([1, `ringmq: ${said}`]);
    for (const run of [runVerify, runRepair, async (...args: Parameters<typeof runDoctor>) => runDoctor(...args)]) {
      await expect(run(checkpoint, { set: [] })).rejects.toThrow(said);
      await expect(run(join(checkpoint, 'x'), { set: [] })).rejects.toThrow(said);
      await expect(run(root, { set: [`storePathCommitLog=${checkpoint}`] })).rejects.toThrow(said);
    }
  });

  it('takes a folder for a store whose broker has not made the first file of the log yet', async () => {
    const root = temporaryFolder('young');
    mkdirSync(join(root, 'commitlog'));
    const { code, stdout, stderr } = await resultOf(ringmq(['verify', root, '--json']));
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, records: 0 });
  });

  it('looks at a store beside its broker', async () => {
    const root = temporaryFolder('verify');
    const ports = ['--namesrv-port', '0', '--broker-port', '0', '--log-level', 'error'];
    const broker = ringmq(['standalone', '--store', root, ...ports, '--set', 'mappedFileSizeCommitLog=1048576']);
    await readyLine(broker);
    const { code, stdout, stderr } = await resultOf(ringmq(['verify', root, '--json']));
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, state: 'running' });
    expect(code).toBe(0);
    broker.signal('SIGTERM');
    await broker.ended(10_000);
    // A file that somebody has put there is told, and is no problem.
    writeFileSync(join(root, 'commitlog', 'notes.txt'), 'x');
    appendFileSync(join(root, 'config', 'notes.bak'), '{');
    expect((await resultOf(ringmq(['verify', root]))).stdout).toContain('foreign-file');
  });
});
