import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { BlockingSleeper, Doorbell } from '../../src/ring/doorbell.ts';
import { StatusPage } from '../../src/ring/status-page.ts';
import type { Agent } from '../../src/threads/agent.ts';
import { BlockingShell } from '../../src/threads/blocking-shell.ts';
import { EventShell } from '../../src/threads/event-shell.ts';

/** An agent that has as much to do as it is given. */
class Worklist implements Agent {
  readonly name: string;
  readonly #journal: string[];
  todo = 0;
  sleepMs = 1000;
  onTurn: () => void = () => {};

  constructor(name: string, journal: string[]) {
    this.name = name;
    this.#journal = journal;
  }

  doWork(): number {
    this.onTurn();
    if (this.todo === 0) return 0;
    this.todo--;
    this.#journal.push(this.name);
    return 1;
  }

  hasWork(): boolean {
    return this.todo > 0;
  }

  sleepMaxMs(): number {
    return this.sleepMs;
  }

  close(): void {}
}

/** A shell looks round by itself after a second at the latest: whoever comes later than this was not woken. */
const WOKEN_US = 500_000;

async function expectWoken(what: Promise<void>): Promise<void> {
  const startUs = systemClock.monotonicUs();
  await what;
  expect(systemClock.monotonicUs() - startUs).toBeLessThan(WOKEN_US);
}

const memory = StatusPage.allocate();
const status = new StatusPage(memory);
const bellAt = status.bellAt(0);

describe('a thread that blocks', () => {
  const messages: string[] = [];
  const inbox = { hasMessage: () => messages.length > 0 };

  function shellOf(agents: readonly Agent[], hasFailed: () => boolean = () => false) {
    let beats = 0;
    const shell = new BlockingShell(new BlockingSleeper(memory, bellAt), hasFailed, () => beats++);
    for (const agent of agents) shell.add(agent);
    return { shell, beats: () => beats };
  }

  it('lets its agents take turns until nothing is left, then sleeps no longer than they want', () => {
    const journal: string[] = [];
    const [a, b] = [new Worklist('a', journal), new Worklist('b', journal)];
    a.todo = 3;
    b.todo = 2;
    b.sleepMs = 20;
    let idleTurns = 0;
    b.onTurn = () => {
      if (a.todo + b.todo === 0 && ++idleTurns === 3) messages.push('end');
    };
    const { shell, beats } = shellOf([a, b]);
    const startUs = systemClock.monotonicUs();
    shell.run(inbox, () => messages.pop() !== 'end');
    expect(journal).toEqual(['a', 'b', 'a', 'b', 'a']);
    // It woke by itself, long before the second that `a` would sleep.
    expect(systemClock.monotonicUs() - startUs).toBeLessThan(900_000);
    expect(beats()).toBeGreaterThanOrEqual(2);
  });

  it('looks at messages although its agents never run out of work', () => {
    const journal: string[] = [];
    const busy = new Worklist('busy', journal);
    busy.todo = 1_000_000;
    messages.push('go on', 'end');
    shellOf([busy]).shell.run(inbox, () => messages.pop() === 'go on');
    expect(journal.length).toBeLessThan(200);
    messages.length = 0;
  });

  it('is woken by a bell of another thread', async () => {
    const agent = new Worklist('sleepy', []);
    agent.sleepMs = 15_000;
    const rungAtMs = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT));
    const doorbell = new URL('../../src/ring/doorbell.js', import.meta.url).href;
    const ringer = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       const { memory, at, rungAtMs, doorbell } = workerData;
       import(doorbell).then(({ Doorbell }) => {
         const bell = new Doorbell(memory, at);
         const word = new Int32Array(memory, at, 1);
         const look = setInterval(() => {
           // Once the other one sleeps.
           if (Atomics.load(word, 0) !== 1) return;
           clearInterval(look);
           rungAtMs[0] = Date.now();
           bell.ring();
         }, 1);
         parentPort.postMessage('ready');
       });`,
      { eval: true, workerData: { memory, at: bellAt, rungAtMs, doorbell } },
    );
    // Its start must not take the second after which the shell looks round.
    await once(ringer, 'message');
    let turns = 0;
    let wokenAtMs = 0;
    agent.onTurn = () => {
      if (++turns < 2) return;
      wokenAtMs = systemClock.nowMs();
      messages.push('end');
    };
    shellOf([agent]).shell.run(inbox, () => messages.pop() !== 'end');
    await ringer.terminate();
    expect(rungAtMs[0]).toBeGreaterThan(0);
    expect(wokenAtMs - rungAtMs[0]!).toBeLessThan(WOKEN_US / 1000);
  });

  it('stops when the broker has failed', () => {
    const agent = new Worklist('a', []);
    agent.todo = 1_000_000;
    let hasFailed = false;
    agent.onTurn = () => {
      hasFailed = agent.todo < 999_990;
    };
    shellOf([agent], () => hasFailed).shell.run(inbox, () => true);
    expect(agent.todo).toBeGreaterThan(999_000);
  });

  it('does not swallow what an agent throws', () => {
    const agent = new Worklist('a', []);
    agent.onTurn = () => {
      throw new Error('broken');
    };
    expect(() => shellOf([agent]).shell.run(inbox, () => true)).toThrow('broken');
  });
});

describe('a thread that lives in its event loop', () => {
  let shell: EventShell;
  let journal: string[];
  let failures: unknown[];
  let agents: Worklist[];
  let beats: number;

  function start(...names: string[]): Worklist[] {
    journal = [];
    failures = [];
    beats = 0;
    shell = new EventShell({ memory, bellAt, beat: () => beats++, failed: (cause) => failures.push(cause) });
    agents = names.map((name) => new Worklist(name, journal));
    for (const agent of agents) shell.add(agent);
    return agents;
  }
  afterEach(() => shell.close());

  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  };

  it('lets its agents take turns, and its sockets in between', async () => {
    const [a, b] = start('a', 'b') as [Worklist, Worklist];
    a.todo = 100;
    b.todo = 100;
    let passes = 0;
    await until(() => ++passes > 0 && journal.length === 200);
    expect(journal.slice(0, 4)).toEqual(['a', 'b', 'a', 'b']);
    expect(passes).toBeGreaterThan(5);
  });

  it('is woken by its bell', async () => {
    const [agent] = start('a') as [Worklist];
    await until(() => new Int32Array(memory, bellAt, 1)[0] === 1);
    agent.todo = 1;
    new Doorbell(memory, bellAt).ring();
    await expectWoken(until(() => journal.length === 1));
  });

  it('is woken by its agents and by its tick', async () => {
    const [agent] = start('a') as [Worklist];
    await until(() => new Int32Array(memory, bellAt, 1)[0] === 1);
    agent.todo = 1;
    shell.wake();
    await expectWoken(until(() => journal.length === 1));
    const ticking = new Worklist('tick', journal);
    ticking.sleepMs = 5;
    let turns = 0;
    ticking.onTurn = () => turns++;
    shell.add(ticking);
    // That wakes the shell once, which must be over; the next turn is the tick's.
    await until(() => turns > 0);
    ticking.todo = 1;
    await expectWoken(until(() => journal.length === 2));
  });

  it('shows that it lives before its agents begin and after they have ended', async () => {
    start();
    await until(() => beats > 0);
    const agent = new Worklist('a', journal);
    shell.add(agent);
    shell.remove(agent);
    const before = beats;
    await until(() => beats > before + 1);
  });

  it('wakes nobody with rings for which a turn is certain', async () => {
    start('a');
    const flag = new Int32Array(memory, bellAt, 1);
    await until(() => flag[0] === 1);
    shell.wake();
    expect(flag[0]).toBe(0);
  });

  it('stops with the first agent that throws, and says so once', async () => {
    const [broken, after] = start('broken', 'after') as [Worklist, Worklist];
    after.todo = 1;
    broken.onTurn = () => {
      throw new Error('broken');
    };
    await until(() => failures.length > 0);
    shell.wake();
    new Doorbell(memory, bellAt).ring();
    for (let passes = 0; passes < 20; passes++) await new Promise((resolve) => setImmediate(resolve));
    expect(failures).toHaveLength(1);
    expect(journal).toEqual([]);
  });

  it('does not call an agent that was taken out', async () => {
    const [a, b] = start('a', 'b') as [Worklist, Worklist];
    shell.remove(a);
    a.todo = 1;
    b.todo = 1;
    shell.wake();
    await expectWoken(until(() => journal.length === 1));
    expect(journal).toEqual(['b']);
  });
});
