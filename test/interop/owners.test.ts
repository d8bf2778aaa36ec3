/** A store goes from hand to hand between RingMQ and Apache's broker, and nothing is lost, doubled or moved: see harness/exchange.ts. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { sleep } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/store/disk.ts';
import { SystemProcesses } from '../../src/store/process-table.ts';
import { liveOwner } from '../../src/store/store-lock.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import { temporaryFolder } from '../support/folders.ts';
import { freePorts } from '../support/ports.ts';
import { spawnApacheBroker } from './harness/apache.ts';
import { Exchange, type ExchangeSizes, type Make, type Turn } from './harness/exchange.ts';
import type { MomentName } from './harness/moments.ts';
import { TARGET } from './harness/target.ts';
import { verified } from './harness/verify.ts';

const SMALL: ExchangeSizes = { segmentBytes: 1024 * 1024, queueFileEntries: 100 };
const LARGER: ExchangeSizes = { segmentBytes: 16 * 1024 * 1024, queueFileEntries: 300 };

const CHAINS: readonly (readonly [name: string, sizes: ExchangeSizes, turns: readonly Turn[], last: Make])[] = [
  [
    'four changes of owner, stopped and killed',
    SMALL,
    [
      { make: 'RingMQ', end: 'stop' },
      { make: 'Apache', end: 'stop' },
      { make: 'RingMQ', end: 'kill', flush: 'sync' },
      { make: 'Apache', end: 'kill' },
    ],
    'RingMQ',
  ],
  [
    'RingMQ killed where files end',
    SMALL,
    [
      { make: 'RingMQ', end: 'kill at the end of a segment' },
      { make: 'Apache', end: 'kill' },
      { make: 'RingMQ', end: 'kill at the end of a queue file', flush: 'sync' },
    ],
    'Apache',
  ],
  [
    'Apache first, killed where files end',
    LARGER,
    [
      { make: 'Apache', end: 'kill at the end of a queue file' },
      { make: 'RingMQ', end: 'kill' },
    ],
    'Apache',
  ],
];

it.each(CHAINS)('%s', async (name, sizes, planned, last) => {
  const turns = planned.map((turn) => (TARGET === 'apache' ? ({ ...turn, make: 'Apache' } as const) : turn));
  const stamp = CHAINS.findIndex(([other]) => other === name) + 1;
  const chain: Chain = { sizes, stamp, turns, last: TARGET === 'apache' ? 'Apache' : last, asksAllKeys: true };
  await handOver(name, chain, async (exchange, turn) => {
    // RingMQ sees that a RingMQ broker has the store, and that Apache's has: its own process in one case, the file abort in the other.
    expect(await exchange.refusalOfSecond()).toMatch(
      turn.make === 'RingMQ'
        ? /^exit code 1: .*is open in process \d+/
        : /^exit code 1: .*abort says that process \d+ has the store open, and it has: stop it first$/,
    );
  });
});

const MOMENTS_OF: readonly (readonly [what: string, moments: readonly MomentName[]])[] = [
  [
    'the index goes on in its next file',
    [
      'the slots of a full index file are not written',
      'a full index file is the newest',
      'an index file has no header',
      'an index file has no entries',
      // It waits longest for its moment, and what is sent meanwhile is looked at by every owner after it.
      'a full index file is not up to date',
    ],
  ],
  [
    'a batch comes to the end of a segment',
    [
      'a batch has no room and the segment no filler',
      'a batch has no room and is not in the next segment',
      'a part of a batch is in the next segment',
    ],
  ],
];

it.runIf(TARGET === 'ringmq').each(MOMENTS_OF)(
  'RingMQ killed where %s',
  async (what, moments) => {
    const turns = moments.flatMap((end): Turn[] => [
      { make: 'RingMQ', end },
      { make: 'Apache', end: 'kill' },
    ]);
    const stamp = CHAINS.length + 1 + MOMENTS_OF.findIndex(([other]) => other === what);
    // All keys of so many messages and owners would take minutes.
    await handOver(`RingMQ killed where ${what}`, { sizes: SMALL, stamp, turns, last: 'RingMQ', asksAllKeys: false });
  },
  300_000,
);

interface Chain {
  readonly sizes: ExchangeSizes;
  /** A number of its own for each chain. */
  readonly stamp: number;
  readonly turns: readonly Turn[];
  readonly last: Make;
  /** Else each owner is asked for some. */
  readonly asksAllKeys: boolean;
}

/** `meanwhile` is done while an owner has the store, before its load. */
async function handOver(
  name: string,
  { sizes, stamp, turns, last, asksAllKeys }: Chain,
  meanwhile = async (_exchange: Exchange, _turn: Turn): Promise<void> => {},
): Promise<void> {
  const exchange = await Exchange.open(sizes, stamp, asksAllKeys);
  try {
    for (const turn of turns) {
      const before = exchange.acknowledged;
      await exchange.turn(turn, () => meanwhile(exchange, turn));
      expect(exchange.acknowledged).toBeGreaterThan(before);
    }
    await exchange.look(last);
    const { messages, times } = exchange.asked;
    if (asksAllKeys) expect(messages).toBeGreaterThanOrEqual(exchange.acknowledged);
    expect(messages).toBeGreaterThan(0);
    expect(times).toBeGreaterThan(0);
    const asked = `asked for ${messages} by keys, ${times} searches by time`;
    const owners = turns.map(({ make, end }) => `${make} ${end}`).join(', ');
    verified(name, `${exchange.acknowledged} messages, ${asked}, ${owners}`);
  } finally {
    await exchange.close();
  }
}

it("RingMQ sees Apache's broker from the moment at which abort names it until it does no more", async () => {
  const paths = storePathsOf(`${temporaryFolder('seen')}/store`);
  const disk = new NodeDisk();
  const processes = new SystemProcesses(disk);
  const [port, namesrv] = [(await freePorts(4)) + 2, '127.0.0.1:1'];
  const child = spawnApacheBroker({ namesrv, store: paths.root, port });
  const looks = { seen: 0, missed: 0 };
  const isNamed = (): boolean => disk.stat(paths.abort) !== null && readFileSync(paths.abort, 'utf8') !== '';
  const look = async (): Promise<void> => {
    while (child.exit === null) {
      if (isNamed()) looks[liveOwner(disk, paths, processes) === child.pid || !isNamed() ? 'seen' : 'missed']++;
      await sleep(1);
    }
  };
  const looking = look();
  await child.line('boot success', 60_000, (line) => line.includes('boot success'));
  await child.stop('SIGTERM', 30_000);
  await looking;
  expect(looks.missed).toBe(0);
  expect(looks.seen).toBeGreaterThan(10);
  verified("Apache's broker as RingMQ sees it", `${looks.seen} looks`);
});

// Apache's broker locks a byte of a file, which Node cannot do or see, so it starts beside a RingMQ broker.
it.runIf(TARGET === 'ringmq')("RingMQ stops when Apache's broker opens the store that it has", async () => {
  const exchange = await Exchange.open(SMALL, CHAINS.length + MOMENTS_OF.length + 1, false);
  try {
    expect(await exchange.intrude()).toMatch(/process \d+ has opened the store .* too: stop it$/);
    verified("Apache's broker beside RingMQ", 'RingMQ has stopped');
  } finally {
    await exchange.close();
  }
});
