/** The life of a server process with servers and signals made by hand; what real ones do is in standalone.test.ts. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { type Server, serve } from '../../src/cli/serve.ts';

const OPTIONS = { set: [], json: true, logLevel: 'error', logFormat: 'text' } as const;
const ADDRESSES = { broker: '127.0.0.1:1' };
const READY = '{"ready":true,"broker":"127.0.0.1:1"}\n';

/** What it printed, as stdout and stderr in turn. */
let printed: string[];

beforeEach(() => {
  printed = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  }
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A promise and its resolver. */
function later<Value>() {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Ends when it is closed, with `reason`. */
function serverThatEnds(reason: string | null): Server & { isClosed(): boolean } {
  const ended = later<string | null>();
  let isClosed = false;
  return {
    addresses: ADDRESSES,
    ended: ended.promise,
    isClosed: () => isClosed,
    async close() {
      isClosed = true;
      ended.resolve(reason);
    },
  };
}

describe('a server process', () => {
  it('says that it is ready, and ends in order at a signal', async () => {
    const stop = later<NodeJS.Signals>();
    const server = serverThatEnds(null);
    const code = serve(OPTIONS, async () => server, stop.promise);
    await vi.waitFor(() => expect(printed).toEqual([READY]));
    expect(server.isClosed()).toBe(false);
    stop.resolve('SIGTERM');
    expect(await code).toBe(ExitCode.ok);
    expect(server.isClosed()).toBe(true);
    expect(printed).toEqual([READY]);
  });

  it('has failed when it failed just before the signal', async () => {
    const stop = later<NodeJS.Signals>();
    const code = serve(OPTIONS, async () => serverThatEnds('the disk is gone'), stop.promise);
    await vi.waitFor(() => expect(printed).toEqual([READY]));
    stop.resolve('SIGTERM');
    expect(await code).toBe(ExitCode.failed);
    expect(printed).toEqual([READY, 'ringmq: the disk is gone\n']);
  });

  it('that is stopped while it starts never says ready, and is closed when the start is over', async () => {
    const starting = later<Server>();
    const server = serverThatEnds(null);
    const code = serve(OPTIONS, () => starting.promise, Promise.resolve('SIGTERM'));
    starting.resolve(server);
    expect(await code).toBe(ExitCode.ok);
    expect(server.isClosed()).toBe(true);
    expect(printed).toEqual([]);
  });

  it('that is stopped while it starts does not wait for a long start', async () => {
    vi.useFakeTimers();
    const code = serve(OPTIONS, () => new Promise(() => {}), Promise.resolve('SIGTERM'));
    await vi.advanceTimersByTimeAsync(3000);
    expect(await code).toBe(ExitCode.ok);
    expect(printed).toEqual([]);
  });

  it('that is stopped while it waits for a NameServer, with its port open, is closed in order', async () => {
    vi.useFakeTimers();
    const server = serverThatEnds(null);
    const started = later<Server>();
    const code = serve(OPTIONS, () => started.promise, Promise.resolve('SIGTERM'));
    await vi.advanceTimersByTimeAsync(2000);
    started.resolve(server);
    expect(await code).toBe(ExitCode.ok);
    expect(server.isClosed()).toBe(true);
  });

  it('that is stopped while its start fails has failed', async () => {
    const start = async (): Promise<Server> => {
      throw new Error('the port is taken');
    };
    await expect(serve(OPTIONS, start, Promise.resolve('SIGTERM'))).rejects.toThrow('the port is taken');
    expect(printed).toEqual([]);
  });
});
