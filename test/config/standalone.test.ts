import { describe, expect, it } from 'vitest';
import { assignmentsOfObject } from '../../src/config/assignment.ts';
import { resolveStandalone, STANDALONE_NAMES } from '../../src/config/standalone.ts';

const resolve = (values: object) => resolveStandalone(assignmentsOfObject(values, 'test'));

describe('settings of a NameServer and a broker together', () => {
  it('go to the one that knows them', () => {
    const { broker, nameServer } = resolve({
      bindAddress: '0.0.0.0',
      listenPort: 1,
      namesrvPort: 2,
      brokerName: 'b',
      orderMessageEnable: true,
    });
    expect(broker.settings).toMatchObject({ bindAddress: '0.0.0.0', listenPort: 1, brokerName: 'b' });
    expect(nameServer.settings).toMatchObject({ bindAddress: '0.0.0.0', listenPort: 2, orderMessageEnable: true });
    expect([...broker.warnings, ...nameServer.warnings]).toEqual([]);
  });

  it('report the problems of both, each once', () => {
    expect(() => resolve({ bindAddress: 'a b', namesrvPort: -1 })).toThrow(
      /\n {2}bindAddress = "a b" \(test\): .*\n {2}listenPort = -1 \(test\): [^\n]*$/,
    );
  });

  it('have names that are all different', () => {
    expect(new Set(STANDALONE_NAMES).size).toBe(STANDALONE_NAMES.length);
  });
});
