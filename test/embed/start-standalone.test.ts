import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { PLACEMENTS } from '../../src/broker/broker-settings.ts';
import {
  ConfigurationError,
  type FlushDiskType,
  type StageFigures,
  type StandaloneConfig,
  type StandaloneHandle,
  startBroker,
  startNameServer,
  startStandalone,
} from '../../src/index.ts';
import { Child } from '../support/child.ts';
import { temporaryFolder } from '../support/folders.ts';
import { repository } from '../support/paths.ts';
import { request, routeOf } from '../support/probe.ts';
import { maxOffsetOf, sendText } from '../support/raw-sends.ts';
import type { Service } from './steady-client.ts';

const DEADLINE_MS = 15_000;
const GET_BROKER_CONFIG = 26;
const GET_NAMESRV_CONFIG = 319;

/** Small files, so that a test does not allocate a gigabyte. */
const SMALL = { mappedFileSizeCommitLog: 1024 * 1024, mappedFileSizeConsumeQueue: 20_000 };

function start(config: Partial<StandaloneConfig> = {}): Promise<StandaloneHandle> {
  return startStandalone({ storePath: `${temporaryFolder('embed')}/store`, port: 0, ...SMALL, ...config });
}

const send = (address: string, text: string) => sendText(address, 'orders', text);
const maxOffset = (address: string) => maxOffsetOf(address, 'orders');

describe.each(PLACEMENTS)('an embedded broker, placement %s', (placement) => {
  it('is registered when it is there, serves, counts, and leaves nothing running', async () => {
    const ringmq = await start({ placement, brokerName: 'mq-1.example.org' });
    expect(await routeOf(ringmq.namesrvAddr, 'TBW102')).toContain('"mq-1.example.org"');
    const answer = await send(ringmq.broker.address, 'hello');
    expect(answer).toMatchObject({ code: 0, fields: { queueOffset: '0', durability: 'written' } });
    expect(ringmq.stats()).toMatchObject({ placement, failure: null });
    const append: StageFigures = ringmq.stats().stages.append;
    expect(append.count).toBe(1);
    expect(await ringmq.nameServer.stats()).toMatchObject({ brokers: 1 });
    await ringmq.close();
    expect(await ringmq.ended).toBeNull();
    await expect(send(ringmq.broker.address, 'too late')).rejects.toThrow('ECONNREFUSED');
    await expect(routeOf(ringmq.namesrvAddr, 'TBW102')).rejects.toThrow('ECONNREFUSED');
  });

  it('keeps its messages from one start to the next', async () => {
    const storePath = `${temporaryFolder('embed')}/store`;
    const flushDiskType: FlushDiskType = 'SYNC_FLUSH';
    const first = await start({ placement, storePath, brokerName: 'mq-1.example.org', flushDiskType });
    const answer = await send(first.broker.address, 'kept');
    expect(answer.fields.durability).toBe('flushed');
    await first.close();
    await using second = await start({ placement, storePath, brokerName: 'mq-1.example.org' });
    expect(await maxOffset(second.broker.address)).toBe(1);
  });

  it('can be closed twice, at once and one after the other', async () => {
    const ringmq = await start({ placement });
    await Promise.all([ringmq.close(), ringmq.close()]);
    await ringmq.close();
    expect(await ringmq.ended).toBeNull();
  });
});

describe.each(['full', 'compact'] as const)('while the program is busy, placement %s', (placement) => {
  it('sends are acknowledged and routes are answered', async () => {
    await using ringmq = await start({ placement });
    const script = `${repository}dist/test/embed/steady-client.js`;
    const client = new Child('steady client', process.execPath, [script, ringmq.namesrvAddr, ringmq.broker.address]);
    await client.line('its first answers', DEADLINE_MS, (line) => line === 'warm');
    const from = systemClock.monotonicUs();
    const to = from + 2_000_000;
    while (systemClock.monotonicUs() < to);
    client.writeLine(`${from} ${to}`);
    const { sends, routes } = await client.line('its report', DEADLINE_MS, (line) =>
      line.startsWith('{') ? (JSON.parse(line) as Service) : undefined,
    );
    // Thousands on an idle machine; a broker that needs this thread would have none and a gap of 2000 ms.
    expect(sends.answers).toBeGreaterThan(0);
    expect(sends.longestGapMs).toBeLessThan(1800);
    expect(sends.refused).toBe(0);
    expect(routes.answers).toBeGreaterThan(0);
    expect(routes.longestGapMs).toBeLessThan(1800);
  });
});

describe('startStandalone', () => {
  it('refuses wrong settings, those of both servers together', async () => {
    const starting = start({ placement: 'fast' as 'full', waitSecondsForService: -1 });
    await expect(starting).rejects.toBeInstanceOf(ConfigurationError);
    await expect(starting).rejects.toThrow(/placement = "fast"[\s\S]*waitSecondsForService = -1/);
  });

  it('needs a folder for its store, and tells of problems by the names that it was given', async () => {
    const starting = startStandalone({ port: 70_000, namesrvPort: -1, host: 'a b' } as unknown as StandaloneConfig);
    await expect(starting).rejects.toBeInstanceOf(ConfigurationError);
    await expect(starting).rejects.toMatchObject({
      problems: [
        'host = "a b" (startStandalone): must be an address of this machine',
        'port = 70000 (startStandalone): must be a whole number from 0 to 65535',
        'storePath = "" (not given): must be a folder',
        'namesrvPort = -1 (startStandalone): must be a whole number from 0 to 65535',
      ],
    });
  });

  it("takes the broker's own names as well", async () => {
    const storePathRootDir = `${temporaryFolder('embed')}/store`;
    const config = { storePathRootDir, listenPort: 0, bindAddress: '127.0.0.1', namesrvPort: 0, ...SMALL };
    await using ringmq = await startStandalone(config as unknown as StandaloneConfig);
    expect(ringmq.broker.port).not.toBe(10_911);
    const settings = (await request(ringmq.broker.address, GET_BROKER_CONFIG, {})).body.toString();
    expect(settings).toContain(`storePathRootDir=${storePathRootDir}\n`);
  });

  it('reads a broker.conf, which the object wins over', async () => {
    const configFile = `${temporaryFolder('embed')}/broker.conf`;
    writeFileSync(configFile, 'brokerName=from-file\nregionId=from-file\nlistenPort=1\nenableTopicList=false\n');
    await using ringmq = await start({ configFile, regionId: 'from-object' });
    const settings = (await request(ringmq.broker.address, GET_BROKER_CONFIG, {})).body.toString();
    expect(settings).toContain('brokerName=from-file\n');
    expect(settings).toContain('regionId=from-object\n');
    const routing = (await request(ringmq.namesrvAddr, GET_NAMESRV_CONFIG, {})).body.toString();
    expect(routing).toContain('enableTopicList=false');
  });

  it('leaves no broker behind when the NameServer cannot start', async () => {
    await using first = await start();
    const storePath = `${temporaryFolder('embed')}/store`;
    await expect(start({ storePath, namesrvPort: first.nameServer.port })).rejects.toThrow(
      `EADDRINUSE: address already in use ${first.nameServer.address}`,
    );
    // The store has been given up.
    await using second = await start({ storePath });
    expect(await routeOf(second.namesrvAddr, 'TBW102')).toContain(second.broker.address);
  });

  it('leaves no NameServer behind when the broker fails while it is closed', async () => {
    const storePath = `${temporaryFolder('embed')}/store`;
    mkdirSync(`${storePath}/consumequeue`, { recursive: true });
    const ringmq = await start({ storePath, log: () => {} });
    // A file where dispatch needs a folder, which it meets when the queue is filed at the end.
    writeFileSync(`${storePath}/consumequeue/orders`, '');
    await send(ringmq.broker.address, 'not filed');
    await expect(ringmq.close()).rejects.toThrow('orders');
    await expect(routeOf(ringmq.namesrvAddr, 'TBW102')).rejects.toThrow('ECONNREFUSED');
  });

  it('registers at other NameServers too', async () => {
    await using other = await startNameServer({ listenPort: 0 });
    await using ringmq = await start({ namesrvAddr: other.address });
    expect(await routeOf(other.address, 'TBW102')).toContain(ringmq.broker.address);
    const settings = (await request(ringmq.broker.address, GET_BROKER_CONFIG, {})).body.toString();
    expect(settings).toContain(`namesrvAddr=${ringmq.namesrvAddr};${other.address}\n`);
  });

  it('leaves no NameServer behind when the broker cannot start', async () => {
    await using first = await start();
    const { port: namesrvPort, address, close } = await startNameServer({ listenPort: 0 });
    await close();
    const taken = start({ port: first.broker.port, namesrvPort });
    await expect(taken).rejects.toThrow(`EADDRINUSE: address already in use ${first.broker.address}`);
    await expect(routeOf(address, 'TBW102')).rejects.toThrow('ECONNREFUSED');
  });
});

describe('startBroker', () => {
  it('reads a broker.conf, says what has no effect, and shows all settings (26)', async () => {
    const folder = temporaryFolder('embed');
    const configFile = `${folder}/broker.conf`;
    writeFileSync(
      configFile,
      `brokerName=from-file\nlistenPort=1\nwarmMapedFileEnable=true\nstorePathRootDir=${folder}/store\nmappedFileSizeCommitLog=1048576\n`,
    );
    const lines: string[] = [];
    await using broker = await startBroker({
      configFile,
      listenPort: 0,
      log: (level, _thread, message) => lines.push(`${level} ${message}`),
    });
    expect(lines).toContainEqual(
      expect.stringMatching(/^warn warmMapedFileEnable \(.*broker\.conf\) is a setting of Apache/),
    );
    const settings = (await request(broker.address, GET_BROKER_CONFIG, {})).body.toString();
    expect(settings).toContain('brokerName=from-file\n');
    expect(settings).toContain('mappedFileSizeCommitLog=1048576\n');
    expect(settings).toContain('syncFlushTimeout=5000\n');
  });

  it('refuses a store that another broker of this process has open', async () => {
    const storePathRootDir = `${temporaryFolder('embed')}/store`;
    await using _first = await startBroker({ storePathRootDir, listenPort: 0, ...SMALL });
    await expect(startBroker({ storePathRootDir, listenPort: 0, ...SMALL })).rejects.toThrow(
      `the store ${storePathRootDir} is open in this process already`,
    );
  });

  it('needs no argument: everything has a default', async () => {
    // The default store is in the home folder, and here nothing can be made in that.
    const script = `${temporaryFolder('embed')}/program.mjs`;
    writeFileSync(script, `import { startBroker } from '${repository}dist/src/index.js';\nawait startBroker();\n`);
    const child = new Child('program', process.execPath, [script], { env: { ...process.env, HOME: '/dev/null' } });
    expect((await child.ended(DEADLINE_MS)).code).toBe(1);
    expect(child.errors.join('\n')).toContain('/dev/null/store');
  });
});
