import { describe, expect, it } from 'vitest';
import { assignmentsOfFlags, assignmentsOfObject } from '../../src/config/assignment.ts';
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
      /\n {2}bindAddress = "a b" \(test\): .*\n {2}namesrvPort = -1 \(test\): [^\n]*$/,
    );
  });

  it('are told by the name that was given', () => {
    const origin = '--set namesrvPort=x';
    expect(() => resolveStandalone(assignmentsOfFlags(['namesrvPort=x'], '--set'))).toThrow(
      `\n  namesrvPort = "x" (${origin}): must be a whole number`,
    );
    const port = { name: 'listenPort', given: 'port', value: 70_000, origin: 'startStandalone' };
    expect(() => resolveStandalone([port])).toThrow('\n  port = 70000 (startStandalone): must be');
  });

  it('refuse one port for both, but not a free one for each', () => {
    expect(() => resolve({ listenPort: 9876 })).toThrow('\n  listenPort = 9876: namesrvPort is the same');
    const port = { name: 'listenPort', given: 'port', value: 9876, origin: 'test' };
    expect(() => resolveStandalone([port])).toThrow('\n  port = 9876: namesrvPort is the same');
    expect(resolve({ listenPort: 0, namesrvPort: 0 }).nameServer.settings.listenPort).toBe(0);
  });

  it('keep their origins', () => {
    const { nameServer } = resolve({ bindAddress: '::1', namesrvPort: 1 });
    expect(Object.fromEntries(nameServer.origins)).toEqual({ bindAddress: 'test', listenPort: 'test' });
    expect(resolve({}).nameServer.origins.size).toBe(0);
  });

  it('have names that are all different', () => {
    expect(new Set(STANDALONE_NAMES).size).toBe(STANDALONE_NAMES.length);
  });
});
