/**
 * `npm run bench:cold -- [--gb N] [--memory-mb M] [--seconds S] [--rounds R] [--reader-mb R] [--reader-nice N] [--flush F] [--placement P]`: does
 * a consumer that is far behind disturb the others? Publish latency at 10 k/s (open loop of `ringmq bench`), without and with a consumer that
 * reads an old store from its beginning, in turns on one broker. The store is larger than what the broker's memory cgroup lets the page
 * cache keep: the file cache is dropped when the store is made, and whatever the broker reads from then on counts towards its limit. The
 * reader takes what it gets, or `--reader-mb` MB/s: benchmark, reader and broker share the machine, and on two cores a greedy one leaves
 * little of it. `--reader-nice 19` lets it have only what the others leave, as if it were on another machine. Needs root, Linux and cgroups (v1 or v2).
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sleep, systemClock } from '../../src/base/clock.ts';
import type { BenchResult } from '../../src/bench/result.ts';
import { RecordAt } from '../../src/layout/message-record.ts';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { DEFAULT_STORE_SIZES } from '../../src/store/store-sizes.ts';
import { RemotingClient } from '../../src/transport/remoting-client.ts';
import { repository } from '../../test/support/paths.ts';
import { printMachine } from '../micro.ts';
import { makeStore } from './make-store.ts';

const { values } = parseArgs({
  options: {
    gb: { type: 'string', default: '4' },
    'memory-mb': { type: 'string', default: '800' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    'reader-mb': { type: 'string', default: '0' },
    'reader-nice': { type: 'string', default: '0' },
    flush: { type: 'string', default: 'async' },
    placement: { type: 'string', default: 'full' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const main = `${repository}dist/src/cli/main.js`;
const QUEUES = 8;
const TIMEOUT_MS = 60_000;
/** At the end of its queue the reader begins again. */
const GOES_ON: ReadonlySet<number> = new Set([
  ResponseCode.SUCCESS,
  ResponseCode.PULL_NOT_FOUND,
  ResponseCode.PULL_RETRY_IMMEDIATELY,
]);

interface Phase {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** A memory cgroup of the broker alone. */
class MemoryGroup {
  readonly #folder: string;

  constructor(limitMb: number) {
    const v1 = '/sys/fs/cgroup/memory';
    this.#folder = join(existsSync(v1) ? v1 : '/sys/fs/cgroup', `ringmq-bench-${process.pid}`);
    mkdirSync(this.#folder);
    const limit = existsSync(v1) ? 'memory.limit_in_bytes' : 'memory.max';
    writeFileSync(join(this.#folder, limit), `${limitMb}M`);
  }

  /** The command that puts itself into the group before it becomes `args`. */
  command(args: readonly string[]): [string, string[]] {
    return ['sh', ['-c', `echo $$ > ${this.#folder}/cgroup.procs; exec "$@"`, 'sh', ...args]];
  }

  remove(): void {
    rmdirSync(this.#folder);
  }
}

/** Reads all queues from the beginning, again and again, 32 messages a pull. */
class ColdConsumer {
  readonly #client = new RemotingClient();
  readonly #address: string;
  readonly #offsets = new Array<number>(QUEUES).fill(0);
  readonly #bytesPerMs: number;
  readonly #startUs = systemClock.monotonicUs();
  #isStopped = false;
  bytes = 0;

  /** `mbPerSecond`: 0 for as much as there is. */
  constructor(address: string, mbPerSecond: number) {
    this.#address = address;
    this.#bytesPerMs = mbPerSecond === 0 ? Number.POSITIVE_INFINITY : mbPerSecond * 1000;
  }

  async run(): Promise<void> {
    await Promise.all(this.#offsets.map((_, queueId) => this.#read(queueId)));
  }

  stop(): void {
    this.#isStopped = true;
    this.#client.close();
  }

  async #read(queueId: number): Promise<void> {
    while (!this.#isStopped) {
      const fields = {
        consumerGroup: 'cold',
        topic: 'topic-0',
        queueId,
        queueOffset: this.#offsets[queueId]!,
        maxMsgNums: 32,
        // The subscription comes with the pull.
        sysFlag: 4,
        commitOffset: 0,
        suspendTimeoutMillis: 0,
        subscription: '*',
        subVersion: 0,
        expressionType: 'TAG',
      };
      const asked = new Map(Object.entries(fields).map(([name, value]) => [name, String(value)]));
      const answer = await this.#client
        .invoke(this.#address, requestOf(RequestCode.LITE_PULL_MESSAGE, 0, asked), TIMEOUT_MS)
        .catch(() => null);
      if (answer === null) return;
      this.bytes += answer.body?.length ?? 0;
      const earlyMs = this.bytes / this.#bytesPerMs - (systemClock.monotonicUs() - this.#startUs) / 1000;
      if (earlyMs > 0) await sleep(earlyMs);
      const next = Number(answer.extFields?.get('nextBeginOffset') ?? 0);
      if (!GOES_ON.has(answer.code)) throw new Error(`${answer.code} ${answer.remark}`);
      if (answer.body !== null && recordsIn(answer.body) === 0) throw new Error('a pull without records');
      this.#offsets[queueId] = next > this.#offsets[queueId]! ? next : 0;
    }
  }
}

function recordsIn(body: Uint8Array): number {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  let records = 0;
  for (let at = 0; at < body.length; at += view.getInt32(at + RecordAt.totalSize)) records++;
  return records;
}

async function publish(address: string, seconds: string): Promise<Phase> {
  const load = ['bench', '--target', address, '--rate', '10000', '--in-flight', '1', '--duration', seconds, '--json'];
  const child = spawn(process.execPath, [main, ...load, '--report', join(root, 'report.html')]);
  // The reader's priority is this process's, which a child has too.
  setPriority(child.pid!, 0);
  let output = '';
  child.stdout.on('data', (text: Buffer) => {
    output += text.toString();
  });
  // `exit` may come before the last of the output.
  await once(child, 'close');
  const result = JSON.parse(output) as BenchResult;
  if (!result.ok) throw new Error(result.failures.join('; '));
  const { percentilesUs } = result.subjects[0]!.latency[0]!.publish;
  return { p50: percentilesUs['50']!, p99: percentilesUs['99']!, p999: percentilesUs['99.9']! };
}

const root = mkdtempSync(join(values.folder, 'ringmq-bench-cold-'));
const group = new MemoryGroup(Number(values['memory-mb']));
const store = join(root, 'store');
let stop = (): Promise<unknown> => Promise.resolve();
try {
  printMachine();
  const plan = { root: store, queues: QUEUES, bodyBytes: 1024, sizes: DEFAULT_STORE_SIZES };
  const { logBytes } = makeStore({ ...plan, logBytes: Number(values.gb) * 1e9 });
  execFileSync('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
  const server = ['standalone', '--store', store, '--json', '--namesrv-port', '0', '--broker-port', '0'];
  const modes = ['--flush', values.flush, '--placement', values.placement, '--log-level', 'warn'];
  const [shell, args] = group.command([process.execPath, main, ...server, ...modes]);
  const broker = spawn(shell, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => broker.on('exit', resolve));
  stop = () => {
    broker.kill('SIGTERM');
    return ended;
  };
  const ready = await new Promise<Buffer>((resolve) => broker.stdout.once('data', resolve));
  const address = (JSON.parse(ready.toString()) as { broker: string }).broker;
  console.log(
    `${(logBytes / 1e9).toFixed(1)} GB of log, ${values['memory-mb']} MB of memory for the broker, ${values.flush}, ${values.placement}`,
  );
  await publish(address, '2');
  for (let round = 0; round < Number(values.rounds); round++) {
    print('alone', await publish(address, values.seconds));
    const reader = new ColdConsumer(address, Number(values['reader-mb']));
    setPriority(Number(values['reader-nice']));
    const reading = reader.run();
    await sleep(1000);
    const [bytes, startUs, disk] = [reader.bytes, systemClock.monotonicUs(), diskBytes(broker.pid!)];
    const phase = await publish(address, values.seconds);
    const seconds = (systemClock.monotonicUs() - startUs) / 1e6;
    const rate = (reader.bytes - bytes) / 1e6 / seconds;
    print(
      `beside a cold reader of ${rate.toFixed(0)} MB/s (${((diskBytes(broker.pid!) - disk) / 1e6 / seconds).toFixed(0)} MB/s from the disk)`,
      phase,
    );
    reader.stop();
    await reading;
    setPriority(0);
  }
} finally {
  await stop();
  rmSync(root, { recursive: true, force: true });
  group.remove();
}

function print(what: string, { p50, p99, p999 }: Phase): void {
  const ms = (us: number): string => (us / 1000).toFixed(2);
  console.log(`${what}: publish p50 ${ms(p50)} ms, p99 ${ms(p99)} ms, p99.9 ${ms(p999)} ms`);
}

/** What the process has read from the disk, beyond the page cache. */
function diskBytes(pid: number): number {
  return Number(/^read_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0);
}
