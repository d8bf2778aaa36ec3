/** kill -9 on the real disk: what a process has said to be written is there, in the log and in the queues, time and again. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NodeDisk } from '../../src/store/disk.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { LogScanner, Scanned } from '../../src/store/log-scanner.ts';
import { SystemProcesses } from '../../src/store/process-table.ts';
import { type RecoveredStore, recoverStore } from '../../src/store/recovery.ts';
import { StoreLock } from '../../src/store/store-lock.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import { KILLED_SIZES, KILLED_TOPIC } from '../support/append-until-killed.ts';
import { fileQueues } from '../support/file-queues.ts';

const script = fileURLToPath(new URL('../support/append-until-killed.js', import.meta.url));
const disk = new NodeDisk();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringmq-kill-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the process until it has said so many lines; kills it, and returns the last whole one. */
function writtenWhenKilled(lines: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    let seen = 0;
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-200);
      for (const byte of chunk) if (byte === 10) seen++;
      if (seen >= lines) child.kill('SIGKILL');
    });
    child.once('error', reject);
    child.once('close', (_, signal) => {
      const last = output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1);
      if (signal === 'SIGKILL') resolve(Number(last));
      else reject(new Error(`the process ended by itself: ${errors}`));
    });
  });
}

/** Opens the store as the next broker would, has the queues filed and gives it up again. */
function openAgain(): RecoveredStore {
  const paths = storePathsOf(folder);
  const lock = StoreLock.acquire(disk, paths, new SystemProcesses(disk));
  expect(lock.cleanStop).toBe(false);
  const silent = { info: () => {}, warn: () => {} };
  const settings = { ...KILLED_SIZES, checksBodies: true, cleanStop: lock.cleanStop };
  const store = recoverStore(disk, paths, settings, silent);
  const queues = fileQueues(disk, paths, KILLED_SIZES, store);
  for (const { queueId, next } of store.queues) expect(queues.end(KILLED_TOPIC, queueId)).toBe(next);
  queues.close();
  // The next process is to find it as a killed one leaves it.
  lock.release(false);
  return store;
}

function recordCount({ logStart, logEnd }: RecoveredStore): number {
  const files = { directory: storePathsOf(folder).commitLog, segmentSizeBytes: KILLED_SIZES.segmentSizeBytes };
  const reader = new LogReader(disk, files);
  const scanner = new LogScanner(reader, true);
  scanner.begin(logStart, logEnd);
  let count = 0;
  while (scanner.next() === Scanned.record) count++;
  expect(scanner.position).toBe(logEnd);
  reader.close();
  return count;
}

it('loses nothing that was written, in three lives', async () => {
  let messages = 0;
  for (const lines of [2500, 300, 4000]) {
    const written = await writtenWhenKilled(lines);
    const store = openAgain();
    expect(store.logEnd).toBeGreaterThanOrEqual(written);
    const count = recordCount(store);
    expect(count - messages).toBeGreaterThanOrEqual(lines);
    expect(store.queues.reduce((sum, queue) => sum + queue.next, 0)).toBe(count);
    messages = count;
  }
});
