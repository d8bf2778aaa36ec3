import { readFileSync, writeFileSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/config/configuration-error.ts';
import { type NameServerHandle, type NameServerPlace, startNameServer } from '../../src/embed/start-name-server.ts';
import { temporaryFolder } from '../support/folders.ts';
import { request } from '../support/probe.ts';

const GET_NAMESRV_CONFIG = 319;
const PUT_KV_CONFIG = 100;
const GET_KV_CONFIG = 101;
const entry = { namespace: 'ORDER_TOPIC_CONFIG', key: 'orders' };

describe.each<NameServerPlace>(['own', 'caller'])('a NameServer in the %s thread', (thread) => {
  it('serves, counts and ends', async () => {
    const nameServer = await startNameServer({ listenPort: 0, thread });
    expect(nameServer.address).toBe(`127.0.0.1:${nameServer.port}`);
    await request(nameServer.address, GET_KV_CONFIG, entry);
    expect(await nameServer.stats()).toMatchObject({ brokers: 0, requests: 1 });
    await nameServer.close();
    expect(await nameServer.ended).toBeNull();
    await expect(request(nameServer.address, GET_KV_CONFIG, entry)).rejects.toThrow('ECONNREFUSED');
  });

  it('keeps its key-value settings in a file', async () => {
    const kvConfigPath = `${temporaryFolder('kv')}/below/kvConfig.json`;
    const start = (): Promise<NameServerHandle> => startNameServer({ listenPort: 0, thread, kvConfigPath });
    const first = await start();
    await request(first.address, PUT_KV_CONFIG, { ...entry, value: 'broker-a:4' });
    await first.close();
    expect(readFileSync(kvConfigPath, 'utf8')).toContain('broker-a:4');
    await using second = await start();
    expect((await request(second.address, GET_KV_CONFIG, entry)).fields.value).toBe('broker-a:4');
  });

  it('can be closed twice, at once and one after the other', async () => {
    const nameServer = await startNameServer({ listenPort: 0, thread });
    await Promise.all([nameServer.close(), nameServer.close()]);
    await nameServer.close();
    expect(await nameServer.ended).toBeNull();
  });

  it('rejects when its port is taken', async () => {
    await using first = await startNameServer({ listenPort: 0, thread });
    await expect(startNameServer({ listenPort: first.port, thread })).rejects.toThrow('EADDRINUSE');
  });
});

describe('startNameServer', () => {
  it('refuses wrong settings, all of them', async () => {
    const start = startNameServer({ listenPort: 70_000, brokerExpiryMs: -1 });
    await expect(start).rejects.toBeInstanceOf(ConfigurationError);
    await expect(start).rejects.toThrow(/listenPort = 70000 \(startNameServer\)[\s\S]*brokerExpiryMs = -1/);
  });

  it('reads a namesrv.conf, which the object wins over, and says at debug where each setting comes from', async () => {
    const configFile = `${temporaryFolder('namesrv')}/namesrv.conf`;
    writeFileSync(configFile, 'listenPort=1\nenableTopicList=false\n');
    const lines: string[] = [];
    await using nameServer = await startNameServer({
      configFile,
      listenPort: 0,
      log: (level, thread, message) => lines.push(`${level} ${thread} ${message}`),
    });
    const settings = (await request(nameServer.address, GET_NAMESRV_CONFIG, {})).body.toString();
    expect(settings).toContain('enableTopicList=false');
    expect(lines).toContain('debug namesrv listenPort = 0 (startNameServer)');
    expect(lines).toContain(`debug namesrv enableTopicList = false (${configFile})`);
  });

  it('logs that its thread has died, and ends', async () => {
    let worker: Worker | null = null;
    process.once('worker', (started) => {
      worker = started;
    });
    const lines: string[] = [];
    const nameServer = await startNameServer({
      listenPort: 0,
      log: (level, thread, message) => lines.push(`${level} ${thread} ${message}`),
    });
    await worker!.terminate();
    expect(await nameServer.ended).toBe('the thread of the NameServer ended');
    expect(lines).toContain('error namesrv the thread of the NameServer ended');
  });
});
