/**
 * `npm run bench:peers`: RingMQ, Apache's broker 5.3.3 and Redis Streams on this machine, one after another under the same closed
 * loops, in rounds that alternate so that a slow minute hits all of them. Prints a markdown table and writes it with the raw samples
 * to bench-results/. Needs Java, Maven (first run) and redis-server.
 *
 *   load generator (this process, raw sockets)          server under test (a process of its own)
 *   4 connections, requests encoded beforehand   ---->  NameServer + broker, or redis-server
 *   one request for each answer                  <----  CPU time of its process from /proc
 *   then: are all acknowledged messages there?
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { prepareJava } from '../../test/interop/harness/artifacts.ts';
import { repository } from '../../test/support/paths.ts';
import { apache, type Contender, redis, ringmq } from './contenders.ts';
import { MEASURES, type Sample, warmUp } from './measures.ts';
import { redisVersion } from './redis-server.ts';
import type { StartUp } from './start-up.ts';
import { type Results, report } from './table.ts';

const CONTENDERS: Record<string, Contender> = {
  'apache-async': apache('async'),
  'full-async': ringmq('async', 'full'),
  'compact-async': ringmq('async', 'compact'),
  'redis-everysec': redis('async'),
  'apache-sync': apache('sync'),
  'full-sync': ringmq('sync', 'full'),
  'compact-sync': ringmq('sync', 'compact'),
  'redis-always': redis('sync'),
};
/** Disks and processors come to rest between two servers. */
const PAUSE_MS = 2_000;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    // Apache's broker gets faster for about this long.
    warm: { type: 'string', default: '15' },
    only: { type: 'string', default: Object.keys(CONTENDERS).join(',') },
    dir: { type: 'string', default: `${repository}bench-results/peers` },
    'no-start-up': { type: 'boolean', default: false },
  },
});

const chosen = options.only.split(',').map((key) => {
  const contender = CONTENDERS[key];
  if (contender === undefined) throw new Error(`--only takes ${Object.keys(CONTENDERS).join(', ')}; not ${key}`);
  return contender;
});
if (chosen.some((contender) => contender.name.startsWith('Apache'))) prepareJava(['server-5.3.3']);
if (chosen.some((contender) => contender.kind === 'redis') && redisVersion() === null) {
  throw new Error('redis-server is not installed (Debian: apt-get install redis-server)');
}

const stores = `${options.dir}/stores`;
let storeCount = 0;
rmSync(stores, { recursive: true, force: true });
const results: Results = { samples: new Map(), startUps: new Map() };
for (let round = 1; round <= Number(options.rounds); round++) {
  for (const contender of chosen) await measure(contender, round);
}
rmSync(stores, { recursive: true, force: true });
const text = report(results, machine());
process.stdout.write(`\n${text}`);
mkdirSync(options.dir, { recursive: true });
const stamp = new Date(systemClock.nowMs()).toISOString().replace(/[:.]/g, '-');
writeFileSync(`${options.dir}/${stamp}.md`, text);
const raw = { machine: machine(), samples: [...results.samples], startUps: [...results.startUps] };
writeFileSync(`${options.dir}/${stamp}.json`, `${JSON.stringify(raw, null, 1)}\n`);
process.stdout.write(`\nwritten to ${options.dir}/${stamp}.{md,json}\n`);

async function measure(contender: Contender, round: number): Promise<void> {
  const seconds = Number(options.seconds);
  const store = emptyStore();
  const running = await contender.start(store);
  try {
    await warmUp(contender, running, Number(options.warm));
    for (const measure of MEASURES.filter((measure) => measure.fits(contender))) {
      const sample = await measure.run(contender, running, seconds);
      keep(results.samples, `${measure.name}\n${contender.name}`, sample);
      log(round, contender, `${measure.name}: ${describe(sample, measure.unit)}`);
    }
  } finally {
    await running.stop();
    removeAllButQueues(store);
  }
  if (contender.startUp !== undefined && contender.flush === 'async' && !options['no-start-up']) {
    const startUpStore = emptyStore();
    const startUp = await contender.startUp(startUpStore);
    removeAllButQueues(startUpStore);
    keep(results.startUps, contender.name, startUp);
    log(round, contender, `first acknowledged message after ${startUp.firstAckMs.toFixed(0)} ms`);
  }
  await sleep(PAUSE_MS);
}

function emptyStore(): string {
  const store = `${stores}/${++storeCount}`;
  mkdirSync(store, { recursive: true });
  return store;
}

/**
 * The thousands of queue files stay until the end: ext4 looks for minutes for inodes that were not freed just now, and the next server's
 * new files would pay for it.
 */
function removeAllButQueues(store: string): void {
  for (const folder of [store, `${store}/store`]) {
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      if (name !== 'store' && name !== 'consumequeue') rmSync(`${folder}/${name}`, { recursive: true, force: true });
    }
  }
}

function keep<Value extends Sample | StartUp>(into: Map<string, Value[]>, key: string, value: Value): void {
  const list = into.get(key);
  if (list === undefined) into.set(key, [value]);
  else list.push(value);
}

function describe(sample: Sample, unit: string): string {
  const cpu = `${sample.serverCpuUsPerMessage.toFixed(2)} us of its CPU, ${sample.clientCpuUsPerMessage.toFixed(2)} us of ours a message`;
  return `${Math.round(sample.value).toLocaleString('en')} ${unit} (${cpu})`;
}

function log(round: number, contender: Contender, text: string): void {
  process.stdout.write(`round ${round}  ${contender.name.padEnd(28)} ${text}\n`);
}

function machine(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  const model = cpus()[0]?.model ?? 'unknown processor';
  return `${cpus().length} x ${model}, ${memory} GB, Linux ${release()}, Node ${process.version}, Redis ${redisVersion() ?? 'not installed'}`;
}
