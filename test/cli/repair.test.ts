/** `ringmq repair` as a user runs it: on all cores, with its exit codes, and never on a store that a broker has open. */
import { existsSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { isAgreed, stepLines } from '../../src/cli/repair/question.ts';
import type { RepairPlan } from '../../src/store/repair-plan.ts';
import { temporaryFolder } from '../support/folders.ts';
import { damagedStore, goldenStore, goldenVariants } from '../support/golden-store.ts';
import { realStore } from '../support/real-store.ts';
import { readyLine, resultOf, ringmq } from './ringmq.ts';

function damaged(name: string): string {
  return realStore(damagedStore(goldenVariants.find((variant) => variant.name === name)!));
}

const SIZES = [
  'mappedFileSizeCommitLog=1048576',
  'mappedFileSizeConsumeQueue=1000',
  'maxHashSlotNum=300',
  'maxIndexNum=800',
];
const SETTINGS = SIZES.flatMap((setting) => ['--set', setting]);

/** What somebody at a terminal is shown, and what comes of the answer. `answer` null: there is no terminal. */
async function asked(
  flags: { json?: boolean; yes?: boolean },
  answer: string | null,
): Promise<[shown: string, isAgreed: boolean]> {
  const isTTY = answer !== null;
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = Object.assign(new PassThrough(), { isTTY });
  input.end(answer ?? '');
  const agreed = await isAgreed(['will do something'], flags, { input, output });
  return [String(output.read() ?? ''), agreed];
}

describe('the question of a repair', () => {
  it.each([{}, { json: true }])('shows what would be done to whoever is asked: %o', async (flags) => {
    const shown = expect.stringMatching(/^will do something\n.*Do it\? \[y\/N\] /s);
    expect(await asked(flags, 'y\n')).toEqual([shown, true]);
    expect(await asked(flags, 'no\n')).toEqual([shown, false]);
    expect(await asked(flags, '\n')).toEqual([shown, false]);
  });

  it('is not asked where the answer is given, or nobody is there', async () => {
    expect(await asked({ yes: true }, 'n\n')).toEqual(['will do something\n', true]);
    expect(await asked({ json: true, yes: true }, 'n\n')).toEqual(['', true]);
    expect(await asked({}, null)).toEqual(['will do something\n', false]);
    expect(await asked({ json: true }, null)).toEqual(['', false]);
  });
});

describe('what a repair would do', () => {
  const nothing = { cut: null, losesRecords: false, fillers: [], build: [], shorten: [], discard: [] };
  const plan: RepairPlan = {
    ...nothing,
    buildIndex: false,
    discardIndex: false,
    writeCheckpoint: false,
    refusals: [],
    hasIndex: true,
    assumed: [],
    left: [],
  };

  it('names the settings for which it takes the default', () => {
    const assumed = ['mappedFileSizeConsumeQueue', 'maxHashSlotNum and maxIndexNum'];
    expect(stepLines({ ...plan, assumed }, 0)).toEqual([
      'will go by the default where no file tells a setting: mappedFileSizeConsumeQueue, maxHashSlotNum and maxIndexNum',
    ]);
  });

  it('names queues that it takes away, and says that they are kept', () => {
    const discard = [{ topic: 'X', queueId: 3, directory: '/store/consumequeue/X/3', keepsNumber: false }];
    expect(stepLines({ ...plan, discard, discardIndex: true, writeCheckpoint: true }, 0)).toEqual([
      'will take away the files of 1 queue of which the log has no record: X/3; they are kept',
      'will take away the files of the key index, of which the log has no record; they are kept',
      'will write the checkpoint',
    ]);
  });
});

describe('ringmq repair', () => {
  it('says what it would do and does nothing without a yes', async () => {
    const root = damaged('clean-queue-tail-zero');
    const { code, stdout, stderr } = await resultOf(ringmq(['repair', root]));
    expect(stderr).toContain(`PROBLEM queue-behind: ${root}/consumequeue/Bulk/0`);
    expect(stdout, 'findings are told once').not.toContain('queue-behind');
    expect(stderr).toContain('will remove the files of 1 queue and build them from the log: Bulk/0');
    expect(stdout).toContain('nothing was changed; --yes does it without a question');
    expect(code).toBe(1);
    expect(existsSync(join(root, 'abort')), 'it still counts as stopped in order').toBe(false);
    expect((await resultOf(ringmq(['verify', root]))).code).toBe(1);
  });

  it('tells as JSON what it would do apart from what it has done', async () => {
    const nothing = { cut: null, fillersWritten: 0, queuesBuilt: 0, queuesShortened: 0, indexBuilt: false, kept: [] };
    const root = damaged('clean-queue-tail-zero');
    const declined = await resultOf(ringmq(['repair', root, '--json']));
    expect(JSON.parse(declined.stdout)).toMatchObject({
      ok: false,
      end: 'declined',
      plan: { cut: null, recordsCut: 0, buildQueues: ['Bulk/0'], buildIndex: false, writeCheckpoint: true },
      ...nothing,
    });
    const refused = await resultOf(ringmq(['repair', damaged('clean-bad-body'), '--all', '--yes', '--json']));
    expect(JSON.parse(refused.stdout)).toMatchObject({ ok: false, end: 'refused', plan: null, ...nothing });
  });

  it('repairs, and a broker goes on with the store', async () => {
    const root = damaged('clean-no-queues');
    const { code, stdout } = await resultOf(ringmq(['repair', root, '--yes', '--json', ...SETTINGS]));
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      end: 'repaired',
      queuesBuilt: 46,
      indexBuilt: true,
      plan: null,
      records: 687,
    });
    expect(code).toBe(0);
    expect((await resultOf(ringmq(['verify', root]))).code).toBe(0);
    const broker = ringmq(['broker', '--store', root, '--port', '0', '--log-level', 'error', ...SETTINGS]);
    await readyLine(broker);
    broker.signal('SIGTERM');
    expect((await broker.ended(10_000)).code).toBe(0);
    expect((await resultOf(ringmq(['verify', root]))).code).toBe(0);
  });

  it('cuts where it is told to, and keeps what it cuts in the store', async () => {
    const root = damaged('crash-bad-body');
    // The variant's names process 1, which runs here too.
    writeFileSync(join(root, 'abort'), 'long gone');
    expect((await resultOf(ringmq(['repair', root, '--yes']))).stdout).toContain('--cut-at 3589718');
    expect(existsSync(join(root, 'abort')), 'it still counts as not stopped in order').toBe(true);
    const asked = await resultOf(ringmq(['repair', root, '--cut-at', '3589718']));
    expect(asked.stderr).toMatch(/off the log at 3589718, with \d+ records behind that place/);
    const { code, stdout } = await resultOf(ringmq(['repair', root, '--yes', '--json', '--cut-at', '3589718']));
    const { kept: files, cut } = JSON.parse(stdout) as { kept: string[]; cut: object };
    expect(cut).toMatchObject({ at: 3589718 });
    expect(files[0]!.startsWith(join(root, 'cut-'))).toBe(true);
    expect(readdirSync(join(files[0]!, '..'))).toEqual(['bytes-from-3589718']);
    expect(code).toBe(0);
  });

  it('refuses a store that a broker has open, and does not disturb it', async () => {
    const root = temporaryFolder('repair');
    const broker = ringmq(['broker', '--store', root, '--port', '0', '--log-level', 'error', '--set', SIZES[0]!]);
    await readyLine(broker);
    const { code, stderr } = await resultOf(ringmq(['repair', root, '--all', '--yes']));
    expect([code, stderr]).toEqual([1, expect.stringMatching(/is open in process \d+/)]);
    broker.signal('SIGTERM');
    expect((await broker.ended(10_000)).code).toBe(0);
  });

  it('gives a store up as it was when it cannot begin', async () => {
    const root = realStore(goldenStore('clean'));
    // Whoever looks for the mark of a failed fdatasync is led in a circle.
    symlinkSync('commitlog.sync-failed', join(root, 'commitlog.sync-failed'));
    const before = readdirSync(root);
    const { code, stderr } = await resultOf(ringmq(['repair', root, '--all', '--yes']));
    expect([code, stderr]).toEqual([1, expect.stringContaining('ELOOP')]);
    expect(readdirSync(root), 'neither abort nor lock').toEqual(before);
  });

  it('gives a store up as it was where nothing is changed, although an fdatasync had failed in it', async () => {
    const root = realStore(goldenStore('clean'));
    writeFileSync(join(root, 'commitlog.sync-failed'), '');
    const before = readdirSync(root);
    const { code, stdout } = await resultOf(ringmq(['repair', root]));
    expect([code, stdout]).toEqual([1, expect.stringContaining('nothing was changed')]);
    expect(readdirSync(root), 'neither abort nor lock').toEqual(before);
  });

  it('tells as JSON that it has failed, and how far it has come', async () => {
    const queues = { queuesBuilt: 0, queuesShortened: 0, queuesDiscarded: 0 };
    const nothing = { cut: null, fillersWritten: 0, ...queues, indexBuilt: false, indexDiscarded: false, kept: [] };
    const failed = { ok: false, end: 'failed', ...nothing };
    const root = damaged('clean-garbage-after-end');
    // No queue of the topic can be built.
    rmSync(join(root, 'consumequeue', 'Bulk'), { recursive: true });
    symlinkSync('nowhere', join(root, 'consumequeue', 'Bulk'));
    const { code, stdout, stderr } = await resultOf(ringmq(['repair', root, '--yes', '--json']));
    const said = JSON.parse(stdout) as { kept: string[]; error: string };
    const bytes = [expect.stringMatching(/bytes-from-\d+$/)];
    expect(said).toMatchObject({ ...failed, isHalfDone: true, cut: { at: expect.any(Number) }, kept: bytes });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/the repair is half done.*ringmq: /s)]);
    expect(stderr).toContain(said.error);
    const none = await resultOf(ringmq(['repair', temporaryFolder('no-store'), '--yes', '--json']));
    expect([none.code, JSON.parse(none.stdout)]).toEqual([
      1,
      { ...failed, isHalfDone: false, error: expect.stringContaining('is no store') },
    ]);
  });

  it('goes on where it was interrupted without being told the settings again', async () => {
    const root = realStore(goldenStore('clean'));
    const bulk = join(root, 'consumequeue', 'Bulk');
    // No queue of the topic can be built.
    rmSync(bulk, { recursive: true });
    symlinkSync('nowhere', bulk);
    const first = await resultOf(ringmq(['repair', root, '--all', '--yes']));
    expect([first.code, first.stderr]).toEqual([1, expect.stringContaining('the repair is half done')]);
    expect(readdirSync(join(root, 'index')), 'nothing tells its shape').toEqual([]);
    rmSync(bulk);
    const found = await resultOf(ringmq(['verify', root]));
    expect(found.stdout).toContain('PROBLEM repair-unfinished');
    const { code, stdout } = await resultOf(ringmq(['repair', root, '--yes']));
    expect(stdout).toMatch(/^fine now$/m);
    expect(code).toBe(0);
    expect(readdirSync(root)).not.toContain('repair-settings.json');
    const [name] = readdirSync(join(root, 'index'));
    const index = await resultOf(ringmq(['inspect', join(root, 'index', name!), '--json']));
    expect(JSON.parse(index.stdout)).toMatchObject({ slots: 300, 'entries at most': 800 });
  });

  it('refuses a command line that is none', async () => {
    const root = realStore(goldenStore('clean'));
    expect((await resultOf(ringmq(['repair', root, '--cut-at', 'x']))).code).toBe(2);
    expect((await resultOf(ringmq(['repair']))).code).toBe(2);
    expect((await resultOf(ringmq(['repair', join(root, 'commitlog')]))).code).toBe(1);
  });
});
