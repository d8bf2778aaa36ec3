/** The bar of the tools: on a terminal only, told while they work, and gone when they end. */
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { asLogOffset } from '../../src/base/units.ts';
import { inspect } from '../../src/cli/inspect.ts';
import { type ProgressOutput, partsProgress, type ToolProgress, toolProgress } from '../../src/cli/tool-progress.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { temporaryFolder } from '../support/folders.ts';
import { goldenStore } from '../support/golden-store.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { realStore } from '../support/real-store.ts';
import { encodeTestRecord } from '../support/records.ts';
import { type Result, resultOf, ringmq } from './ringmq.ts';

const MIB = 1024 * 1024;
const ESCAPE = '\u001b';
const CLEARED_LINE = `${ESCAPE}[1G${ESCAPE}[2K`;

/** What is written to it, and whether it is a terminal. */
class FakeOutput extends PassThrough implements ProgressOutput {
  readonly isTTY: boolean;
  readonly columns = 100;
  text = '';

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
    this.setEncoding('utf8').on('data', (chunk: string) => {
      this.text += chunk;
    });
  }

  /** Since the last call. */
  taken(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

const signals = (): number => process.listenerCount('SIGINT') + process.listenerCount('SIGTERM');

describe('the progress of a tool', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('is shown on a terminal from the beginning, and goes on as the tool does', () => {
    const output = new FakeOutput(true);
    const progress = toolProgress('checking', 8 * MIB, output);
    expect(output.taken()).toMatch(/ checking ░{20} 0% {2}0 B of 8\.0 MiB, 0 B\/s/);
    progress.advance(2 * MIB);
    progress.advance(2 * MIB);
    vi.advanceTimersByTime(150);
    expect(output.taken()).toMatch(/ checking █{10}░{10} 50% {2}4\.0 MiB of 8\.0 MiB, .*\/s/);
    progress.end();
  });

  it('is told by who works without giving timers a turn', () => {
    const output = new FakeOutput(true);
    const progress = partsProgress('measuring', 2, output);
    output.taken();
    vi.setSystemTime(Date.now() + 1000);
    progress.advance(0.5);
    expect(output.taken()).toMatch(/ measuring █{5}░{15} 25%/);
    progress.end();
  });

  it('is gone at the end, and nothing of it goes on', () => {
    const output = new FakeOutput(true);
    const before = signals();
    const progress = toolProgress('building', 8 * MIB, output);
    progress.advance(8 * MIB);
    output.taken();
    progress.end();
    expect(output.taken().endsWith(CLEARED_LINE)).toBe(true);
    progress.end();
    vi.advanceTimersByTime(1000);
    expect([output.text, vi.getTimerCount(), signals()]).toEqual(['', 0, before]);
  });

  it('changes nothing of the terminal that a run which is interrupted could not bring back', () => {
    const output = new FakeOutput(true);
    const progress = toolProgress('building', 8 * MIB, output);
    expect(output.taken()).not.toContain(`${ESCAPE}[?`);
    progress.end();
  });

  it.each<[what: string, isTTY: boolean, total: number]>([
    ['where that is no terminal', false, 8 * MIB],
    ['where there is nothing to do', true, 0],
  ])('writes nothing %s', (_what, isTTY, total) => {
    const output = new FakeOutput(isTTY);
    for (const begin of [toolProgress, partsProgress]) {
      const progress = begin('checking', total, output);
      progress.advance(MIB);
      vi.advanceTimersByTime(1000);
      progress.end();
    }
    expect([output.text, vi.getTimerCount()]).toEqual(['', 0]);
  });
});

describe('inspect', () => {
  const RECORDS = 20;

  /** Of records of 1 MiB. */
  function longSegment(): { disk: MemoryDisk; path: string; end: number } {
    const disk = new MemoryDisk();
    const segmentSizeBytes = (RECORDS + 4) * MIB;
    const log = new CommitLogWriter(disk, { directory: '/store/commitlog', segmentSizeBytes }, asLogOffset(0));
    for (let i = 0; i < RECORDS; i++) {
      const record = { topic: 'T', queueId: 0, queueOffset: i, body: new Uint8Array(MIB), logOffset: log.end };
      const bytes = encodeTestRecord({ ...record, storeTimestamp: 1_700_000_000_000 });
      log.write(bytes, 0, bytes.length);
    }
    log.close();
    return { disk, path: '/store/commitlog/00000000000000000000', end: log.end };
  }

  it('tells of a long file of the log how far it is, and of what is read in a moment nothing', () => {
    const { disk, path, end } = longSegment();
    const begun: number[] = [];
    let done = 0;
    let ended = 0;
    const begin = (bytes: number): ToolProgress => {
      begun.push(bytes);
      const advance = (more: number): void => {
        done += more;
      };
      return { advance, end: () => void ended++ };
    };
    const flags = { set: [] };
    expect(inspect(disk, path, undefined, 1, flags, begin).facts.records).toBe(RECORDS);
    expect([begun, done, ended]).toEqual([[(RECORDS + 4) * MIB], end, 1]);
    inspect(disk, path, String(10 * MIB), 1, flags, begin);
    expect(begun).toHaveLength(1);
  });

  it('ends it also when the file cannot be read', () => {
    const { disk, path } = longSegment();
    let ended = 0;
    disk.fault = (operation) => (operation === 'read' ? 'EIO' : null);
    const begin = (): ToolProgress => ({ advance: () => {}, end: () => void ended++ });
    expect(() => inspect(disk, path, undefined, 1, { set: [] }, begin)).toThrow('EIO');
    expect(ended).toBe(1);
  });
});

describe('the command line', () => {
  const TERMINAL = { NODE_OPTIONS: '--import=data:text/javascript,process.stderr.isTTY=true' };
  const run = (args: readonly string[], environment = {}): Promise<Result> => resultOf(ringmq(args, environment));

  /** Nothing is in it, which is seen at once. */
  function longFile(): string {
    const path = join(realStore(goldenStore('clean')), 'commitlog', '00000000000000000000');
    truncateSync(path, 0);
    truncateSync(path, 32 * MIB);
    return path;
  }

  it.each<[tool: string, args: () => readonly string[], shows: RegExp]>([
    ['inspect', () => [longFile()], / reading .* 0% {2}0 B of 32 MiB/],
    ['doctor', () => [temporaryFolder('doctor')], / measuring .* 0%.* measuring █+ 100%/s],
    ['verify', () => [realStore(goldenStore('clean'))], / checking .* 0% {2}0 B of /],
  ])('%s shows it on a terminal, and only there', async (tool, args, shows) => {
    const given = args();
    const [shown, plain] = [await run([tool, ...given], TERMINAL), await run([tool, ...given])];
    expect(shown.stderr).toMatch(shows);
    expect(shown.stderr.endsWith(CLEARED_LINE)).toBe(true);
    expect([plain.stderr, plain.code]).toEqual(['', shown.code]);
    expect(shown.stdout).not.toContain(ESCAPE);
  });

  it.each<[tool: string, args: () => readonly string[]]>([
    ['inspect', () => [longFile()]],
    ['doctor', () => [temporaryFolder('doctor')]],
  ])('%s shows none with --json', async (tool, args) => {
    const { stdout, stderr } = await run([tool, ...args(), '--json'], TERMINAL);
    expect([stderr, JSON.parse(stdout)]).toEqual(['', expect.any(Object)]);
  });
});
