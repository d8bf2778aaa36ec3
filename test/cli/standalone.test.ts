import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { request, routeOf } from '../support/probe.ts';
import { maxOffsetOf, sendText } from '../support/raw-sends.ts';
import { readyJson, readyLine, resultOf, ringmq } from './ringmq.ts';

const GET_BROKER_CONFIG = 26;
const SMALL = ['--set', 'mappedFileSizeCommitLog=1048576'];

function standalone(store: string, ...more: string[]) {
  return ringmq(['standalone', '--store', store, '--namesrv-port', '0', '--broker-port', '0', ...SMALL, ...more]);
}

const send = (address: string, text: string) => sendText(address, 'orders', text);
const maxOffset = (address: string) => maxOffsetOf(address, 'orders');

describe('ringmq standalone', () => {
  it('serves, and loses nothing at SIGTERM', async () => {
    const store = `${temporaryFolder('cli')}/store`;
    const first = standalone(store, '--json', '--flush', 'sync', '--placement', 'compact');
    const ready = await readyJson(first);
    expect(ready).toEqual({
      ready: true,
      namesrv: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      broker: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
    expect(await routeOf(ready.namesrv as string, 'TBW102')).toContain(ready.broker);
    const answers = await Promise.all(['a', 'b', 'c'].map((text) => send(ready.broker as string, text)));
    expect(answers.map(({ code, fields }) => [code, fields.durability])).toEqual(Array(3).fill([0, 'flushed']));
    first.signal('SIGTERM');
    expect(await resultOf(first)).toMatchObject({ code: 0, stdout: JSON.stringify(ready) });
    expect(existsSync(`${store}/abort`)).toBe(false);

    const second = await readyJson(standalone(store, '--json'));
    expect(await maxOffset(second.broker as string)).toBe(3);
  });

  it('loses nothing of what it acknowledged at kill -9', async () => {
    const store = `${temporaryFolder('cli')}/store`;
    const first = standalone(store, '--json');
    const { broker } = await readyJson(first);
    for (const text of ['a', 'b', 'c']) expect((await send(broker as string, text)).code).toBe(0);
    first.signal('SIGKILL');
    await resultOf(first);
    const second = await readyJson(standalone(store, '--json'));
    expect(await maxOffset(second.broker as string)).toBe(3);
  });

  it('ends at once at a second signal, and still loses nothing', async () => {
    const store = `${temporaryFolder('cli')}/store`;
    const first = standalone(store, '--json');
    const { broker } = await readyJson(first);
    expect((await send(broker as string, 'a')).code).toBe(0);
    first.signal('SIGTERM');
    first.signal('SIGINT');
    expect((await resultOf(first)).code).toBe(1);
    const second = await readyJson(standalone(store, '--json'));
    expect(await maxOffset(second.broker as string)).toBe(1);
  });

  it('stops with a reason when its disk fails', async () => {
    const store = `${temporaryFolder('cli')}/store`;
    const child = standalone(store, '--json', '--set', 'mappedFileSizeCommitLog=16384');
    const { broker } = await readyJson(child);
    await send(broker as string, 'a');
    // The next file of the log has nowhere to be, be it append that wants to make it or flush that has prepared it.
    rmSync(`${store}/commitlog`, { recursive: true, maxRetries: 5 });
    const text = 'x'.repeat(4096);
    for (let sent = 0; sent < 100 && child.exit === null; sent++) await send(broker as string, text).catch(() => {});
    const { code, stderr } = await resultOf(child);
    expect(code).toBe(1);
    expect(stderr.split('\n').at(-1)).toMatch(/^ringmq: (open|link) \/.*\/commitlog\/\d{20}: ENOENT$/);
  });

  it('prints a line for people, and takes settings from everywhere', async () => {
    const folder = temporaryFolder('cli');
    writeFileSync(`${folder}/broker.conf`, 'brokerName=from-file\nregionId=from-file\ndefaultTopicQueueNums=3\n');
    const args = ['standalone', '-c', `${folder}/broker.conf`, '--store', `${folder}/store`, ...SMALL];
    const ports = ['--namesrv-port', '0', '--broker-port', '0', '--set', 'defaultTopicQueueNums=5'];
    const line = await readyLine(ringmq([...args, ...ports], { RINGMQ_REGION_ID: 'from-environment' }));
    const broker = /^ready namesrv=127\.0\.0\.1:\d+ broker=(127\.0\.0\.1:\d+)$/.exec(line)?.[1];
    const settings = (await request(broker as string, GET_BROKER_CONFIG, {})).body.toString();
    expect(settings).toContain('brokerName=from-file');
    expect(settings).toContain('regionId=from-environment');
    expect(settings).toContain('defaultTopicQueueNums=5');
  });

  it('tells each client the host that it has dialled, when it listens everywhere and was told no address', async () => {
    const store = `${temporaryFolder('cli')}/store`;
    const { namesrv, broker } = await readyJson(standalone(store, '--json', '--host', '0.0.0.0'));
    expect(namesrv).toMatch(/^0\.0\.0\.0:\d+$/);
    const port = (namesrv as string).split(':')[1];
    const brokerPort = (broker as string).split(':')[1];
    // All of 127.0.0.0/8 is this machine on Linux.
    for (const host of process.platform === 'linux' ? ['127.0.0.1', '127.0.0.2'] : ['127.0.0.1']) {
      expect(await routeOf(`${host}:${port}`, 'TBW102')).toContain(`"${host}:${brokerPort}"`);
    }
  });

  it('refuses a store that belongs to another process, and says which', async () => {
    const store = `${temporaryFolder('cli')}/store`;
    const first = standalone(store, '--json');
    await readyJson(first);
    const { code, stdout, stderr } = await resultOf(standalone(store, '--json'));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const reason = `ringmq: the store ${store} is open in process ${first.pid}: stop it, or use another folder`;
    expect(stderr.split('\n').at(-1)).toBe(reason);
  });

  it('says that the port of its broker is taken', async () => {
    const folder = temporaryFolder('cli');
    const { broker } = await readyJson(standalone(`${folder}/one`, '--json'));
    const port = (broker as string).split(':')[1] as string;
    const child = standalone(`${folder}/two`, '--broker-port', port);
    const { code, stdout, stderr } = await resultOf(child);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.split('\n').at(-1)).toBe(`ringmq: ${broker} is in use by another program`);
  });

  it('lists everything that is wrong with its settings', async () => {
    const { code, stderr } = await resultOf(
      standalone('/nowhere', '--set', 'brokerRole=SLAVE', '--set', 'maxMessageSize=0', '--set', 'enableTopicList=2'),
    );
    expect(code).toBe(2);
    expect(stderr).toContain('brokerRole = SLAVE (--set brokerRole=SLAVE): not built yet');
    expect(stderr).toContain('maxMessageSize = "0"');
    expect(stderr).toContain('enableTopicList = "2"');
  });
});

describe('ringmq broker', () => {
  it('registers at a NameServer elsewhere and takes itself off when it stops', async () => {
    const folder = temporaryFolder('cli');
    const { namesrv } = await readyJson(ringmq(['namesrv', '--port', '0', '--json']));
    writeFileSync(`${folder}/broker.conf`, `brokerName=broker-b\nlistenPort=0\nstorePathRootDir=${folder}/store\n`);
    const args = ['broker', '-c', `${folder}/broker.conf`, '--namesrv', namesrv as string, '--json', ...SMALL];
    const child = ringmq(args);
    const { broker } = await readyJson(child);
    expect(await routeOf(namesrv as string, 'TBW102')).toContain(`"${broker}"`);
    child.signal('SIGINT');
    expect((await resultOf(child)).code).toBe(0);
    expect(await routeOf(namesrv as string, 'TBW102')).toBeUndefined();
  });

  it('that is stopped while it starts never says that it is ready, and leaves a store that can be opened', async () => {
    const store = `${temporaryFolder('cli')}/store`;
    // The start waits for the answer of its NameServer, which does not come.
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const child = ringmq(['broker', '--store', store, '--port', '0', '--namesrv', `127.0.0.1:${port}`, ...SMALL]);
    await child.until('a line of its log', 15_000, () => child.errors.length > 0);
    child.signal('SIGTERM');
    const { code, stdout, stderr } = await resultOf(child);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain('SIGTERM: stopping during the start');
    await readyJson(standalone(store, '--json'));
  });
});
