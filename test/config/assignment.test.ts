import { describe, expect, it } from 'vitest';
import {
  assignmentsOfEnvironment,
  assignmentsOfFile,
  assignmentsOfFlags,
  assignmentsOfObject,
} from '../../src/config/assignment.ts';

describe('assignments', () => {
  it('of a broker.conf as Apache ships it', () => {
    const text = '# a comment\nbrokerName = broker-a\nflushDiskType=SYNC_FLUSH \n\nnamesrvAddr: a:1;b:2\n';
    expect(assignmentsOfFile(text, 'conf/broker.conf')).toEqual([
      { name: 'brokerName', value: 'broker-a', origin: 'conf/broker.conf' },
      { name: 'flushDiskType', value: 'SYNC_FLUSH', origin: 'conf/broker.conf' },
      { name: 'namesrvAddr', value: 'a:1;b:2', origin: 'conf/broker.conf' },
    ]);
  });

  it('of flags: a value may hold equals signs, a pair without one lists itself', () => {
    expect(assignmentsOfFlags(['storePathRootDir=/a=b'], '--set')).toEqual([
      { name: 'storePathRootDir', value: '/a=b', origin: '--set storePathRootDir=/a=b', isStrict: true },
    ]);
    expect(() => assignmentsOfFlags(['fine=1', 'broken', '=2'], '--set')).toThrow(
      /--set "broken": must be key=value\n.*--set "=2"/,
    );
  });

  it.each(['RINGMQ_LISTEN_PORT', 'RINGMQ_LISTENPORT', 'RINGMQ_listenPort'])('of the environment: %s', (variable) => {
    const environment = { [variable]: ' 1 ', PATH: '/bin', RINGMQ: 'no', RINGMQ_ABSENT: undefined };
    expect(assignmentsOfEnvironment(environment, ['listenPort'])).toEqual([
      { name: 'listenPort', value: '1', origin: variable },
    ]);
  });

  it('of the environment: what is no setting keeps its name, so that it is warned of', () => {
    expect(assignmentsOfEnvironment({ RINGMQ_LISTEN_PROT: '1' }, ['listenPort'])).toEqual([
      { name: 'LISTEN_PROT', value: '1', origin: 'RINGMQ_LISTEN_PROT' },
    ]);
  });

  it.each([
    ['RINGMQ_ACL_ENABLE', 'aclEnable'],
    ['RINGMQ_BROKERROLE', 'brokerRole'],
    ['RINGMQ_deleteWhen', 'deleteWhen'],
  ])("of the environment: %s is Apache's %s, which is judged as in a file", (variable, name) => {
    expect(assignmentsOfEnvironment({ [variable]: 'x' }, ['listenPort'])).toEqual([
      { name, value: 'x', origin: variable },
    ]);
  });

  it('of an object: undefined says nothing', () => {
    expect(assignmentsOfObject({ listenPort: 0, brokerName: undefined }, 'startBroker')).toEqual([
      { name: 'listenPort', value: 0, origin: 'startBroker', isStrict: true },
    ]);
  });
});
