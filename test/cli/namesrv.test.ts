import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { repository } from '../support/paths.ts';
import { request } from '../support/probe.ts';
import { readyJson, readyLine, resultOf, ringmq } from './ringmq.ts';

const GET_NAMESRV_CONFIG = 319;

describe('ringmq namesrv', () => {
  it('says where it listens, serves, and ends in order at SIGTERM', async () => {
    const child = ringmq(['namesrv', '--port', '0', '--json', '--set', 'orderMessageEnable=true']);
    const ready = await readyJson(child);
    expect(ready).toEqual({ ready: true, namesrv: expect.stringMatching(/^127\.0\.0\.1:\d+$/) });
    const settings = await request(ready.namesrv as string, GET_NAMESRV_CONFIG, {});
    expect(settings.body.toString()).toContain('orderMessageEnable=true');
    child.signal('SIGTERM');
    const { code, stdout, stderr } = await resultOf(child);
    expect({ code, lines: stdout.split('\n').length }).toEqual({ code: 0, lines: 1 });
    expect(stderr).toContain('SIGTERM: stopping');
  });

  it.each(['SIGINT', 'SIGHUP'] as const)('prints a line for people without --json, and stops at %s', async (signal) => {
    const child = ringmq(['namesrv', '--port', '0', '--log-level', 'warn']);
    expect(await readyLine(child)).toMatch(/^ready namesrv=127\.0\.0\.1:\d+$/);
    child.signal(signal);
    expect(await resultOf(child)).toMatchObject({ code: 0, stderr: '' });
  });

  it('takes file, environment and flags, the later before the earlier', async () => {
    const file = `${temporaryFolder('namesrv')}/namesrv.conf`;
    writeFileSync(file, 'listenPort=1\nwaitSecondsForService=1\nbrokerExpiryMs=1001\nenableTopicList=false\n');
    const environment = {
      RINGMQ_LISTEN_PORT: '2',
      RINGMQ_WAIT_SECONDS_FOR_SERVICE: '2',
      RINGMQ_BROKER_EXPIRY_MS: '2002',
    };
    const args = ['namesrv', '-c', file, '--port', '0', '--set', 'brokerExpiryMs=3003', '--json'];
    const { namesrv } = await readyJson(ringmq(args, environment));
    const settings = (await request(namesrv as string, GET_NAMESRV_CONFIG, {})).body.toString();
    expect(settings).toContain('enableTopicList=false');
    expect(settings).toContain('waitSecondsForService=2');
    expect(settings).toContain('brokerExpiryMs=3003');
  });

  it('says that its port is taken', async () => {
    const { namesrv } = await readyJson(ringmq(['namesrv', '--port', '0', '--json']));
    const port = (namesrv as string).split(':')[1] as string;
    const { code, stdout, stderr } = await resultOf(ringmq(['namesrv', '--port', port]));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`ringmq: ${namesrv} is in use by another program`);
  });

  it('logs JSON when told to, warnings of settings included', async () => {
    const environment = { RINGMQ_enableTopicLst: 'true' };
    const child = ringmq(['namesrv', '--port', '0', '--log-format', 'json'], environment);
    await readyLine(child);
    const line = await child.until('its warning', 5000, () => child.errors[0]);
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      thread: 'namesrv',
      msg: expect.stringContaining('enableTopicList'),
    });
  });
});

describe('ringmq', () => {
  it.each([
    [['namesrv', '--port', 'x', '--set', 'waitSecondsForService=-1'], 'listenPort = "x" (--port): must be'],
    [
      ['namesrv', '--set', 'enableTopicLst=true'],
      'enableTopicLst (--set enableTopicLst=true) is not a setting, is enab',
    ],
    [['namesrv', '--set', 'nothing'], '--set "nothing": must be key=value'],
    [['namesrv', '-c', '/nowhere/namesrv.conf'], '/nowhere/namesrv.conf cannot be read'],
    [['namesrv', '--prot', '1'], 'Did you mean --port?'],
    [['namesrv', '--log-level', 'loud'], 'Allowed choices are debug, info, warn, error'],
    [['nameserver'], "unknown command 'nameserver'"],
    [[], 'Usage: ringmq'],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await resultOf(ringmq(args));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('shows its version and its help', async () => {
    const { version } = JSON.parse(readFileSync(`${repository}package.json`, 'utf8')) as { version: string };
    expect(await resultOf(ringmq(['--version']))).toEqual({ code: 0, stdout: version, stderr: '' });
    const help = await resultOf(ringmq(['namesrv', '--help']));
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('Examples:\n  ringmq namesrv');
  });
});
