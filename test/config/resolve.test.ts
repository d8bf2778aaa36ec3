import { describe, expect, it } from 'vitest';
import { settingsText } from '../../src/broker/settings-text.ts';
import {
  type Assignment,
  assignmentsOfEnvironment,
  assignmentsOfFile,
  assignmentsOfFlags,
  assignmentsOfObject,
} from '../../src/config/assignment.ts';
import { checkBroker } from '../../src/config/broker-schema.ts';
import { ConfigurationError } from '../../src/config/configuration-error.ts';
import { BROKER_NAMES, resolveBroker, resolveNameServer } from '../../src/config/resolve.ts';
import { isUpstreamName, ONLY_VALUE } from '../../src/config/upstream-names.ts';

const given = (values: object, origin = 'test'): Assignment[] => assignmentsOfObject(values, origin);

function problemsOf(values: object): readonly string[] {
  try {
    resolveBroker(given(values));
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('settings of a broker', () => {
  it("are upstream's defaults when nothing is given, listening on this machine only", () => {
    const { settings, origins, warnings } = resolveBroker([]);
    expect(settings).toMatchObject({
      brokerClusterName: 'DefaultCluster',
      brokerId: 0,
      bindAddress: '127.0.0.1',
      listenPort: 10_911,
      brokerIP1: '',
      brokerAddress: '',
      brokerPermission: 6,
      defaultTopicQueueNums: 8,
      registerNameServerPeriod: 30_000,
      mappedFileSizeCommitLog: 2 ** 30,
      mappedFileSizeConsumeQueue: 6_000_000,
      maxMessageSize: 4 * 1024 * 1024,
      flushDiskType: 'ASYNC_FLUSH',
      flushIntervalCommitLog: 500,
      syncFlushTimeout: 5000,
      waitTimeMillsInSendQueue: 200,
      maxTransferCountOnMessageInMemory: 32,
      maxTransferBytesOnMessageInDisk: 65_536,
      placement: 'full',
    });
    expect(settings.storePathCommitLog).toBe(`${settings.storePathRootDir}/commitlog`);
    expect(origins.size).toBe(0);
    expect(warnings).toEqual([]);
  });

  it('take the text of a file as well as typed values, in short words too', () => {
    const text =
      'flushDiskType=sync\nlistenPort=0\nautoCreateTopicEnable=false\nplacement=Compact\nmaxMessageSize=1024\n';
    const fromFile = resolveBroker(assignmentsOfFile(text, 'broker.conf')).settings;
    const typed = { flushDiskType: 'SYNC_FLUSH', listenPort: 0, autoCreateTopicEnable: false, placement: 'compact' };
    expect(fromFile).toEqual(resolveBroker(given({ ...typed, maxMessageSize: 1024 })).settings);
    expect(fromFile).toMatchObject({ ...typed, maxMessageSize: 1024 });
  });

  it('remember where they come from; the last one wins', () => {
    const { settings, origins } = resolveBroker([
      ...given({ listenPort: '1', brokerName: 'a' }, 'broker.conf'),
      ...given({ listenPort: '2' }, 'RINGMQ_LISTEN_PORT'),
      ...given({ listenPort: '3' }, '--broker-port'),
    ]);
    expect(settings.listenPort).toBe(3);
    expect(Object.fromEntries(origins)).toEqual({ listenPort: '--broker-port', brokerName: 'broker.conf' });
  });

  it('are refused all at once, each with its origin and what it must be', () => {
    expect(
      problemsOf({
        listenPort: '65536',
        flushDiskType: 'sometimes',
        autoCreateTopicEnable: 'yes',
        maxMessageSize: '5mb',
        defaultTopicQueueNums: 1.5,
        namesrvAddr: 'one,two',
        brokerName: 'a b',
        brokerId: 1,
      }),
    ).toEqual([
      'brokerName = "a b" (test): must be letters, digits, %, |, - and _, with single dots between them',
      'brokerId = 1 (test): must be 0, the master: slaves are not built yet',
      'listenPort = "65536" (test): must be a whole number from 0 to 65535',
      'namesrvAddr = "one,two" (test): must be host:port, several joined by ;',
      'autoCreateTopicEnable = "yes" (test): must be true or false',
      'defaultTopicQueueNums = 1.5 (test): must be a whole number from 1 to 4096',
      'maxMessageSize = "5mb" (test): must be a whole number from 1 to 4194304',
      'flushDiskType = "sometimes" (test): must be one of ASYNC_FLUSH, SYNC_FLUSH, async, sync',
    ]);
  });

  it.each([
    ['brokerRole', 'SLAVE', 'ASYNC_MASTER'],
    ['aclEnable', 'true', 'false'],
    ['authenticationEnabled', 'true', 'false'],
    ['enableDLegerCommitLog', true, false],
    ['duplicationEnable', 'TRUE', 'False'],
  ])('%s = %s is refused, because a broker that ignores it breaks a promise', (name, value, harmless) => {
    expect(problemsOf({ [name]: value })).toEqual([
      expect.stringContaining(`${name} = ${value} (test): not built yet`),
    ]);
    expect(resolveBroker(given({ [name]: harmless })).warnings).toEqual([]);
  });

  it('are refused out of the environment as out of a file', () => {
    const environment = { RINGMQ_ACL_ENABLE: 'true', RINGMQ_BROKER_ROLE: 'SYNC_MASTER' };
    expect(() => resolveBroker(assignmentsOfEnvironment(environment, BROKER_NAMES))).toThrow(
      /aclEnable = true \(RINGMQ_ACL_ENABLE\): not built yet.*\n.*brokerRole = SYNC_MASTER \(RINGMQ_BROKER_ROLE\)/,
    );
  });

  it('are refused with what RingMQ knows instead, also where that is nothing', () => {
    const given = [{ name: 'readOnlyCommitLogStorePaths', value: '/d2/commitlog', origin: 'test' }];
    expect(() => resolveBroker(given)).toThrow(
      'readOnlyCommitLogStorePaths = /d2/commitlog (test): not built yet, RingMQ knows only an empty one',
    );
  });

  it('are refused by names that Apache has, so that the environment can spell them its own way', () => {
    expect([...ONLY_VALUE.keys()].filter((name) => !isUpstreamName(name))).toEqual([]);
  });

  it('are judged by the last place that gives them, also those that are refused', () => {
    const inFile = assignmentsOfFile('brokerRole=SLAVE\nlistenPort=x\n', 'broker.conf');
    const { settings } = resolveBroker([...inFile, ...given({ brokerRole: 'ASYNC_MASTER', listenPort: 1 })]);
    expect(settings.listenPort).toBe(1);
    expect(() => resolveBroker([...given({ brokerRole: 'ASYNC_MASTER' }), ...inFile])).toThrow(
      /brokerRole = SLAVE \(broker\.conf\)/,
    );
  });

  it('refuse a CommitLog in several folders, whose queues would be taken for queues without a log', () => {
    expect(problemsOf({ storePathCommitLog: '/d1/commitlog,/d2/commitlog' })).toEqual([
      'storePathCommitLog = "/d1/commitlog,/d2/commitlog" (test): must be one folder: a CommitLog in several is not built yet',
    ]);
  });

  it("read true and false in any case, as Java's parseBoolean does, and nothing else", () => {
    const { settings } = resolveBroker(given({ autoCreateTopicEnable: 'FALSE', compressedRegister: 'True' }));
    expect(settings).toMatchObject({ autoCreateTopicEnable: false, compressedRegister: true });
    expect(problemsOf({ traceOn: 'on' })).toEqual(['traceOn = "on" (test): must be true or false']);
  });

  it.each(['mq-1.example.org', 'localhost', 'a_b|c'])('take %s for the name of a broker', (brokerName) => {
    expect(resolveBroker(given({ brokerName })).settings.brokerName).toBe(brokerName);
  });

  it.each(['..', 'a..b', '.a', 'a/b', 'a@b', ''])('refuse %j for the name of a broker', (brokerName) => {
    expect(problemsOf({ brokerName })).toHaveLength(1);
  });

  it.each([
    ['0', 10_000],
    ['9999', 10_000],
    ['20000', 20_000],
    ['120000', 60_000],
  ])('hold the time between registrations within the limits of upstream: %s becomes %d', (text, ms) => {
    const { settings } = resolveBroker(given({ registerNameServerPeriod: text }));
    expect(settings.registerNameServerPeriod).toBe(ms);
  });

  it.each([
    [{ diskMaxUsedSpaceRatio: '3' }, 10],
    [{ diskMaxUsedSpaceRatio: '99' }, 95],
    [{ diskSpaceCleanForciblyRatio: '29' }, 30],
    [{ diskSpaceCleanForciblyRatio: '86' }, 85],
    [{ diskSpaceWarningLevelRatio: '34' }, 35],
    [{ diskSpaceWarningLevelRatio: '100' }, 90],
    [{ diskSpaceWarningLevelRatio: '77' }, 77],
  ])('hold the percents of the disk within the limits of upstream: %o becomes %d', (values, percent) => {
    expect(resolveBroker(given(values)).settings).toMatchObject({ [Object.keys(values)[0]!]: percent });
  });

  it('take hours of the day for the time to delete, and nothing else', () => {
    for (const deleteWhen of ['04', '4', '0;23', '01;02;']) {
      expect(resolveBroker(given({ deleteWhen })).settings.deleteWhen).toBe(deleteWhen);
    }
    for (const deleteWhen of ['', '24', '-1', '04:00', '4,5', ';4', 'never']) {
      expect(problemsOf({ deleteWhen }), deleteWhen).toHaveLength(1);
    }
  });

  it("warn of Apache's settings that have no effect and of misspelt ones", () => {
    const text = 'warmMapedFileEnable=true\nflushIntervalConsumeQueue=500\nflushDiskTypo=SYNC_FLUSH\ncolour=blue\n';
    const { warnings } = resolveBroker(assignmentsOfFile(text, 'test'));
    expect(warnings).toEqual([
      'warmMapedFileEnable (test) is a setting of Apache RocketMQ that RingMQ does not follow: ignored',
      'flushIntervalConsumeQueue (test) is a setting of Apache RocketMQ that RingMQ does not follow: ignored',
      'flushDiskTypo (test) is not a setting: ignored, is flushDiskType meant?',
      'colour (test) is not a setting: ignored',
    ]);
  });

  it("refuse names that are none where only RingMQ reads them; Apache's names are warned of there too", () => {
    const values = { warmMapedFileEnable: true, flushDiskTypo: 'SYNC_FLUSH', colour: 'blue' };
    const problems = [
      'flushDiskTypo (test) is not a setting, is flushDiskType meant?',
      'colour (test) is not a setting',
    ];
    expect(problemsOf(values)).toEqual(problems);
    expect(() => resolveBroker(assignmentsOfFlags(['flushDiskTypo=SYNC_FLUSH'], '--set'))).toThrow(ConfigurationError);
    expect(resolveBroker(given({ warmMapedFileEnable: 'true' })).warnings).toHaveLength(1);
  });

  it('advise against an address that nobody can reach', () => {
    expect(resolveBroker(given({ brokerIP1: '10.0.0.5' })).warnings).toEqual([
      expect.stringContaining('listens on 127.0.0.1 only'),
    ]);
    expect(resolveBroker(given({ brokerIP1: '10.0.0.5', bindAddress: '0.0.0.0' })).warnings).toEqual([]);
  });

  it('round ConsumeQueue files up to whole entries', () => {
    expect(resolveBroker(given({ mappedFileSizeConsumeQueue: 1001 })).settings.mappedFileSizeConsumeQueue).toBe(1020);
  });

  it('know the own address when host and port are given', () => {
    expect(resolveBroker(given({ brokerIP1: 'h', listenPort: 1 })).settings.brokerAddress).toBe('h:1');
    expect(resolveBroker(given({ brokerIP1: 'h', listenPort: 0 })).settings.brokerAddress).toBe('');
  });

  it('refuse several net threads beside another placement', () => {
    expect(problemsOf({ netThreads: 2, placement: 'compact' })[0]).toContain('needs the placement full');
    expect(problemsOf({ netThreads: 13 })[0]).toContain('netThreads = 13');
  });

  it.each([
    ['20.19.0', ['netThreads = 2: more than one needs Node 22.12 or newer, this is 20.19.0']],
    ['22.12.0', []],
  ])('allow several net threads where Node lets them share a port: %s', (version, problems) => {
    const { settings } = resolveBroker([]);
    expect(checkBroker({ ...settings, netThreads: 2 }, version)).toEqual(problems);
    expect(checkBroker(settings, version)).toEqual([]);
  });

  it('come out of their own text as they went in', () => {
    const { settings } = resolveBroker(
      given({ storePathRootDir: 'C:\\store', brokerName: 'x', flushDiskType: 'sync', regionId: '=a b#' }),
    );
    const { settings: again, warnings } = resolveBroker(assignmentsOfFile(settingsText(settings), 'text'));
    expect(again).toEqual(settings);
    expect(warnings).toEqual([]);
  });
});

describe('settings of a NameServer', () => {
  it("are RingMQ's defaults, changed by upstream's names", () => {
    const text = 'orderMessageEnable=true\nlistenPort=9999\nkvConfigPath=/tmp/kv.json\nclientRequestThreadPoolNums=8\n';
    const { settings, warnings } = resolveNameServer(assignmentsOfFile(text, 'namesrv.conf'));
    expect(settings).toMatchObject({ orderMessageEnable: true, listenPort: 9999, kvConfigPath: '/tmp/kv.json' });
    expect(settings).toMatchObject({ brokerExpiryMs: 120_000, scanNotActiveBrokerInterval: 10_000 });
    expect(warnings).toEqual([expect.stringContaining('clientRequestThreadPoolNums')]);
  });
});
